/* Packing weights whose blocks hold an fp16 scale and codes in the panel's own order (Q4_0, Q8_0):
   words of 4 bytes change places and nothing is decoded. */

/* Sixteen rows of `blocks` blocks of 2 + 4 * bits bytes, code words xor `flip`, as a quantised panel
   of 4 or 8 bits with its scales. */
static void pack_blocks(const uint8_t *const rows[16], int bits, uint32_t flip, int blocks,
                        uint8_t *codes, uint16_t *scales) {
  int length = 4 * bits, step = 64 / length;
  v16i change = v16i_set1((int32_t)flip);
  for (int b = 0; b < blocks; b += step) {
    int count = blocks - b < step ? blocks - b : step;
    v16i words[16];
    for (int r = 0; r < 16; r++) {
      uint8_t row[64] = {0};
      const uint8_t *from = rows[r] + (ptrdiff_t)b * (length + 2);
      for (int i = 0; i < count; i++, from += length + 2) {
        __builtin_memcpy(scales + 16 * (b + i) + r, from, 2);
        if (bits == 8) __builtin_memcpy(row + 32 * i, from + 2, 32);
        else __builtin_memcpy(row + 16 * i, from + 2, 16);
      }
      words[r] = v16i_xor(v16i_load(row), change);
    }
    v16i_transpose(words);
    for (int j = 0; j < count * bits; j++) v16i_store(codes + (ptrdiff_t)length * 16 * b + 64 * j, words[j]);
  }
}
