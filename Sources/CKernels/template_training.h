/* Backward passes of row-wise and elementwise functions, and the loss. "Adds to" means that
   the result is added to what the output holds. Counts are padded to 16 by the caller's layout, so
   loops run over whole vectors where rows are padded with zeros. */

/* y adds the sum over rows of x, in order of rows: `panels` times sixteen columns, walked eight
   panels at a time so that a row's lines are read together. */
static void add_column_sums(const float *x, ptrdiff_t stride, int rows, int panels, float *y) {
  for (int first = 0; first < panels; first += 8) {
    int count = panels - first < 8 ? panels - first : 8;
    v16 sum[8];
    for (int p = 0; p < count; p++) sum[p] = v16_load(y + 16 * (first + p));
    for (int r = 0; r < rows; r++) {
      const float *row = x + r * stride + 16 * first;
      if (count == 8) {
        UNROLL for (int p = 0; p < 8; p++) sum[p] = v16_add(sum[p], v16_load(row + 16 * p));
      } else {
        for (int p = 0; p < count; p++) sum[p] = v16_add(sum[p], v16_load(row + 16 * p));
      }
    }
    for (int p = 0; p < count; p++) v16_store(y + 16 * (first + p), sum[p]);
  }
}

/* Backward of rms_norm, Zhang & Sennrich 2019, arXiv:1910.07467. With s = 1 / rms and g = dy gain:
   dx adds s g - x s^3 mean(g x); dgain, unless NULL, adds dy x s. */
static void rms_norm_backward(const float *dy, const float *x, const float *gain, float epsilon,
                              float *dx, float *dgain, int width) {
  float scale = 1.0f / __builtin_sqrtf(centred_sum(x, width, 0, 2) / (float)width + epsilon);
  v16 dot = v16_set1(0);
  for (int i = 0; i < width; i += 16)
    dot = v16_fma(v16_mul(v16_load(dy + i), v16_load(gain + i)), v16_load(x + i), dot);
  v16 s = v16_set1(scale);
  v16 pull = v16_set1(horizontal_sum(dot) / (float)width * scale * scale * scale);
  for (int i = 0; i < width; i += 16) {
    v16 d = v16_load(dy + i), a = v16_load(x + i);
    v16 slope = v16_sub(v16_mul(v16_mul(d, v16_load(gain + i)), s), v16_mul(a, pull));
    v16_store(dx + i, v16_add(v16_load(dx + i), slope));
    if (dgain) v16_store(dgain + i, v16_fma(v16_mul(d, s), a, v16_load(dgain + i)));
  }
}

/* Backward of layer_norm, Ba, Kiros & Hinton 2016, arXiv:1607.06450. With z = (x - mean) s and
   g = dy gain: dx adds s (g - mean(g) - z mean(g z)); unless NULL, dgain adds dy z, dbias dy. */
static void layer_norm_backward(const float *dy, const float *x, const float *gain, float epsilon,
                                float *dx, float *dgain, float *dbias, int width) {
  float mean = centred_sum(x, width, 0, 1) / (float)width;
  float scale = 1.0f / __builtin_sqrtf(centred_sum(x, width, mean, 2) / (float)width + epsilon);
  v16 centre = v16_set1(mean), s = v16_set1(scale), sum = v16_set1(0), dot = v16_set1(0);
  for (int i = 0; i < width; i += 16) {
    v16 g = v16_mul(v16_load(dy + i), v16_load(gain + i));
    sum = v16_add(sum, g);
    dot = v16_fma(g, v16_mul(v16_sub(v16_load(x + i), centre), s), dot);
  }
  v16 g_mean = v16_set1(horizontal_sum(sum) / (float)width);
  v16 gz_mean = v16_set1(horizontal_sum(dot) / (float)width);
  for (int i = 0; i < width; i += 16) {
    v16 d = v16_load(dy + i), z = v16_mul(v16_sub(v16_load(x + i), centre), s);
    v16 g = v16_mul(d, v16_load(gain + i));
    v16 slope = v16_mul(s, v16_sub(v16_sub(g, g_mean), v16_mul(z, gz_mean)));
    if (width - i < 16) { /* x - mean is not zero in the padding */
      float lane[16] = {0};
      float whole[16];
      v16_store(whole, slope);
      memcpy(lane, whole, sizeof(float) * (size_t)(width - i));
      slope = v16_load(lane);
    }
    v16_store(dx + i, v16_add(v16_load(dx + i), slope));
    if (dgain) v16_store(dgain + i, v16_fma(d, z, v16_load(dgain + i)));
    if (dbias) v16_store(dbias + i, v16_add(v16_load(dbias + i), d));
  }
}

