/* Arranging operands of training's products, which change with every step, into the layouts of
   CKernels.h. fp32 sources have rows padded by zeros to a multiple of 16, bf16 sources to 32. */

/* Sixteen rows of up to 32 floats as bf16 pairs: row r, pair j in lane j. Positions past `count`
   and rows past `rows` are zero. */
ALWAYS void load_pairs(const float *x, ptrdiff_t stride, int rows, int count, v16i pairs[16]) {
  for (int r = 0; r < 16; r++) {
    if (r >= rows) {
      pairs[r] = v16i_set1(0);
      continue;
    }
    v16i first = round_to_bf16(v16_load(x + r * stride));
    v16i second = count > 16 ? round_to_bf16(v16_load(x + r * stride + 16)) : v16i_set1(0);
    pairs[r] = v16i_pack_low16(first, second);
  }
}

/* A panel whose outputs are rows of x: depth runs along the rows. bf16: [depth / 2][16][2] with
   depth padded by zeros to a multiple of 32. */
static void pack_rows_bf16(const float *x, ptrdiff_t stride, int rows, int depth, uint16_t *panel) {
  for (int k = 0; k < depth; k += 32) {
    v16i pairs[16];
    load_pairs(x + k, stride, rows, depth - k, pairs);
    v16i_transpose(pairs);
    for (int j = 0; j < 16; j++) v16i_store(panel + 16 * k + 32 * j, pairs[j]);
  }
}

/* The same in fp32: [depth padded to a multiple of 16][16]. */
static void pack_rows_f32(const float *x, ptrdiff_t stride, int rows, int depth, float *panel) {
  for (int k = 0; k < depth; k += 16) {
    v16i block[16];
    for (int r = 0; r < 16; r++)
      block[r] = r < rows ? v16_bits(v16_load(x + r * stride + k)) : v16i_set1(0);
    v16i_transpose(block);
    for (int j = 0; j < 16; j++) v16i_store(panel + 16 * (k + j), block[j]);
  }
}

/* Panels whose outputs are the columns of x, sixteen a panel: depth runs down the rows. bf16: as
   above, panels `panel_stride` elements apart. */
static void pack_columns_bf16(const float *x, ptrdiff_t stride, int depth, int panels,
                              uint16_t *out, ptrdiff_t panel_stride) {
  int padded = (depth + 31) & ~31;
  for (int k = 0; k < padded; k += 2, out += 32) {
    const float *row = x + k * stride;
    for (int p = 0; p < panels; p++) {
      v16 even = k < depth ? v16_load(row + 16 * p) : v16_set1(0);
      v16 odd = k + 1 < depth ? v16_load(row + stride + 16 * p) : v16_set1(0);
      store_pair(out + p * panel_stride, even, odd);
    }
  }
}

static void pack_columns_f32(const float *x, ptrdiff_t stride, int depth, int panels, float *out,
                             ptrdiff_t panel_stride) {
  for (int k = 0; k < depth; k++)
    for (int p = 0; p < panels; p++)
      v16_store(out + 16 * k + p * panel_stride, v16_load(x + k * stride + 16 * p));
}

/* Elements of rows k and k + 1 in the two halves of a lane; rows past `depth` are zero. */
ALWAYS v16i row_pairs(const uint16_t *x, ptrdiff_t stride, int k, int depth) {
  v16i even = k < depth ? v16i_load_low16(x + k * stride) : v16i_set1(0);
  v16i odd = k + 1 < depth ? v16i_load_low16(x + (k + 1) * stride) : v16i_set1(0);
  return v16i_or(even, v16i_shift_left(odd, 16));
}

/* Panels of columns out of rows that are bf16 already. */
static void interleave_bf16(const uint16_t *x, ptrdiff_t stride, int depth, int panels,
                            uint16_t *out, ptrdiff_t panel_stride) {
  int padded = (depth + 31) & ~31;
  for (int k = 0; k < padded; k += 2, out += 32)
    for (int p = 0; p < panels; p++)
      v16i_store(out + p * panel_stride, row_pairs(x + 16 * p, stride, k, depth));
}

/* Columns of bf16 rows, 16 * panels of them, as bf16 rows: row m of the result holds column m, its
   `depth` elements padded by zeros to a multiple of 32. */
static void transpose_bf16(const uint16_t *x, ptrdiff_t stride, int depth, int panels,
                           uint16_t *rows, ptrdiff_t row_stride) {
  for (int k = 0; k < depth; k += 32)
    for (int p = 0; p < panels; p++) {
      v16i pairs[16];
      for (int j = 0; j < 16; j++) pairs[j] = row_pairs(x + 16 * p, stride, k + 2 * j, depth);
      v16i_transpose(pairs);
      for (int m = 0; m < 16; m++) v16i_store(rows + (16 * p + m) * row_stride + k, pairs[m]);
    }
}
