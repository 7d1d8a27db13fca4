/* Products of attention with one page of keys or values; gpt_page_type says how a page holds them. */
#include "half.h"

ALWAYS int padded_32(int width) { return (width + 31) & ~31; }

/* Bytes of one head's keys in a page. */
ALWAYS ptrdiff_t key_page_bytes(const gpt_attention *t) {
  switch (t->type) {
  case GPT_PAGE_F32: return (ptrdiff_t)4 * t->page_tokens * t->head_width;
  case GPT_PAGE_F16: return (ptrdiff_t)2 * t->page_tokens * t->head_width;
  case GPT_PAGE_BF16: return (ptrdiff_t)2 * t->page_tokens * padded_32(t->head_width);
  case GPT_PAGE_Q8: return (ptrdiff_t)t->page_tokens * padded_32(t->head_width) / 16 * 17;
  }
  return 0;
}

ALWAYS ptrdiff_t value_page_bytes(const gpt_attention *t) {
  if (t->type == GPT_PAGE_Q8) return key_page_bytes(t);
  return (ptrdiff_t)(t->type == GPT_PAGE_F32 ? 4 : 2) * t->page_tokens * t->value_width;
}

ALWAYS void fetch(const void *from, ptrdiff_t bytes) {
  for (ptrdiff_t i = 0; i < bytes; i += 64) __builtin_prefetch((const char *)from + i);
}

/* Has a page on its way before it is needed. */
static void fetch_page(const gpt_attention *t, int page) {
  fetch(t->key_pages[page], key_page_bytes(t));
  fetch(t->value_pages[page], value_page_bytes(t));
}

/* Bytes from this page to the next one that is needed, 0 when there is none. */
ALWAYS ptrdiff_t next_page(const gpt_attention *t, const void *const *pages, int page) {
  if ((page + 1) * t->page_tokens >= t->end) return 0;
  return (ptrdiff_t)((uintptr_t)pages[page + 1] - (uintptr_t)pages[page]);
}

static void quantised_page_scores(const gpt_attention *t, int page, int count, float *scores) {
  const int depth = padded_32(t->head_width);
  const gpt_quantised_format format = {.bits = 8, .sub_blocks = 1, .affine = 0, .zero = 128};
  gpt_quantised_product product = {
      .x = t->quantised_queries, .rows = t->rows, .format = format, .panels = t->key_pages[page],
      .panel_stride = depth / 32 * gpt_quantised_block_bytes(format),
      .panel_count = (count + 15) / 16, .blocks = depth / 32, .y = scores,
      .y_stride = t->page_tokens};
  quantised_product(&product);
}

/* The values of an even number of tokens as floats, [count][value_width]. */
static void unpack_page_values(const gpt_attention *t, int page, int count, float *values) {
  const int blocks = padded_32(t->head_width) / 32;
  const uint8_t *codes = t->value_pages[page];
  const uint16_t *scales = (const uint16_t *)(codes + (ptrdiff_t)t->page_tokens * blocks * 32);
  for (int token = 0; token < count; token += 2)
    for (int b = 0; b < blocks; b++, codes += 64) {
      v16i packed = v16i_load(codes);
      float *row = values + (ptrdiff_t)token * t->value_width + 32 * b;
      v16 value[4];
      expand_four(packed, v16_set1(1), v16_set1(0), 128, value);
      UNROLL for (int half = 0; half < 2; half++) {
        if (32 * b + 16 * half >= t->value_width) break;
        for (int other = 0; other < 2; other++) {
          v16 scale = v16_set1(half_to_float(scales[(token + other) * blocks + b]));
          v16_store(row + other * t->value_width + 16 * half, v16_mul(value[2 * other + half], scale));
        }
      }
    }
}

/* Scores of the queries with the keys of one page, `count` of them. */
ALWAYS void page_scores(const gpt_attention *t, int page, int count, float *scores) {
  if (t->type == GPT_PAGE_Q8) {
    if (next_page(t, t->key_pages, page)) fetch_page(t, page + 1);
    quantised_page_scores(t, page, count, scores);
    return;
  }
  const int is_narrow = t->type == GPT_PAGE_BF16;
  const int depth = is_narrow ? padded_32(t->head_width) : t->head_width;
  const ptrdiff_t element = t->type == GPT_PAGE_F32 ? 4 : 2;
  if (t->bf16_product) {
    gpt_bf16_product product = {
        .x = t->narrow_queries, .x_stride = depth, .rows = t->rows, .panels = t->key_pages[page],
        .panel_stride = (ptrdiff_t)32 * depth, .panel_count = (count + 15) / 16, .depth = depth,
        .y = scores, .y_stride = t->page_tokens};
    t->bf16_product(&product);
    return;
  }
  gpt_float_product product = {
      .x = t->queries, .x_stride = t->query_stride, .x_step = 1, .rows = t->rows,
      .type = (gpt_panel_type)t->type, .panels = t->key_pages[page],
      .depth_stride = is_narrow ? 64 : 16 * element, .panel_stride = 16 * element * depth,
      .panel_count = (count + 15) / 16, .depth = t->head_width, .y = scores,
      .y_stride = t->page_tokens, .accumulate = 0, .ahead = next_page(t, t->key_pages, page)};
  float_product(&product);
}

ALWAYS void add_narrow_values(const gpt_attention *t, int page, int count, const float *weights) {
  int depth = padded_32(count);
  for (int r = 0; r < t->rows; r++) {
    uint16_t *narrow = t->narrow_weights + (ptrdiff_t)r * t->page_tokens;
    to_bf16(weights + (ptrdiff_t)r * t->page_tokens, narrow, count);
    for (int i = count; i < depth; i++) narrow[i] = 0;
  }
  gpt_bf16_product product = {
      .x = t->narrow_weights, .x_stride = t->page_tokens, .rows = t->rows,
      .panels = t->value_pages[page], .panel_stride = (ptrdiff_t)32 * t->page_tokens,
      .panel_count = t->value_width / 16, .depth = depth, .y = t->output,
      .y_stride = t->output_stride, .accumulate = 1};
  t->bf16_product(&product);
}

/* Adds the values of one page by their weights. */
ALWAYS void add_page_values(const gpt_attention *t, int page, int count, const float *weights) {
  if (t->bf16_product) return add_narrow_values(t, page, count, weights);
  const int is_narrow = t->type == GPT_PAGE_BF16, is_quantised = t->type == GPT_PAGE_Q8;
  const ptrdiff_t element = t->type == GPT_PAGE_F32 || is_quantised ? 4 : 2;
  const void *values = t->value_pages[page];
  if (is_quantised) {
    float *wide = t->scratch + (ptrdiff_t)t->rows * (t->page_tokens + 2);
    unpack_page_values(t, page, count, wide);
    values = wide;
  }
  gpt_float_product product = {
      .x = weights, .x_stride = t->page_tokens, .x_step = 1, .rows = t->rows,
      .type = is_quantised ? GPT_PANEL_F32 : (gpt_panel_type)t->type, .panels = values,
      .depth_stride = is_narrow ? 64 : t->value_width * element,
      .panel_stride = is_narrow ? (ptrdiff_t)32 * t->page_tokens : 16 * element,
      .panel_count = t->value_width / 16, .depth = count, .y = t->output,
      .y_stride = t->output_stride, .accumulate = 1,
      .ahead = is_quantised ? 0 : next_page(t, t->value_pages, page)};
  float_product(&product);
}
