/* Vector kernels of the numeric core, with one table of functions per instruction-set level.

   Shared layouts
   - panel: 16 output features (rows of a weight matrix) side by side, so that one vector register
     holds the same input position of all 16. Panels of floats are [depth][16]; panels of bf16 are
     [depth / 2][16][2]: two neighbouring input positions share a 32-bit lane.
   - quantised panel: for every block of 32 input positions, codes of 4, 5, 6 or 8 bits as
     [bits][16][4] bytes. Byte i of a lane belongs to positions 4 v + i, v from 0 to 7; vector
     v < bits holds its own code in the lower bits, and what is left above holds the codes of the
     other v (template_codes.h). Behind a block's codes lie its scales, [sub-block][16] in fp16, and
     its minimums likewise, if there are any: one stream is read faster than three.
     value = scale * (code - zero) + minimum.
   - every product is summed in order of depth for each output element, whatever the number of rows
     or panels in a call, so that results depend on neither threads nor batch. */
#ifndef GPT_CKERNELS_H
#define GPT_CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "CKernelsIntegers.h"
#include "CKernelsUpdates.h"

#define GPT_PANEL_WIDTH 16
#define GPT_BLOCK_LENGTH 32
#define GPT_FEW_ROWS 8 /* rows of x that products with weights as they are take */

typedef enum gpt_level {
  GPT_LEVEL_PORTABLE = 0,
  GPT_LEVEL_AVX2 = 1,
  GPT_LEVEL_AVX512 = 2,
  GPT_LEVEL_AMX = 3, /* AVX-512 with bf16 products on matrix tiles */
} gpt_level;

typedef enum gpt_panel_type {
  GPT_PANEL_F32 = 0,
  GPT_PANEL_F16 = 1,
  GPT_PANEL_BF16 = 2,
} gpt_panel_type;

/* y[r][16 p + lane] (+)= sum over k < depth of x[r][k] * panel p [k][lane]. */
typedef struct gpt_float_product {
  const float *x;
  ptrdiff_t x_stride; /* floats between rows of x */
  ptrdiff_t x_step;   /* floats between depth steps of x: 1, or a row's length for a transposed x */
  int rows;
  gpt_panel_type type;
  const void *panels;
  ptrdiff_t depth_stride; /* bytes between depth steps (for bf16: between pairs of them) */
  ptrdiff_t panel_stride; /* bytes between panels */
  int panel_count;
  int depth;
  float *y;
  ptrdiff_t y_stride;
  int accumulate; /* 1: add to what y holds */
  ptrdiff_t ahead; /* bytes from a load to what is fetched into the cache meanwhile; 0: nothing */
} gpt_float_product;

/* y[r][n] = sum over k < depth of x[r][k] * weights[n][k], weights as a file holds them: at any
   address, of that type. Sums are of 16 lanes each, whatever the number of rows and outputs. */
typedef struct gpt_rows_product {
  const float *x;     /* rows from gpt_kernels.arrange_row */
  ptrdiff_t x_stride; /* floats between rows of x */
  int rows;           /* at most GPT_FEW_ROWS */
  gpt_panel_type type;
  const void *weights; /* row after row */
  int outputs;         /* y gets zeros behind them, to a multiple of 16 */
  int depth;
  float *y;
  ptrdiff_t y_stride;
  const int32_t *places; /* of every output in a row of y, or NULL: in order; then whole panels only */
} gpt_rows_product;

/* The product of panels with x and panels in bf16, summed in fp32; depth is even, x rows are zero-padded. */
typedef struct gpt_bf16_product {
  const uint16_t *x;
  ptrdiff_t x_stride; /* elements between rows, even */
  int rows;
  const uint16_t *panels;
  ptrdiff_t panel_stride; /* bytes */
  int panel_count;
  int depth;
  float *y;
  ptrdiff_t y_stride;
  int accumulate; /* 1: add to what y holds */
  /* Unless accumulating: NULL, or what else y is the sum of. */
  const float *bias;   /* [16 * panel_count], of every row */
  const float *addend; /* as y */
  ptrdiff_t addend_stride;
} gpt_bf16_product;

