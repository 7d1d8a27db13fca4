/* Products of bf16 rows and panels on AVX512-BF16: each instruction adds two products a lane. */
#if defined(__x86_64__)
#include "levels.h"
#include <immintrin.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"))), apply_to = function)

#define UNROLL _Pragma("clang loop unroll(full)")

static inline __attribute__((always_inline)) void tile(const int R, const int P, const gpt_bf16_product *t, int row, int panel) {
  const uint16_t *x = t->x + row * t->x_stride;
  const char *w = (const char *)t->panels + panel * t->panel_stride;
  __m512 acc[8][4];
  float *y = t->y + row * t->y_stride + panel * 16;
  if (t->accumulate) {
    UNROLL for (int r = 0; r < R; r++) UNROLL for (int p = 0; p < P; p++)
      acc[r][p] = _mm512_loadu_ps(y + r * t->y_stride + 16 * p);
  } else {
    UNROLL for (int p = 0; p < P; p++) {
      __m512 bias = t->bias ? _mm512_loadu_ps(t->bias + 16 * (panel + p)) : _mm512_setzero_ps();
      UNROLL for (int r = 0; r < R; r++) acc[r][p] = bias;
    }
    if (t->addend) {
      const float *addend = t->addend + row * t->addend_stride + panel * 16;
      UNROLL for (int r = 0; r < R; r++) UNROLL for (int p = 0; p < P; p++)
        acc[r][p] = _mm512_add_ps(acc[r][p], _mm512_loadu_ps(addend + r * t->addend_stride + 16 * p));
    }
  }
  for (int k = 0; k < t->depth / 2; k++, w += 64) {
    __m512bh weight[4];
    UNROLL for (int p = 0; p < P; p++) weight[p] = (__m512bh)_mm512_loadu_si512(w + p * t->panel_stride);
    UNROLL for (int r = 0; r < R; r++) {
      int32_t pair;
      memcpy(&pair, x + r * t->x_stride + 2 * k, 4);
      __m512bh factor = (__m512bh)_mm512_set1_epi32(pair);
      UNROLL for (int p = 0; p < P; p++) acc[r][p] = _mm512_dpbf16_ps(acc[r][p], factor, weight[p]);
    }
  }
  UNROLL for (int r = 0; r < R; r++) UNROLL for (int p = 0; p < P; p++) _mm512_storeu_ps(y + r * t->y_stride + 16 * p, acc[r][p]);
}

/* Six rows by four panels keep 24 sums and need a load for two and a half of them; with fewer
   panels eight rows are better. */
#define ROWS(R)                                                                  \
  static void rows_##R(const gpt_bf16_product *t, int row) {                     \
    int panel = 0;                                                               \
    if (R <= 6)                                                                  \
      for (; panel + 4 <= t->panel_count; panel += 4) tile(R <= 6 ? R : 1, 4, t, row, panel); \
    for (; panel + 2 <= t->panel_count; panel += 2) tile(R, 2, t, row, panel);   \
    if (panel < t->panel_count) tile(R, 1, t, row, panel);                       \
  }
ROWS(1)
ROWS(2)
ROWS(4)
ROWS(6)
ROWS(8)

void gpt_bf16_product_avx512(const gpt_bf16_product *t) {
  int row = 0;
  if (t->panel_count >= 4)
    for (; row + 6 <= t->rows; row += 6) rows_6(t, row);
  else
    for (; row + 8 <= t->rows; row += 8) rows_8(t, row);
  for (; row + 4 <= t->rows; row += 4) rows_4(t, row);
  for (; row + 2 <= t->rows; row += 2) rows_2(t, row);
  for (; row < t->rows; row++) rows_1(t, row);
}
#pragma clang attribute pop
#endif