/* dx = dy gelu'(x) for the tanh form: with u = c (x + a x^3) and q = 1 / (1 + exp(-2 u)),
   gelu' = q + 2 x q (1 - q) c (1 + 3 a x^2). */
static void gelu_tanh_backward(const float *dy, const float *x, float *dx, ptrdiff_t count) {
  const float c = 0.7978845608f, a = 0.044715f;
  const v16 one = v16_set1(1);
  for (ptrdiff_t i = 0; i < count; i += 16) {
    v16 v = v16_load(x + i), square = v16_mul(v, v);
    v16 u = v16_mul(v, v16_fma(v16_set1(-2 * c * a), square, v16_set1(-2 * c)));
    v16 q = v16_div(one, v16_add(one, v16_exp(u)));
    /* Where exp saturates q is 0: what is left of it would be multiplied by x^3. */
    q = v16_where_less(v16_set1(87), u, v16_set1(0), q);
    v16 inner = v16_mul(v, v16_fma(v16_set1(6 * c * a), square, v16_set1(2 * c)));
    v16 slope = v16_mul(q, v16_fma(v16_sub(one, q), inner, one));
    v16_store(dx + i, v16_mul(v16_load(dy + i), slope));
  }
}

/* Backward of gate sigmoid(gate) up, with q = sigmoid(gate): dgate = dy up q (1 + gate (1 - q)),
   dup = dy gate q. */
static void silu_product_backward(const float *dy, const float *gate, const float *up, float *dgate,
                                  float *dup, ptrdiff_t count) {
  const v16 one = v16_set1(1);
  for (ptrdiff_t i = 0; i < count; i += 16) {
    v16 d = v16_load(dy + i), g = v16_load(gate + i);
    v16 q = v16_div(one, v16_add(one, v16_exp(v16_sub(v16_set1(0), g))));
    v16 slope = v16_mul(q, v16_fma(g, v16_sub(one, q), one));
    v16_store(dgate + i, v16_mul(v16_mul(d, v16_load(up + i)), slope));
    v16_store(dup + i, v16_mul(d, v16_mul(g, q)));
  }
}

/* Cross-entropy of one row of logits, and its gradient over the logits in place.

     Z = sum of exp(logit), loss = (1 - s) (log Z - logit[target]) + s (log Z - mean logit)
                                   + z (log Z)^2
     d loss / d logit[i] = softmax[i] (1 + 2 z log Z) - (1 - s) [i = target] - s / count

   s: label smoothing (Szegedy et al. 2016, arXiv:1512.00567, section 7); z: z-loss (Chowdhery et
   al. 2022, arXiv:2204.02311, section 5). The gradient is multiplied by `factor`; with factor 0 the
   logits stay. Returns the loss; `likelihood` gets log Z - logit[target]. */
