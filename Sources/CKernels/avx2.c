#if defined(__x86_64__)
#include "levels.h"
#include <immintrin.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#include "vector_avx2.h"
#define LEVEL_NAME "avx2"
#define LEVEL_TABLE gpt_kernels_avx2
#include "level.h"
#pragma clang attribute pop
#endif
