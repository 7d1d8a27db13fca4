/* Codes of quantised panels: how one block of 32 positions comes out of `bits` vectors of 16 lanes
   by 4 bytes. Vector v of the result holds positions 4 v + i, i the byte of a lane. */

/* The bits of `mask` of x, shifted in each byte to the right. */
ALWAYS v16i bits_right(v16i x, int n, int mask) {
  return v16i_and(v16i_shift_right(x, n), v16i_set1(mask * 0x01010101));
}

/* Vectors 0 to 4 as they lie, in the lower 5 bits; the upper 3 bits are those of vectors 5 to 7. */
ALWAYS void load_codes_5(const uint8_t *codes, v16i out[8]) {
  v16i v[5];
  UNROLL for (int i = 0; i < 5; i++) {
    v[i] = v16i_load(codes + 64 * i);
    out[i] = bits_right(v[i], 0, 0x1f);
  }
  out[5] = v16i_or(bits_right(v[0], 3, 0x1c), bits_right(v[1], 6, 0x03));
  out[6] = v16i_or(bits_right(v[2], 3, 0x1c), bits_right(v[3], 6, 0x03));
  out[7] = v16i_or(bits_right(v[4], 3, 0x1c),
                   v16i_or(bits_right(v[1], 4, 0x02), bits_right(v[3], 5, 0x01)));
}

/* Vectors 0 to 5 in the lower 6 bits; the upper 2 bits of three of them each are a vector more. */
ALWAYS void load_codes_6(const uint8_t *codes, v16i out[8]) {
  UNROLL for (int half = 0; half < 2; half++) {
    v16i v[3];
    UNROLL for (int i = 0; i < 3; i++) {
      v[i] = v16i_load(codes + 64 * (3 * half + i));
      out[3 * half + i] = bits_right(v[i], 0, 0x3f);
    }
    out[6 + half] = v16i_or(bits_right(v[0], 2, 0x30),
                            v16i_or(bits_right(v[1], 4, 0x0c), bits_right(v[2], 6, 0x03)));
  }
}

ALWAYS void load_codes(const int bits, const uint8_t *codes, v16i out[8]) {
  if (bits == 5) return load_codes_5(codes, out);
  if (bits == 6) return load_codes_6(codes, out);
  if (bits == 8) {
    UNROLL for (int v = 0; v < 8; v++) out[v] = v16i_load(codes + 64 * v);
    return;
  }
  UNROLL for (int v = 0; v < 4; v++) {
    v16i packed = v16i_load(codes + 64 * v);
    out[v] = bits_right(packed, 0, 0x0f);
    out[v + 4] = bits_right(packed, 4, 0x0f);
  }
}
