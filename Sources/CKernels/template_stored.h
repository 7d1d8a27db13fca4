/* Products of few rows in 16 bits with quantised rows as a file holds them: the way that needs no
   memory beside the file's pages. Blocks are those of ggml (GPTWeights/BlockFormats shows each); eight
   blocks of 32 positions are taken apart at a time, for up to four rows. */

typedef uint8_t u8x32 __attribute__((vector_size(32)));
typedef uint8_t u8x8 __attribute__((vector_size(8)));
typedef int8_t s8x16 __attribute__((vector_size(16)));
typedef uint16_t u16x8 __attribute__((vector_size(16)));
typedef float f32x8 __attribute__((vector_size(32)));
typedef float f32x16 __attribute__((vector_size(64)));

/* Eight blocks: value = scale * code + offset, scales of 32 or 16 positions, offsets of 16. Vectors of
   this size are handed over by pointer: without AVX they have no place in registers. */
typedef struct stored_unit {
  u8x32 codes[8];
  float scales[16];
  float offsets[16];
} stored_unit;

ALWAYS void load_bytes(const uint8_t *p, u8x32 *v) { memcpy(v, p, 32); }
ALWAYS uint32_t load_word(const uint8_t *p) { uint32_t w; memcpy(&w, p, 4); return w; }
ALWAYS uint16_t load_half_bits(const uint8_t *p) { uint16_t h; memcpy(&h, p, 2); return h; }
ALWAYS float load_half(const uint8_t *p) { return half_lane(load_half_bits(p)); }

#define STORED_IS_K(type) ((type) == GPT_STORED_Q4_K || (type) == GPT_STORED_Q6_K)
#define STORED_HAS_MINIMUM(type) \
  ((type) == GPT_STORED_Q4_1 || (type) == GPT_STORED_Q5_1 || (type) == GPT_STORED_Q4_K)
/* What the products' codes are above those that count. */
#define STORED_ZERO(type)                                                               \
  ((type) == GPT_STORED_Q8_0 ? 128 - DOT4_WIDE_OFFSET : (type) == GPT_STORED_Q4_0 ? 8   \
   : (type) == GPT_STORED_Q5_0 ? 16 : (type) == GPT_STORED_Q6_K ? 32 : 0)
#define STORED_SUB_BLOCKS(type) ((type) == GPT_STORED_Q6_K ? 2 : 1)