/* y[r][c] (+)= sum over k < depth of factors[r][k] * x[k][c], both bf16: for few rows of y, whose
   panels would cost more than their product. */
typedef struct gpt_bf16_rows_product {
  const uint16_t *factors; /* rows zero-padded to an even depth */
  ptrdiff_t factor_stride; /* even */
  int rows;
  const uint16_t *x; /* rows zero-padded to a multiple of 32 */
  ptrdiff_t x_stride;
  int depth;
  int columns; /* a multiple of 16 */
  float *y;
  ptrdiff_t y_stride;
  int accumulate; /* 1: add to what y holds */
} gpt_bf16_rows_product;

/* How a page of the cache holds one head's keys and values; D is the head's width, D16 and D32 are
   D rounded up to 16 and 32, padding is zero.
   - F32, F16: keys [page_tokens / 16][D][16], values [page_tokens][D16].
   - BF16: keys [page_tokens / 16][D32 / 2][16][2], values [D16 / 16][page_tokens / 2][16][2], the
     right sides of gpt_bf16_product.
   - Q8: value = scale * (code - 128). Keys are quantised panels of 8 bits, [page_tokens / 16] of
     D32 / 32 blocks each. Values are codes [page_tokens / 2][D32 / 32][16][2 tokens][2 halves], then scales [page_tokens][D32 / 32]. */
typedef enum gpt_page_type {
  GPT_PAGE_F32 = GPT_PANEL_F32,
  GPT_PAGE_F16 = GPT_PANEL_F16,
  GPT_PAGE_BF16 = GPT_PANEL_BF16,
  GPT_PAGE_Q8 = 3,
} gpt_page_type;

/* Attention of `rows` queries of one key/value head over the tokens [begin, end) of a paged cache.
   Scores never exist whole: the flash-attention recurrence (Dao et al. 2022, arXiv:2205.14135,
   algorithm 1) keeps a running maximum and sum a row. */
typedef struct gpt_attention {
  const float *queries; /* [rows][head_width], already scaled */
  ptrdiff_t query_stride;
  int rows;
  const int32_t *first_visible; /* [rows] first token a row may see */
  const int32_t *last_visible;  /* [rows] last token a row may see */
  const void *const *key_pages;   /* of all tokens, those below begin are not looked at */
  const void *const *value_pages;
  gpt_page_type type;
  int page_tokens;                /* multiple of 32 */
  int begin;                      /* rounded down to a whole page */
  int end;
  int head_width;
  int value_width; /* head_width rounded up to 16 */
  float soft_cap;  /* 0: none; otherwise cap * tanh(score / cap) */
  float *output;   /* [rows][value_width] */
  ptrdiff_t output_stride;
  /* 1: for gpt_kernels.merge_attention; a row of output is not divided by its sum of exp(score -
     maximum), and its maximum and this sum follow it. */
  int is_partial;
  float *scratch; /* rows * (page_tokens + 2) floats; with Q8 page_tokens * value_width more */
  float *log_sums; /* [rows] log of the sum of exp(score), or NULL */
  float dropout_threshold; /* of 2^24: weights whose random number is below are 0; 0 keeps all */
  float dropout_scale;
  uint32_t dropout_key;
  /* NULL, or, with BF16 only: products are of bf16, of narrow_queries [rows][D32]. */
  void (*bf16_product)(const gpt_bf16_product *);
  const uint16_t *narrow_queries;
  uint16_t *narrow_weights; /* scratch, rows * page_tokens */
  gpt_quantised_rows quantised_queries; /* of Q8 */
} gpt_attention;

#define GPT_ATTENTION_TILE 64

/* Backward of causal attention of one query head over one sequence. Rows are `width` floats, a
   multiple of 16, zero-padded; queries are scaled. Gradients are added to what they hold. */
