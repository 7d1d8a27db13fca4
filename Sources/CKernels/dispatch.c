/* Which level this CPU runs, and the table of each. */
#include "levels.h"
#include "half.h"

#if defined(__x86_64__)
static int has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}
static int has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vnni");
}
static gpt_kernels with_bf16;
__attribute__((constructor)) static void choose_bf16(void) {
  with_bf16 = gpt_kernels_avx512;
  if (has_avx512() && __builtin_cpu_supports("avx512bf16")) {
    with_bf16.has_bf16_product = 1;
    with_bf16.bf16_product = gpt_bf16_product_avx512;
  }
}
#endif

gpt_level gpt_best_level(void) {
#if defined(__x86_64__)
  if (has_avx512()) return GPT_LEVEL_AVX512;
  if (has_avx2()) return GPT_LEVEL_AVX2;
#endif
  return GPT_LEVEL_PORTABLE;
}

const gpt_kernels *gpt_kernels_of(gpt_level level) {
  if (level > gpt_best_level()) return 0;
  switch (level) {
  case GPT_LEVEL_PORTABLE: return &gpt_kernels_portable;
#if defined(__x86_64__)
  case GPT_LEVEL_AVX2: return &gpt_kernels_avx2;
  case GPT_LEVEL_AVX512: return &with_bf16;
#endif
  default: return 0;
  }
}

uint16_t gpt_f16_from_f32(float value) { return float_to_half(value); }
float gpt_f32_from_f16(uint16_t value) { return half_to_float(value); }

void gpt_pack_codes(const uint8_t *codes, ptrdiff_t row_stride, int bits, int blocks, uint8_t *panel) {
  for (int b = 0; b < blocks; b++) {
    for (int r = 0; r < GPT_PANEL_WIDTH; r++) {
      const uint8_t *from = codes + r * row_stride + 32 * b;
      if (bits == 8) {
        for (int j = 0; j < 8; j++) __builtin_memcpy(panel + 512 * b + 64 * j + 4 * r, from + 4 * j, 4);
        continue;
      }
      for (int j = 0; j < 4; j++) {
        uint32_t low, high;
        __builtin_memcpy(&low, from + 4 * j, 4);
        __builtin_memcpy(&high, from + 16 + 4 * j, 4);
        low |= high << 4;
        __builtin_memcpy(panel + 256 * b + 64 * j + 4 * r, &low, 4);
      }
    }
  }
}
