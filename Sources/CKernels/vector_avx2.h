/* Sixteen lanes in two AVX2 registers. */
#include <immintrin.h>

typedef struct { __m256 a, b; } v16;
typedef struct { __m256i a, b; } v16i;

static inline v16 v16_set1(float x) { __m256 v = _mm256_set1_ps(x); return (v16){v, v}; }
static inline v16 v16_load(const float *p) { return (v16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
static inline void v16_store(float *p, v16 x) { _mm256_storeu_ps(p, x.a); _mm256_storeu_ps(p + 8, x.b); }
static inline v16 v16_load_f16(const void *p) {
  return (v16){_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)), _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p + 1))};
}
static inline float half_lane(uint16_t half) { return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(half))); }
/* a in the first eight lanes, b in the others; and four numbers in four lanes each. */
static inline v16 v16_of_halves(float a, float b) { return (v16){_mm256_set1_ps(a), _mm256_set1_ps(b)}; }
static inline v16 v16_of_quarters(const float *q) {
  return (v16){_mm256_insertf128_ps(_mm256_set1_ps(q[0]), _mm_set1_ps(q[1]), 1),
               _mm256_insertf128_ps(_mm256_set1_ps(q[2]), _mm_set1_ps(q[3]), 1)};
}
static inline void v16_store_f16(uint16_t *p, v16 x) {
  _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT));
  _mm_storeu_si128((__m128i *)(p + 8), _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT));
}
#define PAIRWISE(name, op) static inline v16 name(v16 x, v16 y) { return (v16){op(x.a, y.a), op(x.b, y.b)}; }
PAIRWISE(v16_add, _mm256_add_ps)
PAIRWISE(v16_sub, _mm256_sub_ps)
PAIRWISE(v16_mul, _mm256_mul_ps)
PAIRWISE(v16_div, _mm256_div_ps)
PAIRWISE(v16_max, _mm256_max_ps)
PAIRWISE(v16_min, _mm256_min_ps)
#undef PAIRWISE
static inline v16 v16_sqrt(v16 x) { return (v16){_mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b)}; }
static inline v16 v16_fma(v16 x, v16 y, v16 z) { return (v16){_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)}; }

static inline v16i v16i_set1(int32_t x) { __m256i v = _mm256_set1_epi32(x); return (v16i){v, v}; }
static inline v16i v16i_load(const void *p) {
  return (v16i){_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)p + 1)};
}
/* 32 bytes each. */
static inline v16i v16i_of_blocks(const void *a, const void *b) {
  return (v16i){_mm256_loadu_si256((const __m256i *)a), _mm256_loadu_si256((const __m256i *)b)};
}
static inline void v16i_store(void *p, v16i x) { _mm256_storeu_si256((__m256i *)p, x.a); _mm256_storeu_si256((__m256i *)p + 1, x.b); }
#define PAIRWISE(name, op) static inline v16i name(v16i x, v16i y) { return (v16i){op(x.a, y.a), op(x.b, y.b)}; }
PAIRWISE(v16i_add, _mm256_add_epi32)
PAIRWISE(v16i_sub, _mm256_sub_epi32)
PAIRWISE(v16i_and, _mm256_and_si256)
PAIRWISE(v16i_or, _mm256_or_si256)
PAIRWISE(v16i_xor, _mm256_xor_si256)
PAIRWISE(v16i_mul, _mm256_mullo_epi32)
PAIRWISE(v16i_max, _mm256_max_epi32)
#undef PAIRWISE
static inline v16i v16i_shift_right(v16i x, int n) { return (v16i){_mm256_srli_epi32(x.a, n), _mm256_srli_epi32(x.b, n)}; }
static inline v16i v16i_shift_left(v16i x, int n) { return (v16i){_mm256_slli_epi32(x.a, n), _mm256_slli_epi32(x.b, n)}; }
static inline v16 v16_from_int(v16i x) { return (v16){_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)}; }
static inline v16i v16_bits(v16 x) { return (v16i){_mm256_castps_si256(x.a), _mm256_castps_si256(x.b)}; }
static inline v16 v16_from_bits(v16i x) { return (v16){_mm256_castsi256_ps(x.a), _mm256_castsi256_ps(x.b)}; }