typedef struct gpt_attention_backward {
  int tokens;
  int width;
  int window; /* tokens a query sees, itself included; 0: all */
  const int32_t *first_visible; /* [tokens padded to whole tiles], never falling, or NULL: 0 */
  float soft_cap;
  const float *queries, *keys, *values; /* [tokens][width] */
  const float *gradients;               /* of the output, [tokens][width] */
  const float *query_panels;    /* [tokens / 16][width][16], as are gradient_panels */
  const float *gradient_panels;
  const float *log_sums;        /* [tokens padded to 16] of the forward pass */
  const float *deltas;          /* [tokens padded to 16] dot product of output and its gradient */
  float *query_gradients;       /* of the scaled queries */
  float *key_gradients;
  float *value_gradients;
  float *scratch; /* 2 * GPT_ATTENTION_TILE^2 floats */
  float dropout_threshold;
  float dropout_scale;
  uint32_t dropout_key;
  /* NULL, or: products are of bf16; rows, panels and sums then reach to whole tiles of tokens. */
  void (*bf16_product)(const gpt_bf16_product *);
  uint16_t *narrow; /* scratch, gpt_attention_narrow_count(tokens, width) elements */
  int keeps_keys;   /* 1: `narrow` holds these keys and values since another query head's call */
} gpt_attention_backward;

/* Elements of bf16 that the backward pass of a head needs for its operands. */
static inline size_t gpt_attention_narrow_count(int tokens, int width) {
  size_t rows = ((size_t)tokens + GPT_ATTENTION_TILE - 1) / GPT_ATTENTION_TILE * GPT_ATTENTION_TILE;
  size_t padded = ((size_t)width + 31) & ~(size_t)31;
  return rows * (4 * padded + 3 * (size_t)width) + 3 * GPT_ATTENTION_TILE * GPT_ATTENTION_TILE;
}