/* Every number twice, in neighbouring lanes. */
ALWAYS void store_twice(const f32x8 *numbers, float *out) {
  f32x8 v = *numbers;
  f32x16 twice = __builtin_shufflevector(v, v, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  memcpy(out, &twice, sizeof twice);
}

/* 16 nibbles of bytes, the lower ones first. */
ALWAYS void expand_nibbles(const uint8_t *p, u8x32 *codes) {
  u8x32 twice;
  memcpy(&twice, p, 16);
  memcpy((uint8_t *)&twice + 16, p, 16);
  u8x32 upper = twice >> 4;
  *codes = __builtin_shufflevector(twice, upper, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 48, 49, 50,
                                   51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63) & 15;
}

/* Adds 16 where bit i of the four bytes is set to lane i. */
ALWAYS void add_fifth_bits(const uint8_t *p, u8x32 *codes) {
  const u8x32 mask = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128,
                      1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  uint8_t a = p[0], b = p[1], c = p[2], d = p[3];
  u8x32 spread = {a, a, a, a, a, a, a, a, b, b, b, b, b, b, b, b, c, c, c, c, c, c, c, c, d, d, d, d, d, d, d, d};
  *codes |= (u8x32)((spread & mask) == mask) & 16;
}

/* The codes of a block of 32. */
ALWAYS void expand_block(const gpt_stored_type type, const uint8_t *block, u8x32 *codes) {
  if (type == GPT_STORED_Q8_0) {
    load_bytes(block + 2, codes);
    *codes ^= 0x80;
    return;
  }
  const int five = type == GPT_STORED_Q5_0 || type == GPT_STORED_Q5_1;
  const uint8_t *high = block + (STORED_HAS_MINIMUM(type) ? 4 : 2);
  expand_nibbles(high + (five ? 4 : 0), codes);
  if (five) add_fifth_bits(high, codes);
}

/* Factors of 6 bits: of blocks 0 to 3 in the lower bits of the first two words, of 4 to 7 in nibbles
   of the third and the upper bits of the others. */
ALWAYS void expand_q4_k(const uint8_t *block, stored_unit *u) {
  uint32_t a = load_word(block + 4), b = load_word(block + 8), c = load_word(block + 12);
  /* One word each: two stores that a load spans would hold it up. */
  uint64_t scale_word = (a & 0x3f3f3f3f) | (uint64_t)((c & 0x0f0f0f0f) | (a >> 2 & 0x30303030)) << 32;
  uint64_t minimum_word = (b & 0x3f3f3f3f) | (uint64_t)((c >> 4 & 0x0f0f0f0f) | (b >> 2 & 0x30303030)) << 32;
  u8x8 scale_bytes, minimum_bytes;
  memcpy(&scale_bytes, &scale_word, 8);
  memcpy(&minimum_bytes, &minimum_word, 8);
  f32x8 scales = __builtin_convertvector(scale_bytes, f32x8) * load_half(block);
  f32x8 minimums = __builtin_convertvector(minimum_bytes, f32x8) * -load_half(block + 2);
  memcpy(u->scales, &scales, sizeof scales);
  store_twice(&minimums, u->offsets);
  UNROLL for (int i = 0; i < 4; i++) {
    u8x32 bytes;
    load_bytes(block + 16 + 32 * i, &bytes);
    u->codes[2 * i] = bytes & 15;
    u->codes[2 * i + 1] = bytes >> 4;
  }
}

ALWAYS void expand_q6_k(const uint8_t *block, stored_unit *u) {
  s8x16 bytes;
  memcpy(&bytes, block + 192, 16);
  f32x16 scales = __builtin_convertvector(bytes, f32x16) * load_half(block + 208);
  f32x16 offsets = scales * -32.0f;
  memcpy(u->scales, &scales, sizeof scales);
  memcpy(u->offsets, &offsets, sizeof offsets);
  UNROLL for (int half = 0; half < 2; half++) {
    u8x32 near, far, high;
    load_bytes(block + 64 * half, &near);
    load_bytes(block + 64 * half + 32, &far);
    load_bytes(block + 128 + 32 * half, &high);
    u->codes[4 * half] = (near & 15) | (high & 3) << 4;
    u->codes[4 * half + 1] = (far & 15) | (high & 12) << 2;
    u->codes[4 * half + 2] = near >> 4 | (high & 48);
    u->codes[4 * half + 3] = far >> 4 | (high & 192) >> 2;
  }
}

/* fp16 number `index` of each of the blocks, zeros in place of those that are missing. */
ALWAYS u16x8 block_halves(const uint8_t *blocks, ptrdiff_t bytes, int count, int index) {
  u16x8 halves = {0};
  UNROLL for (int i = 0; i < 8; i++)
    if (i < count) halves[i] = load_half_bits(blocks + bytes * i + 2 * index);
  return halves;
}

/* Up to eight blocks; zeros in place of those that are missing. */
ALWAYS void expand_unit(const gpt_stored_type type, const uint8_t *blocks, int count, stored_unit *u) {
  if (type == GPT_STORED_Q4_K) return expand_q4_k(blocks, u);
  if (type == GPT_STORED_Q6_K) return expand_q6_k(blocks, u);
  const ptrdiff_t bytes = gpt_stored_bytes(type);
  u16x8 halves[2] = {block_halves(blocks, bytes, count, 0)};
  if (STORED_HAS_MINIMUM(type)) halves[1] = block_halves(blocks, bytes, count, 1);
  float wide[16];
  v16_store(wide, v16_load_f16(halves));
  f32x8 scales, minimums;
  memcpy(&scales, wide, sizeof scales);
  memcpy(&minimums, wide + 8, sizeof minimums);
  memcpy(u->scales, &scales, sizeof scales);
  minimums -= (float)STORED_ZERO(type) * scales;
  store_twice(&minimums, u->offsets);
  UNROLL for (int i = 0; i < 8; i++) {
    if (i < count) expand_block(type, blocks + bytes * i, u->codes + i);
    else u->codes[i] = (u8x32){0};
  }
}

/* Scales of a row's eight blocks, or as many as it has, times those of the weights. */
ALWAYS void multiply_scales(const gpt_stored_type type, const stored_unit *u, const float *own, int count,
                            float factors[16]) {
  f32x8 scales = {0};
  memcpy(&scales, own, count == 8 ? sizeof scales : (size_t)count * 4);
  if (STORED_SUB_BLOCKS(type) == 2) {
    store_twice(&scales, factors);
    v16_store(factors, v16_mul(v16_load(factors), v16_load(u->scales)));
  } else {
    f32x8 weights;
    memcpy(&weights, u->scales, sizeof weights);
    scales *= weights;
    memcpy(factors, &scales, sizeof scales);
  }
}

/* Codes of blocks b and b + 1 of a row, which may have no b + 1. */
ALWAYS v16i two_blocks(const int8_t *codes, int is_last) {
  static const int8_t none[32] = {0};
  return v16i_of_blocks(codes, is_last ? none : codes + GPT_ROW_BLOCK_BYTES);
}

/* Up to eight blocks of R rows by one output; `count` is 8 but at a row's end. */
ALWAYS void stored_blocks(const int R, const gpt_stored_type type, const gpt_stored_product *t, int row, int first,
                          const int count, const uint8_t *blocks, v16 acc[4], v16 rest[4]) {
  stored_unit u;
  expand_unit(type, blocks, count, &u);
  UNROLL for (int r = 0; r < R; r++) {
    float factors[16];
    multiply_scales(type, &u, t->x.scales + (row + r) * t->x.scale_stride + first, count, factors);
    const int8_t *x = t->x.codes + (row + r) * t->x.code_stride + GPT_ROW_BLOCK_BYTES * first;
    _Pragma("clang loop unroll_count(4)") for (int j = 0; j < count; j += 2) {
      v16i code = v16i_of_blocks(u.codes + j, u.codes + j + 1);
      const int8_t *own = x + GPT_ROW_BLOCK_BYTES * j;
      const int is_last = j + 1 == count, wide = type == GPT_STORED_Q8_0;
      v16i dot = v16i_shift_left(v16i_dot4(v16i_set1(0), code, two_blocks(own, is_last), wide), 8);
      dot = v16i_dot4(dot, code, two_blocks(own + 32, is_last), wide);
      v16 factor = STORED_SUB_BLOCKS(type) == 2 ? v16_of_quarters(factors + 2 * j)
                                                : v16_of_halves(factors[j], factors[j + 1]);
      acc[r] = v16_fma(v16_from_int(dot), factor, acc[r]);
    }
  }
  if (STORED_ZERO(type) == 0 && !STORED_HAS_MINIMUM(type)) return;
  UNROLL for (int r = 0; r < R; r++)
    rest[r] = v16_fma(v16_load(u.offsets), v16_load(t->x.sums + (row + r) * t->x.sum_stride + 2 * first), rest[r]);
}

/* R rows by one output. */
ALWAYS void stored_output(const int R, const gpt_stored_type type, const gpt_stored_product *t, int row, int output) {
  const ptrdiff_t unit_bytes = STORED_IS_K(type) ? gpt_stored_bytes(type) : 8 * gpt_stored_bytes(type);
  const uint8_t *w = t->weights + (t->row_of_output ? t->row_of_output[output] : output) * t->row_bytes;
  v16 acc[4], rest[4];
  UNROLL for (int r = 0; r < R; r++) acc[r] = rest[r] = v16_set1(0);
  int b = 0;
  for (; b + 8 <= t->blocks; b += 8, w += unit_bytes) stored_blocks(R, type, t, row, b, 8, w, acc, rest);
  if (b < t->blocks) stored_blocks(R, type, t, row, b, t->blocks - b, w, acc, rest);
  UNROLL for (int r = 0; r < R; r++)
    t->y[(row + r) * t->y_stride + output] = horizontal_sum(v16_add(acc[r], rest[r]));
}

#define STORED(name, type)                                                                        \
  static __attribute__((noinline)) void name(const gpt_stored_product *t) {                       \
    for (int output = 0; output < t->outputs; output++) {                                         \
      int row = 0;                                                                                \
      for (; row + 4 <= t->rows; row += 4) stored_output(4, type, t, row, output);                \
      for (; row < t->rows; row++) stored_output(1, type, t, row, output);                        \
    }                                                                                             \
  }
STORED(stored_q8_0, GPT_STORED_Q8_0)
STORED(stored_q4_0, GPT_STORED_Q4_0)
STORED(stored_q4_1, GPT_STORED_Q4_1)
STORED(stored_q5_0, GPT_STORED_Q5_0)
STORED(stored_q5_1, GPT_STORED_Q5_1)
STORED(stored_q4_k, GPT_STORED_Q4_K)
STORED(stored_q6_k, GPT_STORED_Q6_K)

static void stored_product(const gpt_stored_product *t) {
  static void (*const table[])(const gpt_stored_product *) = {
      [GPT_STORED_Q8_0] = stored_q8_0, [GPT_STORED_Q4_0] = stored_q4_0, [GPT_STORED_Q4_1] = stored_q4_1,
      [GPT_STORED_Q5_0] = stored_q5_0, [GPT_STORED_Q5_1] = stored_q5_1, [GPT_STORED_Q4_K] = stored_q4_k,
      [GPT_STORED_Q6_K] = stored_q6_k};
  table[t->type](t);
  for (int row = 0; row < t->rows; row++)
    for (int output = t->outputs; output % 16 != 0; output++) t->y[row * t->y_stride + output] = 0;
}
