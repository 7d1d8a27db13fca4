/* Products of rows and panels of 8-bit integers, a scale for every block of 64 depth steps on each
   side: twice the products an instruction that bf16 has, with the error of a block's largest value
   over 254 for every value. Layouts: CKernels.h. */

#define INTEGER_BLOCK GPT_INTEGER_BLOCK
/* Rows that pass all panels of a call while they stay in the second-level cache. */
#define INTEGER_ROWS 96

/* Sums of a tile begin with what y holds, or with bias and addend. */
ALWAYS void begin_sums(const int R, const int P, const gpt_integer_product *t, int row, int panel,
                       v16 acc[6][2]) {
  UNROLL for (int p = 0; p < P; p++) {
    int column = 16 * (panel + p);
    v16 bias = t->bias ? v16_load(t->bias + column) : v16_set1(0);
    UNROLL for (int r = 0; r < R; r++) {
      if (t->accumulate) acc[r][p] = v16_load(t->y + (row + r) * t->y_stride + column);
      else if (t->addend) acc[r][p] = v16_add(bias, v16_load(t->addend + (row + r) * t->addend_stride + column));
      else acc[r][p] = bias;
    }
  }
}

/* R rows by P panels. The rows' codes carry 128 too much, which the panels' offsets take back. */
ALWAYS void integer_tile(const int R, const int P, const gpt_integer_product *t, int row, int panel) {
  const uint8_t *x = t->x.codes + row * t->x.code_stride;
  const float *x_scales = t->x.scales + row * t->x.scale_stride;
  const int8_t *w = t->panels + panel * t->panel_stride;
  const float *w_scales = t->scales + panel * t->scale_stride;
  const int32_t *offsets = t->offsets + panel * t->scale_stride;
  v16 acc[6][2];
  begin_sums(R, P, t, row, panel, acc);
  for (int b = 0; b < t->blocks; b++) {
    v16i sum[6][2];
    UNROLL for (int p = 0; p < P; p++) {
      v16i offset = DOT4_WIDE_OFFSET ? v16i_set1(0) : v16i_load(offsets + p * t->scale_stride + 16 * b);
      UNROLL for (int r = 0; r < R; r++) sum[r][p] = offset;
    }
    _Pragma("clang loop unroll_count(4)") for (int j = 0; j < INTEGER_BLOCK / 4; j++) {
      v16i weight[2];
      UNROLL for (int p = 0; p < P; p++) weight[p] = v16i_load(w + p * t->panel_stride + 64 * j);
      UNROLL for (int r = 0; r < R; r++) {
        v16i four = four_positions((const int8_t *)x + r * t->x.code_stride + 4 * j);
        UNROLL for (int p = 0; p < P; p++) sum[r][p] = v16i_dot4(sum[r][p], four, weight[p], 1);
      }
    }
    x += INTEGER_BLOCK;
    w += 16 * INTEGER_BLOCK;
    v16 scale[2];
    UNROLL for (int p = 0; p < P; p++) scale[p] = v16_load(w_scales + p * t->scale_stride + 16 * b);
    UNROLL for (int r = 0; r < R; r++) {
      v16 own = v16_set1(x_scales[r * t->x.scale_stride + b]);
      UNROLL for (int p = 0; p < P; p++)
        acc[r][p] = v16_fma(v16_from_int(sum[r][p]), v16_mul(own, scale[p]), acc[r][p]);
    }
  }
  float *y = t->y + row * t->y_stride + 16 * panel;
  UNROLL for (int r = 0; r < R; r++)
    UNROLL for (int p = 0; p < P; p++) v16_store(y + r * t->y_stride + 16 * p, acc[r][p]);
}

#define INTEGER_TILES(R)                                                                          \
  static __attribute__((noinline)) void integer_pair_##R(const gpt_integer_product *t, int row,   \
                                                         int panel) {                             \
    integer_tile(R, 2, t, row, panel);                                                            \
  }                                                                                               \
  static __attribute__((noinline)) void integer_single_##R(const gpt_integer_product *t, int row, \
                                                           int panel) {                           \
    integer_tile(R, 1, t, row, panel);                                                            \
  }
INTEGER_TILES(1)
INTEGER_TILES(2)
INTEGER_TILES(4)
INTEGER_TILES(6)

/* Fetches a share of the two panels from `panel` on: while `count` of `rows` rows pass those before. */
static void fetch_panels(const gpt_integer_product *t, int panel, int row, int count, int rows) {
  const ptrdiff_t size = 16 * INTEGER_BLOCK * t->blocks, end = size * (row + count) / rows;
  for (int p = panel; p < panel + 2 && p < t->panel_count; p++)
    for (ptrdiff_t i = size * row / rows / 64 * 64; i < end; i += 64)
      __builtin_prefetch(t->panels + p * t->panel_stride + i, 0, 2);
}

