/* Sixteen lanes in one AVX-512 register; byte products through VNNI. */
#include <immintrin.h>

typedef __m512 v16;
typedef __m512i v16i;

static inline v16 v16_set1(float x) { return _mm512_set1_ps(x); }
static inline v16 v16_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void v16_store(float *p, v16 a) { _mm512_storeu_ps(p, a); }
static inline v16 v16_load_f16(const void *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
static inline float half_lane(uint16_t half) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(half))); }
/* a in the first eight lanes, b in the others; and four numbers in four lanes each. */
static inline v16 v16_of_halves(float a, float b) {
  return _mm512_insertf32x8(_mm512_set1_ps(a), _mm256_set1_ps(b), 1);
}
static inline v16 v16_of_quarters(const float *q) {
  const __m512i lanes = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  return _mm512_permutexvar_ps(lanes, _mm512_castps128_ps512(_mm_loadu_ps(q)));
}
static inline void v16_store_f16(uint16_t *p, v16 a) {
  _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
}
static inline v16 v16_add(v16 a, v16 b) { return _mm512_add_ps(a, b); }
static inline v16 v16_sub(v16 a, v16 b) { return _mm512_sub_ps(a, b); }
static inline v16 v16_mul(v16 a, v16 b) { return _mm512_mul_ps(a, b); }
static inline v16 v16_div(v16 a, v16 b) { return _mm512_div_ps(a, b); }
static inline v16 v16_sqrt(v16 a) { return _mm512_sqrt_ps(a); }
static inline v16 v16_fma(v16 a, v16 b, v16 c) { return _mm512_fmadd_ps(a, b, c); }
static inline v16 v16_max(v16 a, v16 b) { return _mm512_max_ps(a, b); }
static inline v16 v16_min(v16 a, v16 b) { return _mm512_min_ps(a, b); }

static inline v16i v16i_set1(int32_t x) { return _mm512_set1_epi32(x); }
static inline v16i v16i_load(const void *p) { return _mm512_loadu_si512(p); }
/* 32 bytes each. */
static inline v16i v16i_of_blocks(const void *a, const void *b) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)a)),
                            _mm256_loadu_si256((const __m256i *)b), 1);
}
static inline void v16i_store(void *p, v16i a) { _mm512_storeu_si512(p, a); }
static inline v16i v16i_add(v16i a, v16i b) { return _mm512_add_epi32(a, b); }
static inline v16i v16i_sub(v16i a, v16i b) { return _mm512_sub_epi32(a, b); }
static inline v16i v16i_and(v16i a, v16i b) { return _mm512_and_si512(a, b); }
static inline v16i v16i_or(v16i a, v16i b) { return _mm512_or_si512(a, b); }
static inline v16i v16i_shift_right(v16i a, int n) { return _mm512_srli_epi32(a, (unsigned)n); }
static inline v16i v16i_shift_left(v16i a, int n) { return _mm512_slli_epi32(a, (unsigned)n); }
static inline v16 v16_from_int(v16i a) { return _mm512_cvtepi32_ps(a); }
static inline v16i v16_bits(v16 a) { return _mm512_castps_si512(a); }
static inline v16 v16_from_bits(v16i a) { return _mm512_castsi512_ps(a); }

static inline v16i v16i_mul(v16i a, v16i b) { return _mm512_mullo_epi32(a, b); }
static inline v16i v16i_xor(v16i a, v16i b) { return _mm512_xor_si512(a, b); }
static inline v16i v16i_where_nan(v16 x, v16i yes, v16i no) {
  return _mm512_mask_mov_epi32(no, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), yes);
}
static inline v16 v16_where_less(v16 a, v16 b, v16 yes, v16 no) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
}
static inline void v16i_store_low16(uint16_t *p, v16i a) {
  _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16(a));
}
static inline void v16i_store_low8(void *p, v16i a) { _mm_storeu_si128(p, _mm512_cvtepi32_epi8(a)); }
static inline v16i v16i_max(v16i a, v16i b) { return _mm512_max_epi32(a, b); }
static inline int32_t v16i_horizontal_max(v16i a) { return _mm512_reduce_max_epi32(a); }
/* The low halves of a's lanes, then of b's, in one vector. */
static inline v16i v16i_pack_low16(v16i a, v16i b) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi32_epi16(a)),
                            _mm512_cvtepi32_epi16(b), 1);
}
static inline v16i v16i_load_low16(const uint16_t *p) {
  return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
}

/* Lane j of row i becomes lane i of row j: 4 x 4 blocks inside 128-bit lanes, then the lanes. */
static inline void v16i_transpose(v16i m[16]) {
  v16i t[16];
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i += 4) {
    v16i a = _mm512_unpacklo_epi32(m[i], m[i + 1]), b = _mm512_unpackhi_epi32(m[i], m[i + 1]);
    v16i c = _mm512_unpacklo_epi32(m[i + 2], m[i + 3]), d = _mm512_unpackhi_epi32(m[i + 2], m[i + 3]);
    t[i] = _mm512_unpacklo_epi64(a, c);
    t[i + 1] = _mm512_unpackhi_epi64(a, c);
    t[i + 2] = _mm512_unpacklo_epi64(b, d);
    t[i + 3] = _mm512_unpackhi_epi64(b, d);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) {
    v16i a = _mm512_shuffle_i32x4(t[i], t[i + 4], 0x88), b = _mm512_shuffle_i32x4(t[i], t[i + 4], 0xdd);
    v16i c = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0x88), d = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0xdd);
    m[i] = _mm512_shuffle_i32x4(a, c, 0x88);
    m[i + 4] = _mm512_shuffle_i32x4(b, d, 0x88);
    m[i + 8] = _mm512_shuffle_i32x4(a, c, 0xdd);
    m[i + 12] = _mm512_shuffle_i32x4(b, d, 0xdd);
  }
}

static inline v16i v16i_dot4(v16i acc, v16i w, v16i a, int wide) {
  (void)wide;
  return _mm512_dpbusd_epi32(acc, w, a);
}
static inline v16i v16i_dot2(v16i acc, v16i w, v16i x) { return _mm512_dpwssd_epi32(acc, w, x); }
static inline v16i v16i_sub_halves(v16i x, v16i y) { return _mm512_sub_epi16(x, y); }
static inline v16i v16i_dot_pairs(v16i pairs, v16i w, v16i a) { return v16i_dot4(pairs, w, a, 0); }
static inline v16i v16i_add_pairs(v16i acc, v16i pairs) { return v16i_add(acc, pairs); }
#define DOT_PAIR_TERMS(bits) 0
#define DOT4_WIDE_OFFSET 0
#define MAXIMUM_ROWS 8
#define ACCUMULATORS 16
/* Twice the products of floats; dispatch.c prefers those of bf16 where there are any. */
#define HAS_INT16_PRODUCT 1
