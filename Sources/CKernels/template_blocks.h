/* Quantised panels out of sixteen rows: of codes that were decoded, or of blocks that hold an fp16
   scale and codes in the panel's own order (Q4_0, Q8_0), where words of 4 bytes change places and
   nothing is decoded. */

/* The bits of `mask` of x, shifted in each byte to the left. */
ALWAYS v16i bits_left(v16i x, int n, int mask) {
  return v16i_shift_left(v16i_and(x, v16i_set1(mask * 0x01010101)), n);
}

/* A block of 32 positions, c[v] holding positions 4 v to 4 v + 3, as `bits` vectors:
   template_codes.h turned round. */
ALWAYS void store_codes(const int bits, const v16i c[8], uint8_t *panel) {
  v16i packed[8];
  UNROLL for (int v = 0; v < bits; v++) packed[v] = c[v];
  if (bits == 4) {
    UNROLL for (int v = 0; v < 4; v++) packed[v] = v16i_or(packed[v], v16i_shift_left(c[v + 4], 4));
  }
  if (bits == 5) {
    UNROLL for (int v = 0; v < 3; v++) packed[2 * v] = v16i_or(packed[2 * v], bits_left(c[v + 5], 3, 0x1c));
    UNROLL for (int v = 0; v < 2; v++)
      packed[2 * v + 1] = v16i_or(packed[2 * v + 1], bits_left(c[v + 5], 6, 0x03));
    packed[1] = v16i_or(packed[1], bits_left(c[7], 4, 0x02));
    packed[3] = v16i_or(packed[3], bits_left(c[7], 5, 0x01));
  }
  if (bits == 6) {
    UNROLL for (int half = 0; half < 2; half++) {
      packed[3 * half] = v16i_or(packed[3 * half], bits_left(c[6 + half], 2, 0x30));
      packed[3 * half + 1] = v16i_or(packed[3 * half + 1], bits_left(c[6 + half], 4, 0x0c));
      packed[3 * half + 2] = v16i_or(packed[3 * half + 2], bits_left(c[6 + half], 6, 0x03));
    }
  }
  UNROLL for (int v = 0; v < bits; v++) v16i_store(panel + 64 * v, packed[v]);
}

ALWAYS void pack_codes(const int bits, const uint8_t *codes, ptrdiff_t row_stride, int blocks,
                       uint8_t *panel, ptrdiff_t block_bytes) {
  for (int b = 0; b < blocks; b += 2) {
    int count = blocks - b < 2 ? 1 : 2;
    v16i words[16];
    for (int r = 0; r < 16; r++) {
      uint8_t row[64] = {0};
      const uint8_t *from = codes + r * row_stride + 32 * b;
      if (count == 2) __builtin_memcpy(row, from, 64);
      else __builtin_memcpy(row, from, 32);
      words[r] = v16i_load(row);
    }
    v16i_transpose(words);
    for (int i = 0; i < count; i++) store_codes(bits, words + 8 * i, panel + block_bytes * (b + i));
  }
}

/* Sixteen rows of `blocks` times `count` factors, those of a block in fp16 at `block_bytes` times its
   number. */
static void pack_factors(const float *rows, ptrdiff_t row_stride, int count, int blocks, uint8_t *target,
                         ptrdiff_t block_bytes) {
  for (int r = 0; r < GPT_PANEL_WIDTH; r++)
    for (int i = 0; i < count * blocks; i += 16) {
      int some = count * blocks - i < 16 ? count * blocks - i : 16;
      float row[16] = {0};
      uint16_t halves[16];
      __builtin_memcpy(row, rows + r * row_stride + i, sizeof(float) * (size_t)some);
      v16_store_f16(halves, v16_load(row));
      for (int j = i; j < i + some; j++)
        __builtin_memcpy(target + block_bytes * (j / count) + 32 * (j % count) + 2 * r, halves + j - i, 2);
    }
}

static void pack_panel(const gpt_quantised_format *f, const uint8_t *codes, ptrdiff_t row_stride,
                       const float *scales, const float *minimums, ptrdiff_t factor_stride, int blocks,
                       uint8_t *panel) {
  const ptrdiff_t bytes = gpt_quantised_block_bytes(*f);
  switch (f->bits) {
  case 4: pack_codes(4, codes, row_stride, blocks, panel, bytes); break;
  case 5: pack_codes(5, codes, row_stride, blocks, panel, bytes); break;
  case 6: pack_codes(6, codes, row_stride, blocks, panel, bytes); break;
  default: pack_codes(8, codes, row_stride, blocks, panel, bytes); break;
  }
  uint8_t *factors = panel + 64 * f->bits;
  pack_factors(scales, factor_stride, f->sub_blocks, blocks, factors, bytes);
  if (f->affine) pack_factors(minimums, factor_stride, f->sub_blocks, blocks, factors + 32 * f->sub_blocks, bytes);
}

/* Sixteen rows of `blocks` blocks of 2 + 4 * bits bytes, code words xor `flip`, as a quantised panel
   of 4 or 8 bits with its scales. */
static void pack_blocks(const uint8_t *const rows[16], int bits, uint32_t flip, int blocks, uint8_t *panel) {
  const int length = 4 * bits, step = 64 / length;
  const ptrdiff_t bytes = 16 * (length + 2);
  v16i change = v16i_set1((int32_t)flip);
  for (int b = 0; b < blocks; b += step, panel += bytes * step) {
    int count = blocks - b < step ? blocks - b : step;
    v16i words[16];
    for (int r = 0; r < 16; r++) {
      uint8_t row[64] = {0};
      const uint8_t *from = rows[r] + (ptrdiff_t)b * (length + 2);
      for (int i = 0; i < count; i++, from += length + 2) {
        __builtin_memcpy(panel + bytes * i + 16 * length + 2 * r, from, 2);
        if (bits == 8) __builtin_memcpy(row + 32 * i, from + 2, 32);
        else __builtin_memcpy(row + 16 * i, from + 2, 16);
      }
      words[r] = v16i_xor(v16i_load(row), change);
    }
    v16i_transpose(words);
    for (int j = 0; j < count * bits; j++) v16i_store(panel + bytes * (j / bits) + 64 * (j % bits), words[j]);
  }
}
