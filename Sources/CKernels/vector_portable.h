/* Sixteen lanes in plain C: what every other level is tested against. */
#include "half.h"
#include <string.h>

typedef struct { float lane[16]; } v16;
typedef struct { int32_t lane[16]; } v16i;

#define LANES for (int i = 0; i < 16; i++)

static inline v16 v16_set1(float x) { v16 r; LANES r.lane[i] = x; return r; }
static inline v16 v16_load(const float *p) { v16 r; memcpy(&r, p, sizeof r); return r; }
static inline void v16_store(float *p, v16 a) { memcpy(p, &a, sizeof a); }
static inline v16 v16_load_f16(const void *p) {
  uint16_t half[16];
  v16 r;
  memcpy(half, p, sizeof half);
  LANES r.lane[i] = half_to_float(half[i]);
  return r;
}
static inline float half_lane(uint16_t half) { return half_to_float(half); }
static inline v16 v16_of_halves(float a, float b) { v16 r; LANES r.lane[i] = i < 8 ? a : b; return r; }
static inline v16 v16_of_quarters(const float *q) { v16 r; LANES r.lane[i] = q[i / 4]; return r; }
static inline void v16_store_f16(uint16_t *p, v16 a) { LANES p[i] = float_to_half(a.lane[i]); }
static inline v16 v16_add(v16 a, v16 b) { LANES a.lane[i] += b.lane[i]; return a; }
static inline v16 v16_sub(v16 a, v16 b) { LANES a.lane[i] -= b.lane[i]; return a; }
static inline v16 v16_mul(v16 a, v16 b) { LANES a.lane[i] *= b.lane[i]; return a; }
static inline v16 v16_div(v16 a, v16 b) { LANES a.lane[i] /= b.lane[i]; return a; }
static inline v16 v16_fma(v16 a, v16 b, v16 c) { LANES c.lane[i] += a.lane[i] * b.lane[i]; return c; }
static inline v16 v16_sqrt(v16 a) { LANES a.lane[i] = __builtin_sqrtf(a.lane[i]); return a; }
/* The second operand wins when either is NaN, as in the x86 instructions. */
static inline v16 v16_max(v16 a, v16 b) { LANES b.lane[i] = a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; return b; }
static inline v16 v16_min(v16 a, v16 b) { LANES b.lane[i] = a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; return b; }

static inline v16i v16i_set1(int32_t x) { v16i r; LANES r.lane[i] = x; return r; }
static inline v16i v16i_load(const void *p) { v16i r; memcpy(&r, p, sizeof r); return r; }
/* 32 bytes each. */
static inline v16i v16i_of_blocks(const void *a, const void *b) {
  v16i x;
  memcpy(&x, a, 32);
  memcpy((char *)&x + 32, b, 32);
  return x;
}
static inline void v16i_store(void *p, v16i a) { memcpy(p, &a, sizeof a); }
static inline v16i v16i_add(v16i a, v16i b) { LANES a.lane[i] = (int32_t)((uint32_t)a.lane[i] + (uint32_t)b.lane[i]); return a; }
static inline v16i v16i_sub(v16i a, v16i b) { LANES a.lane[i] = (int32_t)((uint32_t)a.lane[i] - (uint32_t)b.lane[i]); return a; }
static inline v16i v16i_and(v16i a, v16i b) { LANES a.lane[i] &= b.lane[i]; return a; }
static inline v16i v16i_or(v16i a, v16i b) { LANES a.lane[i] |= b.lane[i]; return a; }
static inline v16i v16i_shift_right(v16i a, int n) { LANES a.lane[i] = (int32_t)((uint32_t)a.lane[i] >> n); return a; }
static inline v16i v16i_shift_left(v16i a, int n) { LANES a.lane[i] = (int32_t)((uint32_t)a.lane[i] << n); return a; }
static inline v16 v16_from_int(v16i a) { v16 r; LANES r.lane[i] = (float)a.lane[i]; return r; }
static inline v16i v16_bits(v16 a) { v16i r; memcpy(&r, &a, sizeof r); return r; }
static inline v16 v16_from_bits(v16i a) { v16 r; memcpy(&r, &a, sizeof r); return r; }

static inline v16i v16i_xor(v16i a, v16i b) { LANES a.lane[i] ^= b.lane[i]; return a; }
static inline v16i v16i_mul(v16i a, v16i b) { LANES a.lane[i] = (int32_t)((uint32_t)a.lane[i] * (uint32_t)b.lane[i]); return a; }
static inline v16i v16i_where_nan(v16 x, v16i yes, v16i no) {
  LANES no.lane[i] = x.lane[i] != x.lane[i] ? yes.lane[i] : no.lane[i];
  return no;
}
static inline v16 v16_where_less(v16 a, v16 b, v16 yes, v16 no) {
  LANES no.lane[i] = a.lane[i] < b.lane[i] ? yes.lane[i] : no.lane[i];
  return no;
}
static inline void v16i_store_low16(uint16_t *p, v16i a) { LANES p[i] = (uint16_t)a.lane[i]; }
static inline void v16i_store_low8(void *p, v16i a) { LANES ((uint8_t *)p)[i] = (uint8_t)a.lane[i]; }
static inline v16i v16i_max(v16i a, v16i b) { LANES a.lane[i] = a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; return a; }
static inline int32_t v16i_horizontal_max(v16i a) {
  int32_t result = a.lane[0];
  LANES result = a.lane[i] > result ? a.lane[i] : result;
  return result;
}
static inline v16i v16i_pack_low16(v16i a, v16i b) {
  uint16_t half[32];
  v16i_store_low16(half, a);
  v16i_store_low16(half + 16, b);
  memcpy(&a, half, sizeof a);
  return a;
}
static inline v16i v16i_load_low16(const uint16_t *p) { v16i r; LANES r.lane[i] = p[i]; return r; }
static inline void v16i_transpose(v16i m[16]) {
  v16i t[16];
  memcpy(t, m, sizeof t);
  for (int j = 0; j < 16; j++) LANES m[j].lane[i] = t[i].lane[j];
}

/* lane += sum of four (unsigned byte of w) * (signed byte of a). */
static inline v16i v16i_dot4(v16i acc, v16i w, v16i a, int wide) {
  (void)wide;
  const uint8_t *u = (const uint8_t *)&w;
  const int8_t *s = (const int8_t *)&a;
  for (int i = 0; i < 64; i++) acc.lane[i / 4] += (int32_t)u[i] * s[i];
  return acc;
}
static inline v16i v16i_dot2(v16i acc, v16i w, v16i x) {
  int16_t u[32], s[32];
  memcpy(u, &w, sizeof u);
  memcpy(s, &x, sizeof s);
  for (int i = 0; i < 32; i++) acc.lane[i / 2] += (int32_t)u[i] * s[i];
  return acc;
}
static inline v16i v16i_sub_halves(v16i x, v16i y) {
  int16_t u[32], s[32];
  memcpy(u, &x, sizeof u);
  memcpy(s, &y, sizeof s);
  for (int i = 0; i < 32; i++) u[i] = (int16_t)(u[i] - s[i]);
  memcpy(&x, u, sizeof x);
  return x;
}
static inline v16i v16i_dot_pairs(v16i pairs, v16i w, v16i a) { return v16i_dot4(pairs, w, a, 0); }
static inline v16i v16i_add_pairs(v16i acc, v16i pairs) { return v16i_add(acc, pairs); }
#define DOT_PAIR_TERMS(bits) 0
#define DOT4_WIDE_OFFSET 0
#define MAXIMUM_ROWS 2
#define ACCUMULATORS 2
#define HAS_INT16_PRODUCT 0
