/* Unpacking of quantised panels for products of bf16 on AVX512-BF16, which rounds two vectors at once.
   Its making zeros of subnormals does not matter: fp16 scales and minimums times whole codes are
   multiples of 2^-24. */
#if defined(__x86_64__)
#include "levels.h"
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,fma,f16c,avx2"))), apply_to = function)
#include "vector_avx512.h"
#include "template_macros.h"

ALWAYS void store_pair(uint16_t *out, v16 even, v16 odd) {
  const __m512i interleaved = _mm512_set_epi16(
      31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3,
      18, 2, 17, 1, 16, 0);
  v16i_store(out, _mm512_permutexvar_epi16(interleaved, (__m512i)_mm512_cvtne2ps_pbh(odd, even)));
}
#include "template_codes.h"
#include "template_unpack.h"

void gpt_unpack_bf16_avx512(const gpt_quantised_format *f, const uint8_t *panel, int blocks, uint16_t *out) {
  unpack(f, panel, blocks, 0, 0, out);
}
#pragma clang attribute pop
#endif
