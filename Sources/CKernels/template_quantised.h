/* Products with quantised panels, and their unpacking. */

ALWAYS v16i four_positions(const int8_t *codes) {
  int32_t four;
  memcpy(&four, codes, 4);
  return v16i_set1(four);
}

/* Integer sums of R rows over half a block's codes: of the rows' upper codes, then of their lower ones. */
ALWAYS void half_dots(const int R, const int bits, const v16i code[4], const int8_t *x, ptrdiff_t stride,
                      v16i dots[8]) {
  const int terms = bits == 8 ? 0 : DOT_PAIR_TERMS(bits);
  UNROLL for (int r = 0; r < R; r++) dots[r] = v16i_set1(0);
  UNROLL for (int part = 0; part < 2; part++) {
    v16i pairs[8];
    UNROLL for (int r = 0; r < R; r++) {
      if (part) dots[r] = v16i_shift_left(dots[r], 8);
      pairs[r] = v16i_set1(0);
    }
    UNROLL for (int v = 0; v < 4; v++) {
      UNROLL for (int r = 0; r < R; r++) {
        v16i four = four_positions(x + r * stride + 32 * part + 4 * v);
        if (!terms) {
          dots[r] = v16i_dot4(dots[r], code[v], four, bits == 8);
          continue;
        }
        pairs[r] = v16i_dot_pairs(pairs[r], code[v], four);
        if ((v + 1) % terms != 0) continue;
        dots[r] = v16i_add_pairs(dots[r], pairs[r]);
        pairs[r] = v16i_set1(0);
      }
    }
  }
}

/* value = scale * code + offset, so a row's part of a block is scale * row scale * sum of codes +
   offset * sum of the row's values. */
ALWAYS void quantised_tile(const int R, const int bits, const int sub_blocks, const int affine,
                           const gpt_quantised_product *t, int row, int panel) {
  const int scale_bytes = 32 * sub_blocks;
  const uint8_t *block = t->panels + panel * t->panel_stride;
  const int8_t *x = t->x.codes + row * t->x.code_stride;
  const float *x_scales = t->x.scales + row * t->x.scale_stride;
  const float *x_sums = t->x.sums + row * t->x.sum_stride;
  const v16 zero = v16_set1((float)(t->format.zero - (bits == 8 ? DOT4_WIDE_OFFSET : 0)));
  const int has_offset = affine || t->format.zero != (bits == 8 ? DOT4_WIDE_OFFSET : 0);
  v16 acc[8];
  UNROLL for (int r = 0; r < R; r++) acc[r] = v16_set1(0);
  for (int b = 0; b < t->blocks; b++, block += bits * 64 + scale_bytes * (1 + affine)) {
    v16i code[8];
    load_codes(bits, block, code);
    v16i dots[2][8];
    UNROLL for (int half = 0; half < 2; half++)
      half_dots(R, bits, code + 4 * half, x + GPT_ROW_BLOCK_BYTES * b + 16 * half, t->x.code_stride, dots[half]);
    UNROLL for (int sub = 0; sub < sub_blocks; sub++) {
      const uint8_t *factors = block + bits * 64 + 32 * sub;
      v16 scale = v16_load_f16(factors);
      UNROLL for (int r = 0; r < R; r++) {
        v16 factor = v16_mul(scale, v16_set1(x_scales[r * t->x.scale_stride + b]));
        v16i dot = sub_blocks == 2 ? dots[sub][r] : v16i_add(dots[0][r], dots[1][r]);
        acc[r] = v16_fma(v16_from_int(dot), factor, acc[r]);
      }
      if (!has_offset) continue;
      v16 offset = v16_sub(affine ? v16_load_f16(factors + scale_bytes) : v16_set1(0), v16_mul(zero, scale));
      UNROLL for (int r = 0; r < R; r++) {
        const float *sums = x_sums + r * t->x.sum_stride + 2 * b;
        acc[r] = v16_fma(offset, v16_set1(sub_blocks == 2 ? sums[sub] : sums[0] + sums[1]), acc[r]);
      }
    }
  }
  UNROLL for (int r = 0; r < R; r++)
    v16_store(t->y + (row + r) * t->y_stride + 16 * panel, acc[r]);
}

ALWAYS void quantised_rows_of(const int R, const int bits, const int sub_blocks, const int affine,
                              const gpt_quantised_product *t, int row) {
  for (int panel = 0; panel < t->panel_count; panel++)
    quantised_tile(R, bits, sub_blocks, affine, t, row, panel);
}