static void integer_product(const gpt_integer_product *t) {
  for (int first = 0; first < t->rows; first += INTEGER_ROWS) {
    int end = t->rows - first < INTEGER_ROWS ? t->rows : first + INTEGER_ROWS;
    for (int panel = 0; panel < t->panel_count; panel += 2) {
      int pair = panel + 2 <= t->panel_count;
      int row = first;
      for (; row + 6 <= end; row += 6) {
        if (first == 0) fetch_panels(t, panel + 2, row, 6, end);
        (pair ? integer_pair_6 : integer_single_6)(t, row, panel);
      }
      for (; row + 4 <= end; row += 4) (pair ? integer_pair_4 : integer_single_4)(t, row, panel);
      for (; row + 2 <= end; row += 2) (pair ? integer_pair_2 : integer_single_2)(t, row, panel);
      for (; row < end; row++) (pair ? integer_pair_1 : integer_single_1)(t, row, panel);
    }
  }
}

/* 127 / largest, and 0 where a block holds nothing that fp32 can scale up. */
ALWAYS v16 code_factor(v16 largest) {
  return v16_where_less(v16_set1(1e-30f), largest, v16_div(v16_set1(127), largest), v16_set1(0));
}
/* Rounded to nearest even through the adder: the low byte of each lane is the code. */
ALWAYS v16i code_bits(v16 x, v16 factor) {
  return v16_bits(v16_fma(x, factor, v16_set1(12582912.0f))); /* 1.5 * 2^23 */
}

/* A block of one row, 64 codes, lanes past `count` being zero; returns their scale. Magnitudes are
   compared as integers, which puts NaN above infinity above all numbers: both give a scale of NaN,
   and so products of NaN. */
ALWAYS float code_block(const float *x, int count, void *codes) {
  v16 part[4];
  v16i bits = v16i_set1(0);
  UNROLL for (int i = 0; i < 4; i++) {
    part[i] = 16 * i < count ? v16_load(x + 16 * i) : v16_set1(0);
    bits = v16i_max(bits, magnitude_bits(part[i]));
  }
  int32_t top = v16i_horizontal_max(bits);
  float largest;
  memcpy(&largest, &top, 4);
  v16 factor = code_factor(v16_set1(largest));
  UNROLL for (int i = 0; i < 4; i++)
    v16i_store_low8((uint8_t *)codes + 16 * i, code_bits(part[i], factor));
  return largest * (1.0f / 127) + largest * 0.0f;
}

/* Rows of activations; `x` reaches to a multiple of 16 with zeros. */
static void code_row(const float *x, int count, uint8_t *codes, float *scales) {
  for (int k = 0; k < count; k += INTEGER_BLOCK) {
    v16i block;
    scales[k / INTEGER_BLOCK] = code_block(x + k, count - k, &block);
    v16i_store(codes + k, v16i_xor(block, v16i_set1((int32_t)0x80808080)));
  }
}

/* What the rows' extra 128 adds to a block's sums, negated. */
ALWAYS void store_offsets(const int8_t *block, int32_t *offsets) {
  v16i sum = v16i_set1(0);
  for (int j = 0; j < INTEGER_BLOCK / 4; j++)
    sum = v16i_dot4(sum, v16i_set1(0x01010101), v16i_load(block + 64 * j), 0);
  v16i_store(offsets, v16i_sub(v16i_set1(0), v16i_shift_left(sum, 7)));
}

/* A panel whose outputs are the columns of x, [depth][16]. */
static void pack_columns_int8(const float *x, int depth, int8_t *panel, float *scales, int32_t *offsets) {
  for (int k = 0; k < depth; k += INTEGER_BLOCK, panel += 16 * INTEGER_BLOCK, scales += 16, offsets += 16) {
    int count = depth - k < INTEGER_BLOCK ? depth - k : INTEGER_BLOCK;
    v16i bits = v16i_set1(0);
    for (int i = 0; i < count; i++)
      bits = v16i_max(bits, magnitude_bits(v16_load(x + 16 * (k + i))));
    v16 largest = v16_from_bits(bits);
    v16_store(scales, v16_fma(largest, v16_set1(0), v16_mul(largest, v16_set1(1.0f / 127))));
    v16 factor = code_factor(largest);
    for (int j = 0; j < INTEGER_BLOCK; j += 4) {
      v16i four = v16i_set1(0);
      UNROLL for (int i = 0; i < 4; i++) {
        if (j + i >= count) continue;
        v16i code = v16i_and(code_bits(v16_load(x + 16 * (k + j + i)), factor), v16i_set1(0xff));
        four = v16i_or(four, v16i_shift_left(code, 8 * i));
      }
      v16i_store(panel + 16 * j, four);
    }
    store_offsets(panel, offsets);
  }
}

/* A panel whose outputs are sixteen rows of x, zero-padded to whole blocks. */
static void pack_rows_int8(const float *x, ptrdiff_t stride, int depth, int8_t *panel, float *scales,
                           int32_t *offsets) {
  for (int k = 0; k < depth; k += INTEGER_BLOCK, panel += 16 * INTEGER_BLOCK, scales += 16, offsets += 16) {
    v16i codes[16];
    for (int r = 0; r < 16; r++) scales[r] = code_block(x + r * stride + k, depth - k, codes + r);
    v16i_transpose(codes);
    for (int j = 0; j < 16; j++) v16i_store(panel + 64 * j, codes[j]);
    store_offsets(panel, offsets);
  }
}
