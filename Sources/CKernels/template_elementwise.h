/* Row-wise and elementwise functions. Tails shorter than a vector go through a padded copy. */

ALWAYS float horizontal_sum(v16 a) {
  float lane[16];
  v16_store(lane, a);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lane[i] += lane[i + width];
  return lane[0];
}
ALWAYS float horizontal_max(v16 a) {
  float lane[16];
  v16_store(lane, a);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lane[i] = lane[i] > lane[i + width] ? lane[i] : lane[i + width];
  return lane[0];
}

/* exp(x): 2^n * e^r with n = round(x log2 e), |r| <= ln 2 / 2; e^r by its Taylor polynomial of
   degree 7 (error below 1e-8 relative); ln 2 in two parts (Cody & Waite 1980). Below -87.3 the
   result is about 1e-38, which every user adds to something larger. NaN passes through. */
ALWAYS v16 v16_exp(v16 x) {
  x = v16_max(v16_set1(-87.33654f), x);
  x = v16_min(v16_set1(88.37626f), x);
  const v16 magic = v16_set1(12582912.0f);
  v16 shifted = v16_fma(x, v16_set1(1.44269504f), magic);
  v16 n = v16_sub(shifted, magic);
  v16 r = v16_fma(n, v16_set1(-0.693359375f), x);
  r = v16_fma(n, v16_set1(2.12194440e-4f), r);
  v16 p = v16_set1(1.0f / 5040);
  p = v16_fma(p, r, v16_set1(1.0f / 720));
  p = v16_fma(p, r, v16_set1(1.0f / 120));
  p = v16_fma(p, r, v16_set1(1.0f / 24));
  p = v16_fma(p, r, v16_set1(1.0f / 6));
  p = v16_fma(p, r, v16_set1(0.5f));
  p = v16_fma(p, r, v16_set1(1.0f));
  p = v16_fma(p, r, v16_set1(1.0f));
  v16i power = v16i_add(v16i_shift_left(v16_bits(shifted), 23), v16i_set1(0x3f800000));
  return v16_mul(p, v16_from_bits(power));
}

/* tanh(x) = 1 - 2 / (exp(2 x) + 1); small x by its series to keep relative accuracy out of play:
   the absolute error stays below 2e-7. */
ALWAYS v16 v16_tanh(v16 x) {
  x = v16_min(v16_set1(20.0f), v16_max(v16_set1(-20.0f), x));
  v16 e = v16_exp(v16_add(x, x));
  return v16_sub(v16_set1(1), v16_div(v16_set1(2), v16_add(e, v16_set1(1))));
}

#define ELEMENTWISE(name, unary_expression)                                                       \
  static void name(const float *x, float *y, ptrdiff_t count) {                                   \
    ptrdiff_t i = 0;                                                                              \
    for (; i + 16 <= count; i += 16) { v16 a = v16_load(x + i); v16_store(y + i, unary_expression); } \
    if (i < count) {                                                                              \
      float buffer[16] = {0};                                                                     \
      memcpy(buffer, x + i, sizeof(float) * (size_t)(count - i));                                 \
      v16 a = v16_load(buffer);                                                                   \
      v16_store(buffer, unary_expression);                                                        \
      memcpy(y + i, buffer, sizeof(float) * (size_t)(count - i));                                 \
    }                                                                                             \
  }

/* Hendrycks & Gimpel 2016, arXiv:1606.08415: 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). */
ALWAYS v16 gelu_tanh_of(v16 a) {
  /* (1 + tanh u) / 2 = 1 / (1 + exp(-2 u)) */
  v16 slope = v16_fma(v16_set1(-2 * 0.7978845608f * 0.044715f), v16_mul(a, a),
                      v16_set1(-2 * 0.7978845608f));
  return v16_div(a, v16_add(v16_set1(1), v16_exp(v16_mul(a, slope))));
}
ELEMENTWISE(gelu_tanh, gelu_tanh_of(a))

ALWAYS v16 silu_of(v16 a) {
  return v16_div(a, v16_add(v16_set1(1), v16_exp(v16_sub(v16_set1(0), a))));
}

#define PAIRWISE_FUNCTION(name, expression)                                                       \
  static void name(const float *x, const float *z, float *y, ptrdiff_t count) {                   \
    ptrdiff_t i = 0;                                                                              \
    for (; i + 16 <= count; i += 16) {                                                            \
      v16 a = v16_load(x + i), b = v16_load(z + i);                                               \
      v16_store(y + i, expression);                                                               \
    }                                                                                             \
    if (i < count) {                                                                              \
      float left[16] = {0}, right[16] = {0};                                                      \
      memcpy(left, x + i, sizeof(float) * (size_t)(count - i));                                   \
      memcpy(right, z + i, sizeof(float) * (size_t)(count - i));                                  \
      v16 a = v16_load(left), b = v16_load(right);                                                \
      v16_store(left, expression);                                                                \
      memcpy(y + i, left, sizeof(float) * (size_t)(count - i));                                   \
    }                                                                                             \
  }