#define QUANTISED(name, bits, sub_blocks, affine)                                                 \
  static __attribute__((noinline)) void name(const gpt_quantised_product *t) {                    \
    int row = 0;                                                                                  \
    for (; row + 4 <= t->rows; row += 4) quantised_rows_of(4, bits, sub_blocks, affine, t, row);  \
    for (; row + 2 <= t->rows; row += 2) quantised_rows_of(2, bits, sub_blocks, affine, t, row);  \
    for (; row < t->rows; row++) quantised_rows_of(1, bits, sub_blocks, affine, t, row);          \
  }
#define QUANTISED_BITS(bits)                   \
  QUANTISED(product_##bits##_1, bits, 1, 0)        \
  QUANTISED(product_##bits##_1_affine, bits, 1, 1) \
  QUANTISED(product_##bits##_2, bits, 2, 0)        \
  QUANTISED(product_##bits##_2_affine, bits, 2, 1)
QUANTISED_BITS(4)
QUANTISED_BITS(5)
QUANTISED_BITS(6)
QUANTISED_BITS(8)

static void quantised_product(const gpt_quantised_product *t) {
#define PRODUCTS(bits)                                                                \
  {product_##bits##_1, product_##bits##_1_affine, product_##bits##_2, product_##bits##_2_affine}
  static void (*const table[4][4])(const gpt_quantised_product *) = {PRODUCTS(4), PRODUCTS(5),
                                                                     PRODUCTS(6), PRODUCTS(8)};
  int bits = t->format.bits;
  table[bits == 8 ? 3 : bits - 4][(t->format.sub_blocks == 2) * 2 + (t->format.affine != 0)](t);
}

static void unpack_f32(const gpt_quantised_format *f, const uint8_t *panel, int blocks, float *out,
                       ptrdiff_t stride) {
  unpack(f, panel, blocks, out, stride, 0);
}
static void unpack_bf16(const gpt_quantised_format *f, const uint8_t *panel, int blocks, uint16_t *out) {
  unpack(f, panel, blocks, 0, 0, out);
}

/* Magnitudes as integers, among which NaN is above infinity above all numbers. */
ALWAYS v16i magnitude_bits(v16 x) { return v16i_and(v16_bits(x), v16i_set1(0x7fffffff)); }

/* scale = largest magnitude / (127 * 256), upper codes rounded to nearest even through the fp32 adder,
   what that left likewise in lower codes, of at most 127: bytes of -128 have no magnitude. A block that
   holds NaN or infinity has a scale of NaN, and so have its products. */
static void quantise_row(const float *x, int blocks, int8_t *codes, float *scales, float *sums) {
  const v16 magic = v16_set1(12582912.0f); /* 1.5 * 2^23: its last place is 1 */
  for (int b = 0; b < blocks; b++, codes += GPT_ROW_BLOCK_BYTES) {
    v16 value[2] = {v16_load(x + 32 * b), v16_load(x + 32 * b + 16)};
    int32_t top = v16i_horizontal_max(v16i_max(magnitude_bits(value[0]), magnitude_bits(value[1])));
    float largest;
    memcpy(&largest, &top, 4);
    v16 inverse = v16_set1(largest > 0 ? 127.0f / largest : 0.0f);
    scales[b] = largest / (127.0f * 256) + largest * 0.0f;
    for (int half = 0; half < 2; half++) {
      v16 rounded = v16_fma(value[half], inverse, magic);
      v16 rest = v16_sub(v16_mul(value[half], inverse), v16_sub(rounded, magic));
      rest = v16_min(v16_max(v16_mul(rest, v16_set1(256)), v16_set1(-127)), v16_set1(127));
      v16i upper = v16i_sub(v16_bits(rounded), v16_bits(magic));
      v16i lower = v16i_sub(v16_bits(v16_add(rest, magic)), v16_bits(magic));
      v16i_store_low8(codes + 16 * half, upper);
      v16i_store_low8(codes + 32 + 16 * half, lower);
      int32_t both[16], sum = 0;
      v16i_store(both, v16i_add(v16i_shift_left(upper, 8), lower));
      for (int i = 0; i < 16; i++) sum += both[i];
      sums[2 * b + half] = scales[b] * (float)sum;
    }
  }
}
