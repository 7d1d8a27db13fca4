/* Products with quantised panels, and their unpacking. */

ALWAYS v16i four_positions(const int8_t *codes) {
  int32_t four;
  memcpy(&four, codes, 4);
  return v16i_set1(four);
}

/* Integer sums of one block's two halves (16 positions each) for R rows. */
ALWAYS void block_dots(const int R, const int bits, const uint8_t *codes, const int8_t *x,
                       ptrdiff_t stride, v16i sums[2][8]) {
  v16i code[8];
  load_codes(bits, codes, code);
  UNROLL for (int half = 0; half < 2; half++) {
    v16i pairs[8];
    UNROLL for (int r = 0; r < R; r++) sums[half][r] = pairs[r] = v16i_set1(0);
    UNROLL for (int j = 0; j < 4; j++) {
      UNROLL for (int r = 0; r < R; r++) {
        v16i four = four_positions(x + r * stride + 16 * half + 4 * j);
        if (bits == 8) sums[half][r] = v16i_dot4(sums[half][r], code[4 * half + j], four, 1);
        else pairs[r] = v16i_dot_pairs(pairs[r], code[4 * half + j], four);
      }
      if (bits == 8 || (j + 1) % DOT_PAIR_TERMS(bits) != 0) continue;
      UNROLL for (int r = 0; r < R; r++) {
        sums[half][r] = v16i_add_pairs(sums[half][r], pairs[r]);
        pairs[r] = v16i_set1(0);
      }
    }
  }
}

ALWAYS void quantised_tile(const int R, const int bits, const int sub_blocks, const int affine,
                           const gpt_quantised_product *t, int row, int panel) {
  const int scale_bytes = 32 * sub_blocks;
  const uint8_t *block = t->panels + panel * t->panel_stride;
  const int8_t *x = t->x.codes + row * t->x.code_stride;
  const float *x_scales = t->x.scales + row * t->x.scale_stride;
  const int32_t *x_sums = t->x.sums + 2 * row * t->x.scale_stride;
  const int zero = t->format.zero - (bits == 8 ? DOT4_WIDE_OFFSET : 0);
  v16 acc[8];
  UNROLL for (int r = 0; r < R; r++) acc[r] = v16_set1(0);
  for (int b = 0; b < t->blocks; b++, block += bits * 64 + scale_bytes * (1 + affine)) {
    v16i dots[2][8];
    block_dots(R, bits, block, x + 32 * b, t->x.code_stride, dots);
    const uint8_t *scales = block + bits * 64, *minimums = scales + scale_bytes;
    v16 scale0 = v16_load_f16(scales), scale1 = scale0, minimum0 = scale0, minimum1 = scale0;
    if (affine) minimum0 = minimum1 = v16_load_f16(minimums);
    if (sub_blocks == 2) {
      scale1 = v16_load_f16(scales + 32);
      if (affine) minimum1 = v16_load_f16(minimums + 32);
    }
    UNROLL for (int r = 0; r < R; r++) {
      float d = x_scales[r * t->x.scale_stride + b];
      const int32_t *sums = x_sums + 2 * (r * t->x.scale_stride + b);
      if (sub_blocks == 1) {
        int32_t sum = sums[0] + sums[1];
        v16i dot = v16i_sub(v16i_add(dots[0][r], dots[1][r]), v16i_set1(zero * sum));
        acc[r] = v16_fma(v16_from_int(dot), v16_mul(scale0, v16_set1(d)), acc[r]);
        if (affine) acc[r] = v16_fma(minimum0, v16_set1(d * (float)sum), acc[r]);
      } else {
        v16 dot0 = v16_from_int(v16i_sub(dots[0][r], v16i_set1(zero * sums[0])));
        v16 dot1 = v16_from_int(v16i_sub(dots[1][r], v16i_set1(zero * sums[1])));
        acc[r] = v16_fma(dot0, v16_mul(scale0, v16_set1(d)), acc[r]);
        acc[r] = v16_fma(dot1, v16_mul(scale1, v16_set1(d)), acc[r]);
        if (affine) {
          acc[r] = v16_fma(minimum0, v16_set1(d * (float)sums[0]), acc[r]);
          acc[r] = v16_fma(minimum1, v16_set1(d * (float)sums[1]), acc[r]);
        }
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

/* scale = largest magnitude / 127, codes rounded to nearest even through the fp32 adder. A block that
   holds NaN or infinity has a scale of NaN, and so have its products. */
static void quantise_row(const float *x, int blocks, int8_t *codes, float *scales, int32_t *sums) {
  for (int b = 0; b < blocks; b++) {
    v16 a = v16_load(x + 32 * b), c = v16_load(x + 32 * b + 16);
    int32_t top = v16i_horizontal_max(v16i_max(magnitude_bits(a), magnitude_bits(c)));
    float largest;
    memcpy(&largest, &top, 4);
    float inverse = largest > 0 ? 127.0f / largest : 0.0f;
    scales[b] = largest / 127.0f + largest * 0.0f;
    const v16 magic = v16_set1(12582912.0f); /* 1.5 * 2^23: its last place is 1 */
    for (int half = 0; half < 2; half++) {
      v16 scaled = v16_fma(half ? c : a, v16_set1(inverse), magic);
      int32_t code[16];
      v16i_store(code, v16i_sub(v16_bits(scaled), v16_bits(magic)));
      int32_t sum = 0;
      for (int i = 0; i < 16; i++) {
        codes[32 * b + 16 * half + i] = (int8_t)code[i];
        sum += (int8_t)code[i];
      }
      sums[2 * b + half] = sum;
    }
  }
}