static double cross_entropy(float *logits, int count, int target, float smoothing, float z,
                            float factor, double *likelihood) {
  const v16 lowest = v16_set1(-__builtin_inff());
  v16 top = lowest;
  int i = 0;
  for (; i + 16 <= count; i += 16) top = v16_max(v16_load(logits + i), top);
  float peak = horizontal_max(top);
  for (int j = i; j < count; j++) peak = logits[j] > peak ? logits[j] : peak;
  v16 sum = v16_set1(0), plain = v16_set1(0);
  const float aim = logits[target];
  float tail[16];
  for (int j = 0; j < 16; j++) tail[j] = i + j < count ? logits[i + j] : -__builtin_inff();
  for (int k = 0; k + 16 <= count; k += 16) {
    v16 a = v16_load(logits + k);
    v16 e = v16_exp(v16_sub(a, v16_set1(peak)));
    sum = v16_add(sum, e);
    if (smoothing > 0) plain = v16_add(plain, a);
    if (factor != 0) v16_store(logits + k, e);
  }
  double total = horizontal_sum(sum), mean = horizontal_sum(plain);
  for (int j = i; j < count; j++) {
    total += __builtin_exp((double)logits[j] - peak);
    mean += smoothing > 0 ? logits[j] : 0;
  }
  mean /= count;
  double normaliser = peak + __builtin_log(total);
  *likelihood = normaliser - aim;
  double loss = (1 - (double)smoothing) * *likelihood + z * normaliser * normaliser;
  if (smoothing > 0) loss += smoothing * (normaliser - mean);
  if (factor == 0) return loss;
  float share = factor * (1 - smoothing), spread = factor * smoothing / (float)count;
  float weight = (float)((1 + 2 * z * normaliser) * factor / total);
  for (int k = 0; k + 16 <= count; k += 16)
    v16_store(logits + k, v16_sub(v16_mul(v16_load(logits + k), v16_set1(weight)), v16_set1(spread)));
  for (int j = i; j < count; j++)
    logits[j] = (float)__builtin_exp((double)tail[j - i] - peak) * weight - spread;
  logits[target] -= share;
  return loss;
}

/* The largest of `count` numbers. */
static float row_peak(const float *x, int count) {
  v16 top = v16_set1(-__builtin_inff());
  int i = 0;
  for (; i + 16 <= count; i += 16) top = v16_max(v16_load(x + i), top);
  float peak = horizontal_max(top);
  for (; i < count; i++) peak = x[i] > peak ? x[i] : peak;
  return peak;
}

/* Sum of exp((x - peak) scale). */
static double sum_of_powers(const float *x, int count, float peak, float scale) {
  v16 sum = v16_set1(0), top = v16_set1(peak), factor = v16_set1(scale);
  int i = 0;
  for (; i + 16 <= count; i += 16)
    sum = v16_add(sum, v16_exp(v16_mul(v16_sub(v16_load(x + i), top), factor)));
  double total = horizontal_sum(sum);
  for (; i < count; i++) total += __builtin_exp(((double)x[i] - peak) * scale);
  return total;
}

/* How far a row of the student's logits is from the teacher's, and the gradient over the student's.

     p = softmax(teacher / T), q = softmax(student / T), loss = T^2 sum of p (log p - log q)
     d loss / d student[i] = T (q[i] - p[i])

   Source: Hinton, Vinyals & Dean 2015, arXiv:1503.02531, section 2. The teacher's logits become the
   gradient times `factor`; with factor 0 they stay. Returns the loss. Logits are taken relative to
   their peaks, so that a small loss is not the difference of large numbers. */
static double distillation(const float *student, float *teacher, int count, float temperature,
                           float factor) {
  const float scale = 1 / temperature, slope = factor * temperature;
  const float taught = row_peak(teacher, count), own = row_peak(student, count);
  const double taught_total = sum_of_powers(teacher, count, taught, scale);
  const double own_total = sum_of_powers(student, count, own, scale);
  const double shift = __builtin_log(own_total) - __builtin_log(taught_total);
  const v16 p_scale = v16_set1((float)(1 / taught_total)), q_scale = v16_set1((float)(1 / own_total));
  v16 sum = v16_set1(0);
  int i = 0;
  for (; i + 16 <= count; i += 16) {
    v16 a = v16_mul(v16_sub(v16_load(teacher + i), v16_set1(taught)), v16_set1(scale));
    v16 b = v16_mul(v16_sub(v16_load(student + i), v16_set1(own)), v16_set1(scale));
    v16 p = v16_mul(v16_exp(a), p_scale);
    sum = v16_fma(p, v16_add(v16_sub(a, b), v16_set1((float)shift)), sum);
    if (factor == 0) continue;
    v16 q = v16_mul(v16_exp(b), q_scale);
    v16_store(teacher + i, v16_mul(v16_sub(q, p), v16_set1(slope)));
  }
  double total = horizontal_sum(sum);
  for (; i < count; i++) {
    double a = ((double)teacher[i] - taught) * scale, b = ((double)student[i] - own) * scale;
    double p = __builtin_exp(a) / taught_total, q = __builtin_exp(b) / own_total;
    total += p * (a - b + shift);
    if (factor != 0) teacher[i] = (float)(q - p) * slope;
  }
  return (double)temperature * temperature * total;
}
