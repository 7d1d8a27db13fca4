/* Attention over a paged cache; see gpt_attention for shapes and source. */

/* Scores of one page become weights: exp(score - running maximum), 0 where a row may not look.
   Returns the factor by which what the row has summed so far must shrink. */
ALWAYS float weigh_row(const gpt_attention *t, float *scores, int token, int count, int row,
                       float *maximum, float *sum) {
  int first = t->first_visible[row] - token, last = t->last_visible[row] - token;
  /* Most pages are seen whole: then nothing needs to be hidden, before or after exp. */
  int hidden = first > 0 || last < count - 1 || count % 16 != 0;
  const v16 nothing = v16_set1(-__builtin_inff()), lanes = v16_from_int(v16i_load(lane_numbers));
  if (hidden) {
    int end = last < count - 1 ? last : count - 1;
    for (int i = 0; i < count; i += 16) {
      v16 token_lane = v16_add(lanes, v16_set1((float)i));
      v16 s = v16_where_less(token_lane, v16_set1((float)first), nothing, v16_load(scores + i));
      v16_store(scores + i, v16_where_less(v16_set1((float)end), token_lane, nothing, s));
    }
  }
  v16 top = nothing;
  for (int i = 0; i < count; i += 16) top = v16_max(v16_load(scores + i), top);
  float peak = horizontal_max(top);
  float next = peak > *maximum ? peak : *maximum;
  if (next == -__builtin_inff()) next = 0; /* nothing visible yet */
  v16 total = v16_set1(0);
  for (int i = 0; i < count; i += 16) {
    v16 s = v16_load(scores + i);
    v16 e = v16_exp(v16_sub(s, v16_set1(next)));
    if (hidden) e = v16_where_less(s, v16_set1(-__FLT_MAX__), v16_set1(0), e);
    total = v16_add(total, e);
    if (t->dropout_threshold > 0)
      e = v16_mul(e, attention_keep(t->dropout_key, t->last_visible[row], token + i,
                                    key_step, t->dropout_threshold, t->dropout_scale));
    v16_store(scores + i, e);
  }
  float shrink = *maximum == -__builtin_inff() ? 0 : __builtin_expf(*maximum - next);
  *sum = *sum * shrink + horizontal_sum(total);
  *maximum = peak > *maximum ? peak : *maximum;
  return shrink;
}

ALWAYS void scale_row(float *x, float factor, int width) {
  for (int i = 0; i < width; i += 16) v16_store(x + i, v16_mul(v16_load(x + i), v16_set1(factor)));
}

static void soft_cap_scores(float *scores, int count, float cap) {
  for (int i = 0; i < count; i += 16)
    v16_store(scores + i, v16_mul(v16_set1(cap), v16_tanh(v16_mul(v16_load(scores + i), v16_set1(1 / cap)))));
}

static void attention(const gpt_attention *t) {
  float *scores = t->scratch;
  float *maximum = scores + (ptrdiff_t)t->rows * t->page_tokens, *sum = maximum + t->rows;
  for (int r = 0; r < t->rows; r++) {
    maximum[r] = -__builtin_inff();
    sum[r] = 0;
    for (int i = 0; i < t->value_width; i += 16) v16_store(t->output + r * t->output_stride + i, v16_set1(0));
  }
  int first = t->begin / t->page_tokens;
  if (!t->bf16_product) fetch_page(t, first);
  for (int page = first; page * t->page_tokens < t->end; page++) {
    int token = page * t->page_tokens;
    int count = t->end - token < t->page_tokens ? t->end - token : t->page_tokens;
    page_scores(t, page, count, scores);
    for (int r = 0; r < t->rows; r++) {
      float *row = scores + (ptrdiff_t)r * t->page_tokens;
      if (t->soft_cap > 0) soft_cap_scores(row, count, t->soft_cap);
      float shrink = weigh_row(t, row, token, count, r, &maximum[r], &sum[r]);
      if (shrink != 1) scale_row(t->output + r * t->output_stride, shrink, t->value_width);
    }
    add_page_values(t, page, count, scores);
  }
  for (int r = 0; r < t->rows; r++) {
    float *row = t->output + r * t->output_stride;
    if (t->is_partial) {
      row[t->value_width] = maximum[r];
      row[t->value_width + 1] = sum[r];
    } else {
      scale_row(row, 1 / sum[r], t->value_width);
    }
    if (t->log_sums) t->log_sums[r] = maximum[r] + __builtin_logf(sum[r]);
  }
}

/* A part of which a row sees nothing has the maximum -infinity and adds exact zeros, so that a row's
   result does not depend on which other rows were computed with it. */
static void merge_attention(const float *parts, ptrdiff_t stride, int count, int width, float *y) {
  float peak = -__builtin_inff(), sum = 0;
  for (int s = 0; s < count; s++) {
    float maximum = parts[s * stride + width];
    peak = maximum > peak ? maximum : peak;
  }
  if (peak == -__builtin_inff()) peak = 0;
  for (int i = 0; i < width; i += 16) v16_store(y + i, v16_set1(0));
  for (int s = 0; s < count; s++) {
    const float *part = parts + s * stride;
    float factor = __builtin_expf(part[width] - peak);
    sum += factor * part[width + 1];
    for (int i = 0; i < width; i += 16)
      v16_store(y + i, v16_fma(v16_set1(factor), v16_load(part + i), v16_load(y + i)));
  }
  scale_row(y, 1 / sum, width);
}