typedef struct gpt_kernels {
  const char *name;
  int has_bf16_product;
  void (*float_product)(const gpt_float_product *);
  /* Weights as a file holds them, see template_rows.h. */
  void (*rows_product)(const gpt_rows_product *);
  void (*arrange_row)(gpt_panel_type, const float *x, int count, float *out);
  void (*widen_rows)(gpt_panel_type, const void *const *rows, int count, int first, int end,
                     int blocks, ptrdiff_t ahead, float *out, ptrdiff_t stride);
  void (*narrow_rows)(gpt_panel_type, const void *const *rows, int count, int first, int end,
                      int blocks, ptrdiff_t ahead, uint16_t *out);
  void (*bf16_product)(const gpt_bf16_product *); /* only with has_bf16_product */
  /* The first eight columns of one panel alone, depth a multiple of 4, nothing added; NULL likewise. */
  void (*bf16_half_product)(const gpt_bf16_product *);
  void (*bf16_rows_product)(const gpt_bf16_rows_product *); /* NULL: none that is faster */
  void (*quantised_product)(const gpt_quantised_product *);
  void (*stored_product)(const gpt_stored_product *); /* of blocks as a file holds them */
  int has_int16_product; /* whether int16_product is faster than those of floats */
  void (*int16_product)(const gpt_int16_product *);
  /* Rows for it, `blocks` blocks of 32 floats. */
  void (*code_row_int16)(const float *x, int blocks, int16_t *codes, float *scales, float *sums,
                         float *block_sums);
  /* Unpacks `blocks` blocks of one panel for it: into codes, and into [block][sub-block][16] scales and,
     if there are any, minimums. */
  void (*unpack_int16)(const gpt_quantised_format *, const uint8_t *panel, int blocks, int16_t *out,
                       float *scales, float *minimums);
  int has_integer_product; /* whether integer_product is faster than the other ways */
  void (*integer_product)(const gpt_integer_product *);
  /* `count` floats of one row, padded by zeros to a multiple of 16. */
  void (*code_row)(const float *x, int count, uint8_t *codes, float *scales);
  /* Panels for it, `depth` padded by zeros to whole blocks: from [depth][16], and from sixteen rows
     of `depth` floats (rows padded to a multiple of 16). */
  void (*pack_columns_int8)(const float *x, int depth, int8_t *panel, float *scales,
                            int32_t *offsets);
  void (*pack_rows_int8)(const float *x, ptrdiff_t stride, int depth, int8_t *panel, float *scales,
                         int32_t *offsets);
  /* Unpacks `blocks` blocks of one panel into out[32 * blocks][16], depth steps `stride` floats
     apart. */
  void (*unpack_f32)(const gpt_quantised_format *, const uint8_t *panel, int blocks, float *out,
                     ptrdiff_t stride);
  /* The same into bf16 pairs [16 * blocks][16][2]. */
  void (*unpack_bf16)(const gpt_quantised_format *, const uint8_t *panel, int blocks, uint16_t *out);
  /* Float panels into fp32 rows `stride` floats apart, or bf16 pairs. */
  void (*widen_panel)(gpt_panel_type, const void *panel, int depth, float *out, ptrdiff_t stride);
  void (*narrow_panel)(gpt_panel_type, const void *panel, int depth, uint16_t *out);
  void (*attention)(const gpt_attention *);
  /* One row of attention [width] from `count` partial ones, `stride` floats apart and each of other
     tokens, summed in their order. */
  void (*merge_attention)(const float *parts, ptrdiff_t stride, int count, int width, float *y);
  void (*quantise_row)(const float *x, int blocks, int8_t *codes, float *scales, float *sums);
  void (*to_bf16)(const float *x, uint16_t *y, ptrdiff_t count);
  void (*from_bf16)(const uint16_t *x, float *y, ptrdiff_t count);
  void (*to_f16)(const float *x, uint16_t *y, ptrdiff_t count);
  void (*rms_norm)(const float *x, const float *gain, float epsilon, float *y, int width);
  void (*layer_norm)(const float *x, const float *gain, const float *bias, float epsilon, float *y,
                     int width);
  void (*gelu_tanh)(const float *x, float *y, ptrdiff_t count);
  void (*silu_product)(const float *gate, const float *up, float *y, ptrdiff_t count);
  void (*add)(const float *x, const float *y, float *sum, ptrdiff_t count);
  /* Rotates one head: pairs (i, i + half) by the angles of `cosines` and `sines`. */
  void (*rotate)(float *x, const float *cosines, const float *sines, int half);

  /* Interleaves 16 rows of `blocks` blocks into a quantised panel. Row r has its codes, below 2^bits, at
     codes + r * row_stride, its scales at scales + r * factor_stride, its minimums likewise, if there are
     any. */
  void (*pack_panel)(const gpt_quantised_format *, const uint8_t *codes, ptrdiff_t row_stride,
                     const float *scales, const float *minimums, ptrdiff_t factor_stride, int blocks,
                     uint8_t *panel);
  /* Sixteen rows of stored blocks, each an fp16 scale and 32 codes of 4 or 8 bits in the order of a
     panel, as that panel: code words are changed by `flip`, scales stay. See template_blocks.h. */
  void (*pack_blocks)(const uint8_t *const rows[16], int bits, uint32_t flip, int blocks, uint8_t *panel);

  /* Training. Operands of products, see template_packing.h. */
  void (*pack_rows_bf16)(const float *x, ptrdiff_t stride, int rows, int depth, uint16_t *panel);
  void (*pack_rows_f32)(const float *x, ptrdiff_t stride, int rows, int depth, float *panel);
  void (*pack_columns_bf16)(const float *x, ptrdiff_t stride, int depth, int panels, uint16_t *out,
                            ptrdiff_t panel_stride);
  void (*pack_columns_f32)(const float *x, ptrdiff_t stride, int depth, int panels, float *out,
                           ptrdiff_t panel_stride);
  void (*interleave_bf16)(const uint16_t *x, ptrdiff_t stride, int depth, int panels, uint16_t *out,
                          ptrdiff_t panel_stride);
  void (*transpose_bf16)(const uint16_t *x, ptrdiff_t stride, int depth, int panels, uint16_t *rows,
                         ptrdiff_t row_stride);
  /* One head's rows, see template_heads.h. */
  void (*gather_head)(const float *x, ptrdiff_t stride, int rows, int count, float factor, float *y,
                      int width);
  void (*scatter_head)(const float *x, int width, int rows, int count, float factor, int adds,
                       float *y, ptrdiff_t stride);
  void (*head_dots)(const float *x, ptrdiff_t stride, int rows, int count, const float *y,
                    int width, float *dots);
  /* Backward passes and the loss, see template_training.h and template_attention_backward.h. */
  void (*attention_backward)(const gpt_attention_backward *);
  void (*add_column_sums)(const float *x, ptrdiff_t stride, int rows, int panels, float *y);
  void (*rms_norm_backward)(const float *dy, const float *x, const float *gain, float epsilon,
                            float *dx, float *dgain, int width);
  void (*layer_norm_backward)(const float *dy, const float *x, const float *gain, float epsilon,
                              float *dx, float *dgain, float *dbias, int width);
  void (*gelu_tanh_backward)(const float *dy, const float *x, float *dx, ptrdiff_t count);
  void (*silu_product_backward)(const float *dy, const float *gate, const float *up, float *dgate,
                                float *dup, ptrdiff_t count);
  void (*dropout)(const float *x, uint32_t key, uint32_t counter, float threshold, float scale,
                  float *y, ptrdiff_t count);
  double (*cross_entropy)(float *logits, int count, int target, float smoothing, float z,
                          float factor, double *likelihood);
  double (*distillation)(const float *student, float *teacher, int count, float temperature,
                         float factor);
  /* Flat arrays; counts are multiples of 16 (CKernelsUpdates.h). */
  void (*adamw_update)(const gpt_adamw_update *);
  void (*sgd_update)(const gpt_sgd_update *);
  void (*lion_update)(const gpt_lion_update *);
  /* y = a x + b z; y may be x or z. */
  void (*weighted_sum)(float a, const float *x, float b, const float *z, float *y, ptrdiff_t count);
  double (*sum_of_squares)(const float *x, ptrdiff_t count); /* the same bits on every level */
  /* For measuring how fast memory is read; count is a multiple of 64. */
  float (*sum)(const float *x, ptrdiff_t count);
} gpt_kernels;

