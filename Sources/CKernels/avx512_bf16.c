/* Products of bf16 rows and panels on AVX512-BF16: each instruction adds two products a lane. */
#if defined(__x86_64__)
#include "levels.h"
#include <immintrin.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"))), apply_to = function)

#include "template_macros.h"

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

/* R rows, an even number or one, by eight columns of a panel: lanes 2 i and 2 i + 1 sum every other
   pair of depth steps for column i, so that an instruction is as full as with sixteen. */
static inline __attribute__((always_inline)) void half_tile(const int R, const gpt_bf16_product *t, int row) {
  const uint16_t *x = t->x + row * t->x_stride;
  const __m512i alternate = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  __m512 acc[16];
  UNROLL for (int r = 0; r < R; r++) acc[r] = _mm512_setzero_ps();
  for (int k = 0; k < t->depth; k += 4) {
    const uint16_t *w = t->panels + 16 * k;
    __m512bh weight = (__m512bh)_mm512_permutex2var_epi32(_mm512_loadu_si512(w), alternate,
                                                          _mm512_loadu_si512(w + 32));
    UNROLL for (int r = 0; r < R; r++) {
      int64_t four;
      memcpy(&four, x + r * t->x_stride + k, 8);
      acc[r] = _mm512_dpbf16_ps(acc[r], (__m512bh)_mm512_set1_epi64(four), weight);
    }
  }
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  UNROLL for (int r = 0; r < R; r += 2) {
    __m512 next = r + 1 < R ? acc[r + 1] : acc[r];
    __m512 sum = _mm512_add_ps(_mm512_permutex2var_ps(acc[r], even, next),
                               _mm512_permutex2var_ps(acc[r], odd, next));
    float *y = t->y + (row + r) * t->y_stride;
    _mm256_storeu_ps(y, _mm512_castps512_ps256(sum));
    if (r + 1 < R) _mm256_storeu_ps(y + t->y_stride, _mm512_extractf32x8_ps(sum, 1));
  }
}

void gpt_bf16_half_product_avx512(const gpt_bf16_product *t) {
  int row = 0;
  for (; row + 16 <= t->rows; row += 16) half_tile(16, t, row);
  for (; row + 4 <= t->rows; row += 4) half_tile(4, t, row);
  for (; row < t->rows; row++) half_tile(1, t, row);
}

/* Rows of x that are in the first-level cache while all columns of a call pass over them. */
#define OUTER_DEPTH 64
/* Elements of a row that are fetched ahead: 64 rows are too many for the processor to follow. With x
   in memory that is three times as fast. */
#define OUTER_AHEAD 96

/* R rows of factors by 32 columns. Interleaving two rows of x as they are loaded leaves the lanes of
   each 128 bits in halves, which the sums are put in order of. */
static inline __attribute__((always_inline)) void outer_tile(const int R, const gpt_bf16_rows_product *t, int row,
                                                             int column, int first, int end, int adds) {
  const uint16_t *x = t->x + column;
  const uint16_t *factors = t->factors + row * t->factor_stride;
  __m512 low[8], high[8];
  UNROLL for (int r = 0; r < R; r++) low[r] = high[r] = _mm512_setzero_ps();
  for (int k = first; k < end; k += 2) {
    _mm_prefetch((const char *)(x + k * t->x_stride + OUTER_AHEAD), _MM_HINT_T0);
    _mm_prefetch((const char *)(x + (k + 1) * t->x_stride + OUTER_AHEAD), _MM_HINT_T0);
    __m512i even = _mm512_loadu_si512(x + k * t->x_stride);
    __m512i odd = k + 1 < t->depth ? _mm512_loadu_si512(x + (k + 1) * t->x_stride) : _mm512_setzero_si512();
    __m512bh a = (__m512bh)_mm512_unpacklo_epi16(even, odd), b = (__m512bh)_mm512_unpackhi_epi16(even, odd);
    UNROLL for (int r = 0; r < R; r++) {
      int32_t pair;
      memcpy(&pair, factors + r * t->factor_stride + k, 4);
      __m512bh factor = (__m512bh)_mm512_set1_epi32(pair);
      low[r] = _mm512_dpbf16_ps(low[r], factor, a);
      high[r] = _mm512_dpbf16_ps(high[r], factor, b);
    }
  }
  const __m512i first_half = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const __m512i second_half = _mm512_add_epi32(first_half, _mm512_set1_epi32(8));
  UNROLL for (int r = 0; r < R; r++) {
    float *y = t->y + (row + r) * t->y_stride + column;
    __m512 left = _mm512_permutex2var_ps(low[r], first_half, high[r]);
    __m512 right = _mm512_permutex2var_ps(low[r], second_half, high[r]);
    int wide = column + 16 < t->columns;
    if (adds) {
      left = _mm512_add_ps(left, _mm512_loadu_ps(y));
      if (wide) right = _mm512_add_ps(right, _mm512_loadu_ps(y + 16));
    }
    _mm512_storeu_ps(y, left);
    if (wide) _mm512_storeu_ps(y + 16, right);
  }
}

void gpt_bf16_rows_product_avx512(const gpt_bf16_rows_product *t) {
  for (int first = 0; first < t->depth; first += OUTER_DEPTH) {
    int end = t->depth - first < OUTER_DEPTH ? t->depth : first + OUTER_DEPTH;
    int adds = t->accumulate || first > 0;
    for (int column = 0; column < t->columns; column += 32) {
      int row = 0;
      for (; row + 8 <= t->rows; row += 8) outer_tile(8, t, row, column, first, end, adds);
      for (; row + 2 <= t->rows; row += 2) outer_tile(2, t, row, column, first, end, adds);
      if (row < t->rows) outer_tile(1, t, row, column, first, end, adds);
    }
  }
}
#pragma clang attribute pop
#endif
