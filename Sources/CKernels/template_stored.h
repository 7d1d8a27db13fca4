/* Products of few rows in 8 bits with quantised rows as a file holds them: the way that needs no
   memory beside the file's pages. Blocks are those of ggml (GPTWeights/BlockFormats shows each); eight
   blocks of 32 positions are taken apart at a time, for up to four rows. */

typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef uint8_t u8x8 __attribute__((vector_size(8)));
typedef int8_t s8x16 __attribute__((vector_size(16)));
typedef float f32x8 __attribute__((vector_size(32)));
typedef float f32x16 __attribute__((vector_size(64)));

/* Eight blocks: value = scale * code + offset, scales of 32 or 16 positions, offsets of 16. */
typedef struct stored_unit {
  uint8_t codes[256];
  float scales[16];
  float offsets[16];
} stored_unit;

ALWAYS u8x16 load_bytes(const uint8_t *p) { u8x16 v; memcpy(&v, p, 16); return v; }
ALWAYS void store_bytes(uint8_t *p, u8x16 v) { memcpy(p, &v, 16); }
ALWAYS uint32_t load_word(const uint8_t *p) { uint32_t w; memcpy(&w, p, 4); return w; }
ALWAYS float load_half(const uint8_t *p) { uint16_t h; memcpy(&h, p, 2); return half_lane(h); }

#define STORED_IS_K(type) ((type) == GPT_STORED_Q4_K || (type) == GPT_STORED_Q6_K)
#define STORED_HAS_MINIMUM(type) \
  ((type) == GPT_STORED_Q4_1 || (type) == GPT_STORED_Q5_1 || (type) == GPT_STORED_Q4_K)
/* What the products' codes are above those that count. */
#define STORED_ZERO(type)                                                               \
  ((type) == GPT_STORED_Q8_0 ? 128 - DOT4_WIDE_OFFSET : (type) == GPT_STORED_Q4_0 ? 8   \
   : (type) == GPT_STORED_Q5_0 ? 16 : (type) == GPT_STORED_Q6_K ? 32 : 0)
#define STORED_SUB_BLOCKS(type) ((type) == GPT_STORED_Q6_K ? 2 : 1)

/* 16 where bit i of the two bytes is set, in lane i. */
ALWAYS u8x16 fifth_bits(const uint8_t *p) {
  const u8x16 mask = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  uint8_t a = p[0], b = p[1];
  u8x16 spread = {a, a, a, a, a, a, a, a, b, b, b, b, b, b, b, b};
  return (u8x16)((spread & mask) == mask) & 16;
}

/* A block of 32; returns its minimum. */
ALWAYS float expand_block(const gpt_stored_type type, const uint8_t *block, uint8_t *codes, float *scale) {
  *scale = load_half(block);
  if (type == GPT_STORED_Q8_0) {
    store_bytes(codes, load_bytes(block + 2) ^ 0x80);
    store_bytes(codes + 16, load_bytes(block + 18) ^ 0x80);
    return 0;
  }
  const int five = type == GPT_STORED_Q5_0 || type == GPT_STORED_Q5_1;
  const uint8_t *high = block + (STORED_HAS_MINIMUM(type) ? 4 : 2);
  u8x16 low = load_bytes(high + (five ? 4 : 0)), first = low & 15, second = low >> 4;
  if (five) {
    first |= fifth_bits(high);
    second |= fifth_bits(high + 2);
  }
  store_bytes(codes, first);
  store_bytes(codes + 16, second);
  return STORED_HAS_MINIMUM(type) ? load_half(block + 2) : 0;
}

/* Factors of 6 bits: of blocks 0 to 3 in the lower bits of the first two words, of 4 to 7 in nibbles
   of the third and the upper bits of the others. */
