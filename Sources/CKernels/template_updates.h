/* Updates of parameters, one pass over memory each; CKernelsUpdates.h has the formulas. */

static void adamw_update(const gpt_adamw_update *t) {
  const v16 scale = v16_set1(t->gradient_scale), decay = v16_set1(t->decay);
  const v16 mean_share = v16_set1(t->mean_share), square_share = v16_set1(t->square_share);
  const v16 square_decay = v16_set1(t->square_decay), root_scale = v16_set1(t->root_scale);
  const v16 epsilon = v16_set1(t->epsilon), rate = v16_set1(t->rate);
  for (ptrdiff_t i = 0; i < t->count; i += 16) {
    v16 g = v16_mul(v16_load(t->gradient + i), scale);
    v16 mean = v16_load(t->mean + i);
    mean = v16_fma(v16_sub(g, mean), mean_share, mean);
    v16 square = v16_mul(v16_load(t->square + i), square_decay);
    square = v16_fma(v16_mul(g, g), square_share, square);
    v16 step = v16_div(mean, v16_fma(v16_sqrt(square), root_scale, epsilon));
    v16 value = v16_mul(v16_load(t->value + i), decay);
    v16_store(t->mean + i, mean);
    v16_store(t->square + i, square);
    v16_store(t->value + i, v16_sub(value, v16_mul(rate, step)));
  }
}

static void sgd_update(const gpt_sgd_update *t) {
  const v16 scale = v16_set1(t->gradient_scale), weight_decay = v16_set1(t->weight_decay);
  const v16 momentum_decay = v16_set1(t->momentum_decay), rate = v16_set1(t->rate);
  for (ptrdiff_t i = 0; i < t->count; i += 16) {
    v16 value = v16_load(t->value + i);
    v16 h = v16_fma(weight_decay, value, v16_mul(v16_load(t->gradient + i), scale));
    v16 momentum = v16_fma(momentum_decay, v16_load(t->momentum + i), h);
    v16 step = t->nesterov ? v16_fma(momentum_decay, momentum, h) : momentum;
    v16_store(t->momentum + i, momentum);
    v16_store(t->value + i, v16_sub(value, v16_mul(rate, step)));
  }
}

/* -1, 0 or 1. Twice 2^127 lifts the smallest subnormal above 1; NaN stays, as the second operand
   of max and min. */
ALWAYS v16 v16_sign(v16 x) {
  const v16 large = v16_set1(0x1p127f);
  x = v16_mul(v16_mul(x, large), large);
  return v16_min(v16_set1(1), v16_max(v16_set1(-1), x));
}

static void lion_update(const gpt_lion_update *t) {
  const v16 scale = v16_set1(t->gradient_scale), decay = v16_set1(t->decay);
  const v16 update_share = v16_set1(t->update_share), rate = v16_set1(t->rate);
  const v16 momentum_share = v16_set1(t->momentum_share);
  for (ptrdiff_t i = 0; i < t->count; i += 16) {
    v16 momentum = v16_load(t->momentum + i);
    v16 change = v16_sub(v16_mul(v16_load(t->gradient + i), scale), momentum);
    v16 sign = v16_sign(v16_fma(change, update_share, momentum));
    v16 value = v16_mul(v16_load(t->value + i), decay);
    v16_store(t->momentum + i, v16_fma(change, momentum_share, momentum));
    v16_store(t->value + i, v16_sub(value, v16_mul(rate, sign)));
  }
}

static void weighted_sum(float a, const float *x, float b, const float *z, float *y,
                         ptrdiff_t count) {
  const v16 first = v16_set1(a), second = v16_set1(b);
  for (ptrdiff_t i = 0; i < count; i += 16)
    v16_store(y + i, v16_fma(second, v16_load(z + i), v16_mul(first, v16_load(x + i))));
}

/* A square of a float is exact in double, so every level rounds the same sums. */
static double sum_of_squares(const float *x, ptrdiff_t count) {
  typedef float floats __attribute__((vector_size(64)));
  typedef double doubles __attribute__((vector_size(128)));
  doubles sum = {0};
  for (ptrdiff_t i = 0; i < count; i += 16) {
    floats narrow;
    memcpy(&narrow, x + i, sizeof narrow);
    doubles wide = __builtin_convertvector(narrow, doubles);
    sum += wide * wide;
  }
  double total = 0;
  for (int lane = 0; lane < 16; lane++) total += sum[lane];
  return total;
}
