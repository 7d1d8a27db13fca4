/* Products of rows in 16-bit integers with quantised panels: sixteen exact products of integers take
   the place of eight of floats, and a block's sum is an exact integer too, so that what is lost is the
   rows' rounding alone, 1/65534 of a block's largest value. */

/* Rows that pass all panels of a call while they stay in the second-level cache. */
#define INT16_ROWS 64

ALWAYS v16i two_positions(const int16_t *codes) {
  int32_t two;
  memcpy(&two, codes, 4);
  return v16i_set1(two);
}

/* R rows by a panel. */
ALWAYS void int16_tile(const int R, const int sub_blocks, const int affine,
                       const gpt_int16_product *t, int row, int panel) {
  const int16_t *x = t->x.codes + row * t->x.code_stride;
  const float *x_scales = t->x.scales + row * t->x.scale_stride;
  const float *x_sums = (sub_blocks == 2 ? t->x.sums : t->x.block_sums) + sub_blocks * row * t->x.scale_stride;
  const int16_t *w = t->panels + panel * t->panel_stride;
  const float *scales = t->scales + panel * t->scale_stride;
  const float *minimums = affine ? t->minimums + panel * t->scale_stride : 0;
  v16 acc[6];
  v16 start = t->bias ? v16_load(t->bias + 16 * panel) : v16_set1(0);
  UNROLL for (int r = 0; r < R; r++) {
    acc[r] = start;
    if (t->accumulate) acc[r] = v16_add(start, v16_load(t->y + (row + r) * t->y_stride + 16 * panel));
  }
  for (int b = 0; b < t->blocks; b++) {
    UNROLL for (int sub = 0; sub < sub_blocks; sub++) {
      v16i sum[6];
      UNROLL for (int r = 0; r < R; r++) sum[r] = v16i_set1(0);
      /* Not unrolled: the compiler would then add in an order that needs more registers. */
      _Pragma("clang loop unroll(disable)") for (int j = 0; j < 16 / sub_blocks; j++) {
        v16i pair = v16i_load(w + 32 * j);
        UNROLL for (int r = 0; r < R; r++)
          sum[r] = v16i_dot2(sum[r], pair, two_positions(x + r * t->x.code_stride + 2 * j));
      }
      x += 32 / sub_blocks;
      w += 512 / sub_blocks;
      int place = b * sub_blocks + sub;
      v16 scale = v16_load(scales + 16 * place), minimum = affine ? v16_load(minimums + 16 * place) : scale;
      UNROLL for (int r = 0; r < R; r++) {
        v16 factor = v16_mul(scale, v16_set1(x_scales[r * t->x.scale_stride + b]));
        acc[r] = v16_fma(v16_from_int(sum[r]), factor, acc[r]);
        if (!affine) continue;
        acc[r] = v16_fma(minimum, v16_set1(x_sums[r * sub_blocks * t->x.scale_stride + place]), acc[r]);
      }
    }
  }
  UNROLL for (int r = 0; r < R; r++)
    v16_store(t->y + (row + r) * t->y_stride + 16 * panel, acc[r]);
}

#define INT16(name, sub_blocks, affine)                                                           \
  static __attribute__((noinline)) void name##_4(const gpt_int16_product *t, int row, int panel) {\
    int16_tile(4, sub_blocks, affine, t, row, panel);                                             \
  }                                                                                               \
  static __attribute__((noinline)) void name##_1(const gpt_int16_product *t, int row, int panel) {\
    int16_tile(1, sub_blocks, affine, t, row, panel);                                             \
  }                                                                                               \
  static void name(const gpt_int16_product *t, int row, int end, int panel) {                     \
    for (; row + 4 <= end; row += 4) name##_4(t, row, panel);                                     \
    for (; row < end; row++) name##_1(t, row, panel);                                             \
  }
INT16(int16_1, 1, 0)
INT16(int16_1_affine, 1, 1)
INT16(int16_2, 2, 0)
INT16(int16_2_affine, 2, 1)

