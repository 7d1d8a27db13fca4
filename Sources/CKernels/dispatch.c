/* Which level this CPU runs, and the table of each. */
#define _GNU_SOURCE
#include "levels.h"
#include <sched.h>
#include "half.h"

int gpt_fetches_near = 1, gpt_fetches_streams = 1;

#if defined(__x86_64__)
#include <cpuid.h>

/* What a program fetches into the first-level cache waits in its places for misses, 24 a core on Zen 4:
   weights of one row came at 18 GB/s so, at 23 through the second level, and at 27 when nothing was
   fetched, as the processor foresees one stream by itself (template_rows.h); eight rows at once went from 212 to 240 tokens
   a second (SmolLM2 in BF16) through the second level and to 145 without. On Zen 3 and Zen 5 the first
   level was measured to be good. No other processor was measured: the second level is theirs. */
static void choose_fetching(void) {
  unsigned a, b, c, d;
  gpt_fetches_near = 0;
  if (!__get_cpuid(0, &a, &b, &c, &d) || b != signature_AMD_ebx || !__get_cpuid(1, &a, &b, &c, &d)) return;
  unsigned family = (a >> 8 & 15) + (a >> 20 & 255), model = (a >> 4 & 15) | (a >> 12 & 0xf0);
  /* Family 19h: Zen 4 has models 10h to 1Fh and from 60h on, Zen 3 the others. */
  int is_zen4 = family == 0x19 && (model >> 4 == 1 || model >= 0x60);
  gpt_fetches_near = gpt_fetches_streams = !is_zen4;
}

static int has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}
static int has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vnni");
}
static gpt_kernels with_bf16, with_tiles;
static int has_amx;
__attribute__((constructor)) static void choose_products(void) {
  choose_fetching();
  __builtin_cpu_init(); /* its own constructor may not have run yet */
  with_bf16 = gpt_kernels_avx512;
  with_bf16.has_integer_product = 1;
  if (has_avx512() && __builtin_cpu_supports("avx512bf16")) {
    with_bf16.has_bf16_product = 1;
    with_bf16.has_int16_product = 0;
    with_bf16.bf16_product = gpt_bf16_product_avx512;
    with_bf16.bf16_half_product = gpt_bf16_half_product_avx512;
    with_bf16.bf16_rows_product = gpt_bf16_rows_product_avx512;
    with_bf16.unpack_bf16 = gpt_unpack_bf16_avx512;
  }
  with_tiles = gpt_kernels_avx512;
  with_tiles.name = "amx";
  with_tiles.has_bf16_product = 1;
  with_tiles.has_int16_product = 0;
  with_tiles.bf16_product = gpt_bf16_product_amx;
  with_tiles.bf16_rows_product = with_bf16.bf16_rows_product;
  with_tiles.unpack_bf16 = with_bf16.unpack_bf16;
  has_amx = has_avx512() && gpt_has_amx();
}
#endif

gpt_level gpt_best_level(void) {
#if defined(__x86_64__)
  if (has_amx) return GPT_LEVEL_AMX;
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
  case GPT_LEVEL_AMX: return &with_tiles;
#endif
  default: return 0;
  }
}

uint16_t gpt_f16_from_f32(float value) { return float_to_half(value); }
float gpt_f32_from_f16(uint16_t value) { return half_to_float(value); }

int gpt_processor_count(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}
