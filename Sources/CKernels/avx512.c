#if defined(__x86_64__)
#include "levels.h"
#include <immintrin.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma,f16c,avx2"))), apply_to = function)
#include "vector_avx512.h"
#define LEVEL_NAME "avx512"
#define LEVEL_TABLE gpt_kernels_avx512
#include "level.h"
#pragma clang attribute pop
#endif