/* CPUs that this process may run on (its affinity mask), at least 1. */
int gpt_processor_count(void);

#define GPT_LARGE_PAGE (2 << 20)
/* Puts a large page with the same bytes where GPT_LARGE_PAGE bytes at `place`, a multiple of that,
   are; others may read them meanwhile, nobody may write. 0: they stay as they are. */
int gpt_move_to_large_page(void *place);
/* From now on the calling thread leaves most of its core to others. */
void gpt_yield_to_others(void);

/* The best level that this CPU and kernel support. */
gpt_level gpt_best_level(void);
/* The table of a level, or NULL when the CPU lacks it. */
const gpt_kernels *gpt_kernels_of(gpt_level level);

/* The tile product of the AMX level in plain C, for machines without tiles; depth is a multiple of
   32. */
void gpt_bf16_product_tiles_portable(const gpt_bf16_product *);

/* Sixteen rows of fp32 (row r at rows + r * row_stride, `depth` values) into a panel of floats. */
void gpt_pack_f32(const float *rows, ptrdiff_t row_stride, int depth, float *panel);
void gpt_pack_f16(const float *rows, ptrdiff_t row_stride, int depth, uint16_t *panel);
void gpt_pack_bf16(const float *rows, ptrdiff_t row_stride, int depth, uint16_t *panel);
/* fp32 to fp16, round to nearest even (IEEE 754-2008). */
uint16_t gpt_f16_from_f32(float value);
float gpt_f32_from_f16(uint16_t value);

#endif