static inline v16i v16i_where_nan(v16 x, v16i yes, v16i no) {
  return (v16i){_mm256_blendv_epi8(no.a, yes.a, _mm256_castps_si256(_mm256_cmp_ps(x.a, x.a, _CMP_UNORD_Q))),
                _mm256_blendv_epi8(no.b, yes.b, _mm256_castps_si256(_mm256_cmp_ps(x.b, x.b, _CMP_UNORD_Q)))};
}
static inline v16 v16_where_less(v16 a, v16 b, v16 yes, v16 no) {
  return (v16){_mm256_blendv_ps(no.a, yes.a, _mm256_cmp_ps(a.a, b.a, _CMP_LT_OQ)),
               _mm256_blendv_ps(no.b, yes.b, _mm256_cmp_ps(a.b, b.b, _CMP_LT_OQ))};
}
static inline __m256i low_halves(v16i x) {
  const __m256i low = _mm256_set1_epi32(0xffff);
  __m256i packed = _mm256_packus_epi32(_mm256_and_si256(x.a, low), _mm256_and_si256(x.b, low));
  return _mm256_permute4x64_epi64(packed, 0xd8);
}
static inline void v16i_store_low16(uint16_t *p, v16i x) { _mm256_storeu_si256((__m256i *)p, low_halves(x)); }
static inline void v16i_store_low8(void *p, v16i x) {
  __m256i halves = _mm256_and_si256(low_halves(x), _mm256_set1_epi16(0xff));
  _mm_storeu_si128(p, _mm_packus_epi16(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1)));
}
static inline int32_t v16i_horizontal_max(v16i x) {
  __m256i half = _mm256_max_epi32(x.a, x.b);
  __m128i m = _mm_max_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4e));
  return _mm_cvtsi128_si32(_mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1)));
}
/* The low halves of a's lanes, then of b's, in one vector. */
static inline v16i v16i_pack_low16(v16i a, v16i b) { return (v16i){low_halves(a), low_halves(b)}; }
static inline v16i v16i_load_low16(const uint16_t *p) {
  return (v16i){_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)),
                _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(p + 8)))};
}

static inline void transpose_8(__m256i m[8]) {
  __m256i t[8];
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i += 4) {
    __m256i a = _mm256_unpacklo_epi32(m[i], m[i + 1]), b = _mm256_unpackhi_epi32(m[i], m[i + 1]);
    __m256i c = _mm256_unpacklo_epi32(m[i + 2], m[i + 3]), d = _mm256_unpackhi_epi32(m[i + 2], m[i + 3]);
    t[i] = _mm256_unpacklo_epi64(a, c);
    t[i + 1] = _mm256_unpackhi_epi64(a, c);
    t[i + 2] = _mm256_unpacklo_epi64(b, d);
    t[i + 3] = _mm256_unpackhi_epi64(b, d);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) {
    m[i] = _mm256_permute2x128_si256(t[i], t[i + 4], 0x20);
    m[i + 4] = _mm256_permute2x128_si256(t[i], t[i + 4], 0x31);
  }
}

/* Lane j of row i becomes lane i of row j: four blocks of 8 x 8, the off-diagonal ones exchanged. */
static inline void v16i_transpose(v16i m[16]) {
  __m256i block[4][8];
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i++) {
    block[0][i] = m[i].a;
    block[1][i] = m[i].b;
    block[2][i] = m[i + 8].a;
    block[3][i] = m[i + 8].b;
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) transpose_8(block[i]);
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i++) {
    m[i] = (v16i){block[0][i], block[2][i]};
    m[i + 8] = (v16i){block[1][i], block[3][i]};
  }
}

static inline __m256i dot4_half(__m256i acc, __m256i w, __m256i a, int wide) {
  if (wide) {
    /* Unsigned bytes above 127 would saturate the 16-bit sums, so the code is made signed (minus
       128; DOT4_WIDE_OFFSET tells the caller) and its sign moved to the other factor. */
    w = _mm256_xor_si256(w, _mm256_set1_epi8((char)0x80));
    a = _mm256_sign_epi8(a, w);
    w = _mm256_abs_epi8(w);
  }
  return _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_maddubs_epi16(w, a), _mm256_set1_epi16(1)));
}
static inline v16i v16i_dot4(v16i acc, v16i w, v16i a, int wide) {
  return (v16i){dot4_half(acc.a, w.a, a.a, wide), dot4_half(acc.b, w.b, a.b, wide)};
}
/* lane += sum of two (16-bit half of w) * (16-bit half of x). */
static inline v16i v16i_dot2(v16i acc, v16i w, v16i x) {
  return (v16i){_mm256_add_epi32(acc.a, _mm256_madd_epi16(w.a, x.a)),
                _mm256_add_epi32(acc.b, _mm256_madd_epi16(w.b, x.b))};
}
/* Of both 16-bit halves of a lane. */
static inline v16i v16i_sub_halves(v16i x, v16i y) {
  return (v16i){_mm256_sub_epi16(x.a, y.a), _mm256_sub_epi16(x.b, y.b)};
}
/* Sums of neighbouring products in 16 bits: 4 of them, of codes below 2^5, and 2 below 2^6 stay in
   range, as 4 * 2 * 31 * 127 and 2 * 2 * 63 * 127 are below 2^15. */
static inline v16i v16i_dot_pairs(v16i pairs, v16i w, v16i a) {
  return (v16i){_mm256_add_epi16(pairs.a, _mm256_maddubs_epi16(w.a, a.a)),
                _mm256_add_epi16(pairs.b, _mm256_maddubs_epi16(w.b, a.b))};
}
static inline v16i v16i_add_pairs(v16i acc, v16i pairs) {
  const __m256i one = _mm256_set1_epi16(1);
  return (v16i){_mm256_add_epi32(acc.a, _mm256_madd_epi16(pairs.a, one)),
                _mm256_add_epi32(acc.b, _mm256_madd_epi16(pairs.b, one))};
}
#define DOT_PAIR_TERMS(bits) ((bits) <= 5 ? 4 : 2)
#define DOT4_WIDE_OFFSET 128
#define MAXIMUM_ROWS 6
#define ACCUMULATORS 6
/* 32 exact products of 16 bits take the time of 20 of floats. */
#define HAS_INT16_PRODUCT 1
