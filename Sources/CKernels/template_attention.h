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

/* Scores of the queries with the keys of one page, `count` of them. */
ALWAYS void page_scores(const gpt_attention *t, int page, int count, float *scores) {
  if (t->bf16_product) {
    int depth = (t->head_width + 31) & ~31;
    gpt_bf16_product product = {
        .x = t->narrow_queries, .x_stride = depth, .rows = t->rows, .panels = t->key_pages[page],
        .panel_stride = (ptrdiff_t)32 * depth, .panel_count = (count + 15) / 16, .depth = depth,
        .y = scores, .y_stride = t->page_tokens};
    t->bf16_product(&product);
    return;
  }
  const int element = t->type == GPT_PANEL_F32 ? 4 : 2;
  gpt_float_product product = {
      .x = t->queries, .x_stride = t->query_stride, .x_step = 1, .rows = t->rows, .type = t->type,
      .panels = t->key_pages[page], .depth_stride = 16 * element,
      .panel_stride = (ptrdiff_t)16 * element * t->head_width, .panel_count = (count + 15) / 16,
      .depth = t->head_width, .y = scores, .y_stride = t->page_tokens, .accumulate = 0};
  float_product(&product);
}

/* Adds the values of one page by their weights. */
ALWAYS void add_page_values(const gpt_attention *t, int page, int count, const float *weights) {
  if (t->bf16_product) {
    int depth = (count + 31) & ~31;
    for (int r = 0; r < t->rows; r++) {
      uint16_t *narrow = t->narrow_weights + (ptrdiff_t)r * t->page_tokens;
      to_bf16(weights + (ptrdiff_t)r * t->page_tokens, narrow, count);
      for (int i = count; i < depth; i++) narrow[i] = 0;
    }
    gpt_bf16_product product = {
        .x = t->narrow_weights, .x_stride = t->page_tokens, .rows = t->rows,
        .panels = t->value_pages[page], .panel_stride = (ptrdiff_t)32 * t->page_tokens,
        .panel_count = t->value_width / 16, .depth = depth, .y = t->output,
        .y_stride = t->output_stride, .accumulate = 1};
    t->bf16_product(&product);
    return;
  }
  const int element = t->type == GPT_PANEL_F32 ? 4 : 2;
  gpt_float_product product = {
      .x = weights, .x_stride = t->page_tokens, .x_step = 1, .rows = t->rows, .type = t->type,
      .panels = t->value_pages[page], .depth_stride = (ptrdiff_t)t->value_width * element,
      .panel_stride = 16 * element, .panel_count = t->value_width / 16, .depth = count,
      .y = t->output, .y_stride = t->output_stride, .accumulate = 1};
  float_product(&product);
}

static void attention(const gpt_attention *t) {
  float *scores = t->scratch;
  float *maximum = scores + (ptrdiff_t)t->rows * t->page_tokens, *sum = maximum + t->rows;
  for (int r = 0; r < t->rows; r++) {
    maximum[r] = -__builtin_inff();
    sum[r] = 0;
    for (int i = 0; i < t->value_width; i += 16) v16_store(t->output + r * t->output_stride + i, v16_set1(0));
  }
  for (int page = t->begin / t->page_tokens; page * t->page_tokens < t->end; page++) {
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
    scale_row(t->output + r * t->output_stride, 1 / sum[r], t->value_width);
    if (t->log_sums) t->log_sums[r] = maximum[r] + __builtin_logf(sum[r]);
  }
}
