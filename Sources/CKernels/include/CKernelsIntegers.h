/* Products whose left side, or both sides, are integers. Panels: CKernels.h. */
#ifndef GPT_CKERNELS_INTEGERS_H
#define GPT_CKERNELS_INTEGERS_H

#include <stddef.h>
#include <stdint.h>

/* A quantised panel's format. */
typedef struct gpt_quantised_format {
  int bits;       /* 4, 5, 6 or 8 */
  int sub_blocks; /* scales a block: 1 (per 32 positions) or 2 (per 16) */
  int affine;     /* 1: minimums are present */
  int zero;       /* subtracted from every code */
} gpt_quantised_format;

/* Bytes of a block of 32 positions of a panel. */
static inline ptrdiff_t gpt_quantised_block_bytes(gpt_quantised_format f) {
  return 64 * f.bits + 32 * f.sub_blocks * (f.affine ? 2 : 1);
}

/* Rows of activations in 16 bits per block of 32: value = scale * (256 * upper + lower), both of 8 bits,
   for which there are products. */
#define GPT_ROW_BLOCK_BYTES 64
typedef struct gpt_quantised_rows {
  const int8_t *codes; /* [rows][code_stride], of a block 32 upper and 32 lower ones */
  ptrdiff_t code_stride;
  const float *scales; /* [rows][scale_stride], one per 32 positions */
  ptrdiff_t scale_stride;
  const float *sums; /* [rows][sum_stride], of the values of 16 positions */
  ptrdiff_t sum_stride;
} gpt_quantised_rows;

typedef struct gpt_quantised_product {
  gpt_quantised_rows x;
  int rows;
  gpt_quantised_format format;
  const uint8_t *panels;
  ptrdiff_t panel_stride; /* bytes */
  int panel_count;
  int blocks; /* of 32 input positions */
  float *y;
  ptrdiff_t y_stride;
} gpt_quantised_product;

#define GPT_INTEGER_BLOCK 64

/* Rows of activations in 8 bits with a scale per block of 64: value = scale * (code - 128). Rows are
   padded to whole blocks by codes of 128. */
typedef struct gpt_integer_rows {
  const uint8_t *codes; /* [rows][code_stride] */
  ptrdiff_t code_stride;
  const float *scales; /* [rows][scale_stride] */
  ptrdiff_t scale_stride;
} gpt_integer_rows;

/* y[r][16 p + lane] = sum over blocks of x scale * panel scale * sum of x codes * panel codes.
   Panels are [block][16][16][4] codes: four neighbouring depth steps share a 32-bit lane. */
typedef struct gpt_integer_product {
  gpt_integer_rows x;
  int rows;
  const int8_t *panels; /* value = scale * code */
  ptrdiff_t panel_stride;
  const float *scales;    /* of a panel: [block][16] */
  const int32_t *offsets; /* likewise; -128 * sum of a block's codes */
  ptrdiff_t scale_stride; /* elements from panel to panel, of scales and offsets */
  int panel_count;
  int blocks;
  float *y;
  ptrdiff_t y_stride;
  int accumulate;      /* 1: add to what y holds */
  const float *bias;   /* as in gpt_bf16_product */
  const float *addend;
  ptrdiff_t addend_stride;
} gpt_integer_product;

/* Rows of activations in 16 bits, a scale per block of 32: value = scale * code. Of every four codes
   the second and the third have changed places: positions 4 v and 4 v + 2 are neighbours. */
typedef struct gpt_int16_rows {
  const int16_t *codes; /* [rows][code_stride] */
  ptrdiff_t code_stride;
  const float *scales; /* [rows][scale_stride] */
  ptrdiff_t scale_stride;
  const float *sums; /* [rows][2 * scale_stride], scale * sum of codes per 16 positions */
  const float *block_sums; /* [rows][scale_stride], the same of a block */
} gpt_int16_rows;

/* y[r][16 p + lane] = bias, plus what it holds if `accumulate`, plus the sum over blocks of x scale * panel scale
   * sum of x codes * panel codes, plus x sum * minimum. Panels are codes, less their zero, as [16 * blocks][16][2], pairs as in the rows:
   at most 8 bits, so that a block's sum stays below 32 * 2^7 * 2^15 = 2^27. */
typedef struct gpt_int16_product {
  gpt_int16_rows x;
  int rows;
  const int16_t *panels;
  ptrdiff_t panel_stride; /* elements */
  const float *scales;    /* of a panel: [block][sub_blocks][16] */
  const float *minimums;  /* likewise, or NULL */
  ptrdiff_t scale_stride; /* elements from panel to panel, of scales and minimums */
  int sub_blocks;         /* 1 or 2 */
  int panel_count;
  int blocks;
  float *y;
  ptrdiff_t y_stride;
  int accumulate;    /* whether y is added to instead of overwritten */
  const float *bias; /* [16 * panel_count], or NULL */
} gpt_int16_product;

/* ggml's blocks that are multiplied as they lie. */
typedef enum gpt_stored_type {
  GPT_STORED_Q8_0 = 0,
  GPT_STORED_Q4_0 = 1,
  GPT_STORED_Q4_1 = 2,
  GPT_STORED_Q5_0 = 3,
  GPT_STORED_Q5_1 = 4,
  GPT_STORED_Q4_K = 5, /* this and Q6_K: blocks of 256 positions, the others of 32 */
  GPT_STORED_Q6_K = 6,
} gpt_stored_type;

/* Bytes of a block. */
static inline ptrdiff_t gpt_stored_bytes(gpt_stored_type type) {
  switch (type) {
  case GPT_STORED_Q8_0: return 34;
  case GPT_STORED_Q4_0: return 18;
  case GPT_STORED_Q4_1: return 20;
  case GPT_STORED_Q5_0: return 22;
  case GPT_STORED_Q5_1: return 24;
  case GPT_STORED_Q4_K: return 144;
  default: return 210;
  }
}

/* y[r][n] = sum over blocks of x scale * weight scale * sum of x * weight codes, plus what the
   codes' zero or minimum adds, of quantised rows at any address. Sums are of 16 lanes each, whatever
   the number of rows and outputs. */
typedef struct gpt_stored_product {
  gpt_quantised_rows x; /* its sums followed by zeros to a multiple of 16 */
  int rows;
  gpt_stored_type type;
  const uint8_t *weights; /* row after row */
  ptrdiff_t row_bytes;
  const int32_t *row_of_output; /* or NULL: in order */
  int outputs;                  /* y gets zeros behind them, to a multiple of 16 */
  int blocks;                   /* of 32 input positions */
  float *y;
  ptrdiff_t y_stride;
} gpt_stored_product;

#endif