PAIRWISE_FUNCTION(silu_product, v16_mul(silu_of(a), b))
PAIRWISE_FUNCTION(add_rows, v16_add(a, b))

ALWAYS v16 load_tail(const float *x, int count) {
  float buffer[16] = {0};
  memcpy(buffer, x, sizeof(float) * (size_t)count);
  return v16_load(buffer);
}

/* Sum over a row of (x - mean)^power, power 1 or 2; lanes past the end count nothing. */
ALWAYS float centred_sum(const float *x, int width, float mean, const int power) {
  v16 sum = v16_set1(0), centre = v16_set1(mean);
  int i = 0;
  for (; i + 16 <= width; i += 16) {
    v16 d = v16_sub(v16_load(x + i), centre);
    sum = power == 2 ? v16_fma(d, d, sum) : v16_add(sum, d);
  }
  float result = horizontal_sum(sum);
  for (; i < width; i++) { float d = x[i] - mean; result += power == 2 ? d * d : d; }
  return result;
}

static void rms_norm(const float *x, const float *gain, float epsilon, float *y, int width) {
  float scale = 1.0f / __builtin_sqrtf(centred_sum(x, width, 0, 2) / (float)width + epsilon);
  int i = 0;
  for (; i + 16 <= width; i += 16)
    v16_store(y + i, v16_mul(v16_mul(v16_load(x + i), v16_set1(scale)), v16_load(gain + i)));
  for (; i < width; i++) y[i] = x[i] * scale * gain[i];
}

static void layer_norm(const float *x, const float *gain, const float *bias, float epsilon,
                       float *y, int width) {
  float mean = centred_sum(x, width, 0, 1) / (float)width;
  float scale = 1.0f / __builtin_sqrtf(centred_sum(x, width, mean, 2) / (float)width + epsilon);
  int i = 0;
  for (; i + 16 <= width; i += 16) {
    v16 z = v16_mul(v16_sub(v16_load(x + i), v16_set1(mean)), v16_set1(scale));
    v16_store(y + i, v16_fma(z, v16_load(gain + i), v16_load(bias + i)));
  }
  for (; i < width; i++) y[i] = (x[i] - mean) * scale * gain[i] + bias[i];
}

static void to_bf16(const float *x, uint16_t *y, ptrdiff_t count) {
  ptrdiff_t i = 0;
  for (; i + 16 <= count; i += 16) v16i_store_low16(y + i, round_to_bf16(v16_load(x + i)));
  if (i < count) {
    uint16_t buffer[16];
    v16i_store_low16(buffer, round_to_bf16(load_tail(x + i, (int)(count - i))));
    memcpy(y + i, buffer, sizeof(uint16_t) * (size_t)(count - i));
  }
}

static void from_bf16(const uint16_t *x, float *y, ptrdiff_t count) {
  ptrdiff_t i = 0;
  for (; i + 16 <= count; i += 16)
    v16_store(y + i, v16_from_bits(v16i_shift_left(v16i_load_low16(x + i), 16)));
  for (; i < count; i++) {
    uint32_t bits = (uint32_t)x[i] << 16;
    memcpy(y + i, &bits, sizeof bits);
  }
}

static void to_f16(const float *x, uint16_t *y, ptrdiff_t count) {
  ptrdiff_t i = 0;
  for (; i + 16 <= count; i += 16) v16_store_f16(y + i, v16_load(x + i));
  if (i < count) {
    uint16_t buffer[16];
    v16_store_f16(buffer, load_tail(x + i, (int)(count - i)));
    memcpy(y + i, buffer, sizeof(uint16_t) * (size_t)(count - i));
  }
}

/* Su et al. 2021, arXiv:2104.09864, in the half-split order of GPT-NeoX: element i turns with
   element i + half. */
static void rotate(float *x, const float *cosines, const float *sines, int half) {
  int i = 0;
  for (; i + 16 <= half; i += 16) {
    v16 a = v16_load(x + i), b = v16_load(x + half + i);
    v16 c = v16_load(cosines + i), s = v16_load(sines + i);
    v16_store(x + i, v16_sub(v16_mul(a, c), v16_mul(b, s)));
    v16_store(x + half + i, v16_fma(a, s, v16_mul(b, c)));
  }
  for (; i < half; i++) {
    float a = x[i], b = x[half + i];
    x[i] = a * cosines[i] - b * sines[i];
    x[half + i] = a * sines[i] + b * cosines[i];
  }
}