ALWAYS void expand_q4_k(const uint8_t *block, stored_unit *u) {
  uint32_t a = load_word(block + 4), b = load_word(block + 8), c = load_word(block + 12);
  uint32_t scale_words[2] = {a & 0x3f3f3f3f, (c & 0x0f0f0f0f) | (a >> 2 & 0x30303030)};
  uint32_t minimum_words[2] = {b & 0x3f3f3f3f, (c >> 4 & 0x0f0f0f0f) | (b >> 2 & 0x30303030)};
  u8x8 scale_bytes, minimum_bytes;
  memcpy(&scale_bytes, scale_words, 8);
  memcpy(&minimum_bytes, minimum_words, 8);
  f32x8 scales = __builtin_convertvector(scale_bytes, f32x8) * load_half(block);
  f32x8 minimums = __builtin_convertvector(minimum_bytes, f32x8) * -load_half(block + 2);
  memcpy(u->scales, &scales, sizeof scales);
  f32x16 offsets = __builtin_shufflevector(minimums, minimums, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  memcpy(u->offsets, &offsets, sizeof offsets);
  UNROLL for (int i = 0; i < 8; i++) {
    u8x16 bytes = load_bytes(block + 16 + 16 * i);
    uint8_t *codes = u->codes + (i >> 1) * 64 + (i & 1) * 16;
    store_bytes(codes, bytes & 15);
    store_bytes(codes + 32, bytes >> 4);
  }
}

ALWAYS void expand_q6_k(const uint8_t *block, stored_unit *u) {
  s8x16 bytes;
  memcpy(&bytes, block + 192, 16);
  f32x16 scales = __builtin_convertvector(bytes, f32x16) * load_half(block + 208);
  f32x16 offsets = scales * -32.0f;
  memcpy(u->scales, &scales, sizeof scales);
  memcpy(u->offsets, &offsets, sizeof offsets);
  UNROLL for (int i = 0; i < 4; i++) {
    int half = i >> 1, column = (i & 1) * 16;
    u8x16 near = load_bytes(block + 64 * half + column), far = load_bytes(block + 64 * half + 32 + column);
    u8x16 high = load_bytes(block + 128 + 32 * half + column);
    uint8_t *codes = u->codes + 128 * half + column;
    store_bytes(codes, (near & 15) | (high & 3) << 4);
    store_bytes(codes + 32, (far & 15) | (high & 12) << 2);
    store_bytes(codes + 64, near >> 4 | (high & 48));
    store_bytes(codes + 96, far >> 4 | (high & 192) >> 2);
  }
}

/* Up to eight blocks; zeros in place of those that are missing. */
ALWAYS void expand_unit(const gpt_stored_type type, const uint8_t *blocks, int count, stored_unit *u) {
  if (type == GPT_STORED_Q4_K) return expand_q4_k(blocks, u);
  if (type == GPT_STORED_Q6_K) return expand_q6_k(blocks, u);
  if (count < 8) memset(u, 0, sizeof *u);
  const ptrdiff_t bytes = gpt_stored_bytes(type);
  _Pragma("clang loop unroll_count(8)") for (int i = 0; i < count; i++) {
    float minimum = expand_block(type, blocks + bytes * i, u->codes + 32 * i, u->scales + i);
    u->offsets[2 * i] = u->offsets[2 * i + 1] = minimum - (float)STORED_ZERO(type) * u->scales[i];
  }
}

/* Codes of blocks b and b + 1 of a row, which may have no b + 1. */
ALWAYS v16i two_blocks(const int8_t *codes, int is_last) {
  if (!is_last) return v16i_load(codes);
  int8_t padded[64] = {0};
  memcpy(padded, codes, 32);
  return v16i_load(padded);
}

/* Up to eight blocks of R rows by one output; `count` is 8 but at a row's end. */
ALWAYS void stored_blocks(const int R, const gpt_stored_type type, const gpt_stored_product *t, int row, int first,
                          const int count, const uint8_t *blocks, v16 acc[4], v16 rest[4]) {
  stored_unit u;
  expand_unit(type, blocks, count, &u);
  _Pragma("clang loop unroll_count(4)") for (int j = 0; j < count; j += 2) {
    int is_last = j + 1 == count;
    v16i code = v16i_load(u.codes + 32 * j);
    v16 scale = STORED_SUB_BLOCKS(type) == 2 ? v16_of_quarters(u.scales + 2 * j)
                                             : v16_of_halves(u.scales[j], u.scales[j + 1]);
    UNROLL for (int r = 0; r < R; r++) {
      const float *own = t->x.scales + (row + r) * t->x.scale_stride + first + j;
      v16i x = two_blocks(t->x.codes + (row + r) * t->x.code_stride + 32 * (first + j), is_last);
      v16i dot = v16i_dot4(v16i_set1(0), code, x, type == GPT_STORED_Q8_0);
      v16 factor = v16_mul(scale, v16_of_halves(own[0], is_last ? 0 : own[1]));
      acc[r] = v16_fma(v16_from_int(dot), factor, acc[r]);
    }
  }
  if (STORED_ZERO(type) == 0 && !STORED_HAS_MINIMUM(type)) return;
  UNROLL for (int r = 0; r < R; r++)
    rest[r] = v16_fma(v16_load(u.offsets), v16_load(t->x_sums + (row + r) * t->x_sum_stride + 2 * first), rest[r]);
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