static void int16_product(const gpt_int16_product *t) {
  static void (*const table[4])(const gpt_int16_product *, int row, int end, int panel) = {
      int16_1, int16_1_affine, int16_2, int16_2_affine};
  for (int first = 0; first < t->rows; first += INT16_ROWS) {
    int end = t->rows - first < INT16_ROWS ? t->rows : first + INT16_ROWS;
    for (int panel = 0; panel < t->panel_count; panel++)
      table[(t->sub_blocks == 2) * 2 + (t->minimums != 0)](t, first, end, panel);
  }
}

/* Codes of a block less `zero`, whose places in a lane are those of pairs. */
ALWAYS void unpack_int16_of(const int bits, const gpt_quantised_format *f, const uint8_t *block, int blocks,
                            int16_t *out, float *scales, float *minimums) {
  const v16i low = v16i_set1(0x00ff00ff), zero = v16i_set1(f->zero * 0x00010001);
  const int count = f->sub_blocks;
  for (int b = 0; b < blocks; b++, block += gpt_quantised_block_bytes(*f)) {
    const uint8_t *factors = block + 64 * bits;
    for (int i = 0; i < count; i++) {
      v16_store(scales + 16 * (count * b + i), v16_load_f16(factors + 32 * i));
      if (f->affine) v16_store(minimums + 16 * (count * b + i), v16_load_f16(factors + 32 * (count + i)));
    }
    v16i code[8];
    load_codes(bits, block, code);
    UNROLL for (int v = 0; v < 8; v++, out += 64) {
      v16i_store(out, v16i_sub_halves(v16i_and(code[v], low), zero));
      v16i_store(out + 32, v16i_sub_halves(v16i_and(v16i_shift_right(code[v], 8), low), zero));
    }
  }
}

static void unpack_int16(const gpt_quantised_format *f, const uint8_t *panel, int blocks, int16_t *out,
                         float *scales, float *minimums) {
  switch (f->bits) {
  case 4: return unpack_int16_of(4, f, panel, blocks, out, scales, minimums);
  case 5: return unpack_int16_of(5, f, panel, blocks, out, scales, minimums);
  case 6: return unpack_int16_of(6, f, panel, blocks, out, scales, minimums);
  default: return unpack_int16_of(8, f, panel, blocks, out, scales, minimums);
  }
}

/* Of every four codes the middle ones change places. */
ALWAYS void swap_middles(int16_t *codes, int count) {
  for (int i = 0; i < count; i += 4) {
    uint64_t four;
    memcpy(&four, codes + i, 8);
    four = (four & 0xffff00000000ffffu) | (four & 0xffff0000u) << 16 | (four >> 16 & 0xffff0000u);
    memcpy(codes + i, &four, 8);
  }
}

/* scale = largest magnitude / 32767, and NaN for a block that holds NaN or infinity. */
static void code_row_int16(const float *x, int blocks, int16_t *codes, float *scales, float *sums,
                           float *block_sums) {
  const v16 limit = v16_set1(32767);
  for (int b = 0; b < blocks; b++, x += 32, codes += 32) {
    v16 half[2] = {v16_load(x), v16_load(x + 16)};
    int32_t top = v16i_horizontal_max(v16i_max(magnitude_bits(half[0]), magnitude_bits(half[1])));
    float largest;
    memcpy(&largest, &top, 4);
    v16 whole = v16_set1(largest);
    v16 factor = v16_where_less(v16_set1(1e-30f), whole, v16_div(limit, whole), v16_set1(0));
    scales[b] = largest * (1.0f / 32767) + largest * 0.0f;
    UNROLL for (int i = 0; i < 2; i++) {
      v16i_store_low16((uint16_t *)codes + 16 * i, code_bits(half[i], factor));
      int32_t sum = 0;
      for (int k = 0; k < 16; k++) sum += codes[16 * i + k];
      sums[2 * b + i] = scales[b] * (float)sum;
    }
    block_sums[b] = sums[2 * b] + sums[2 * b + 1];
    swap_middles(codes, 32);
  }
}
