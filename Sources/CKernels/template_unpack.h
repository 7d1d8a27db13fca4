/* Unpacking of quantised panels: every code's value in fp32, or rounded to bf16 by `store_pair`. */

/* Values of the four positions whose codes share lanes of `packed`. */
ALWAYS void expand_four(v16i packed, v16 scale, v16 minimum, int zero, v16 out[4]) {
  UNROLL for (int i = 0; i < 4; i++) {
    v16i code = v16i_and(v16i_shift_right(packed, 8 * i), v16i_set1(0xff));
    out[i] = v16_fma(v16_from_int(v16i_sub(code, v16i_set1(zero))), scale, minimum);
  }
}

ALWAYS void unpack_of(const int bits, const gpt_quantised_format *f, const uint8_t *block, int blocks,
                      float *wide, ptrdiff_t stride, uint16_t *narrow) {
  const ptrdiff_t bytes = gpt_quantised_block_bytes(*f);
  for (int b = 0; b < blocks; b++, block += bytes) {
    v16i code[8];
    load_codes(bits, block, code);
    UNROLL for (int half = 0; half < 2; half++) {
      const uint8_t *scales = block + 64 * bits + (f->sub_blocks == 2 ? 32 * half : 0);
      v16 scale = v16_load_f16(scales);
      v16 minimum = f->affine ? v16_load_f16(scales + 32 * f->sub_blocks) : v16_set1(0);
      UNROLL for (int j = 0; j < 4; j++) {
        v16 value[4];
        expand_four(code[4 * half + j], scale, minimum, f->zero, value);
        int k = 32 * b + 16 * half + 4 * j;
        if (wide) {
          UNROLL for (int i = 0; i < 4; i++) v16_store(wide + (k + i) * stride, value[i]);
        } else {
          store_pair(narrow + 16 * k, value[0], value[1]);
          store_pair(narrow + 16 * (k + 2), value[2], value[3]);
        }
      }
    }
  }
}

ALWAYS void unpack(const gpt_quantised_format *f, const uint8_t *panel, int blocks, float *wide,
                   ptrdiff_t stride, uint16_t *narrow) {
  switch (f->bits) {
  case 4: return unpack_of(4, f, panel, blocks, wide, stride, narrow);
  case 5: return unpack_of(5, f, panel, blocks, wide, stride, narrow);
  case 6: return unpack_of(6, f, panel, blocks, wide, stride, narrow);
  default: return unpack_of(8, f, panel, blocks, wide, stride, narrow);
  }
}
