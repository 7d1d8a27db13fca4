/* Backward of causal attention of one query head over one sequence (Dao et al. 2022,
   arXiv:2205.14135, algorithm 4; Dao 2023, arXiv:2307.08691). Scores are computed anew, tile by
   tile and transposed (a row a key), so that every product reads its operands as they lie:

     S = K Q^T, P = exp(S - L), dV += P dO, dP = V dO^T, dS = P (dP - delta), dK += dS Q,
     dQ += dS^T K */
static void attention_backward(const gpt_attention_backward *t) {
  enum { tile = GPT_ATTENTION_TILE };
  float *weights = t->scratch, *slopes = weights + tile * tile;
  const ptrdiff_t width = t->width;
  const v16 lanes = v16_from_int(v16i_load(lane_numbers));
  for (int key = 0; key < t->tokens; key += tile) {
    int keys = t->tokens - key < tile ? t->tokens - key : tile;
    for (int query = key; query < t->tokens; query += tile) {
      if (t->window > 0 && query >= key + keys - 1 + t->window) break;
      int queries = t->tokens - query < tile ? t->tokens - query : tile;
      int panels = (queries + 15) / 16;
      gpt_float_product scores = {
          .x = t->keys + key * width, .x_stride = width, .x_step = 1, .rows = keys,
          .type = GPT_PANEL_F32, .panels = t->query_panels + query * width, .depth_stride = 64,
          .panel_stride = 64 * width, .panel_count = panels, .depth = t->width, .y = weights,
          .y_stride = tile};
      float_product(&scores);
      gpt_float_product pull = scores;
      pull.x = t->values + key * width;
      pull.panels = t->gradient_panels + query * width;
      pull.y = slopes;
      float_product(&pull);
      for (int k = 0; k < keys; k++) {
        float *weight = weights + k * tile, *slope = slopes + k * tile;
        for (int q = 0; q < queries; q += 16) {
          v16 s = v16_load(weight + q), p = v16_load(slope + q);
          v16 cap = v16_set1(1);
          if (t->soft_cap > 0) {
            v16 bent = v16_tanh(v16_mul(s, v16_set1(1 / t->soft_cap)));
            s = v16_mul(v16_set1(t->soft_cap), bent);
            cap = v16_sub(v16_set1(1), v16_mul(bent, bent));
          }
          v16 e = v16_exp(v16_sub(s, v16_load(t->log_sums + query + q)));
          /* Distance from key to query; outside 0 ..< window the weight is 0. */
          v16 distance = v16_add(lanes, v16_set1((float)(query + q - key - k)));
          e = v16_where_less(distance, v16_set1(0), v16_set1(0), e);
          if (t->window > 0)
            e = v16_where_less(distance, v16_set1((float)t->window), e, v16_set1(0));
          if (queries - q < 16)
            e = v16_where_less(lanes, v16_set1((float)(queries - q)), e, v16_set1(0));
          v16 kept = e;
          if (t->dropout_threshold > 0) {
            v16 factor = attention_keep(t->dropout_key, query + q, key + k, query_step,
                                        t->dropout_threshold, t->dropout_scale);
            kept = v16_mul(e, factor);
            p = v16_mul(p, factor);
          }
          v16_store(weight + q, kept);
          v16 d = v16_mul(e, v16_sub(p, v16_load(t->deltas + query + q)));
          v16_store(slope + q, v16_mul(d, cap));
        }
      }
      gpt_float_product add = {
          .x = weights, .x_stride = tile, .x_step = 1, .rows = keys, .type = GPT_PANEL_F32,
          .panels = t->gradients + query * width, .depth_stride = 4 * width, .panel_stride = 64,
          .panel_count = t->width / 16, .depth = queries, .y = t->value_gradients + key * width,
          .y_stride = width, .accumulate = 1};
      float_product(&add);
      add.x = slopes;
      add.panels = t->queries + query * width;
      add.y = t->key_gradients + key * width;
      float_product(&add);
      add.x_stride = 1;
      add.x_step = tile;
      add.rows = queries;
      add.panels = t->keys + key * width;
      add.depth = keys;
      add.y = t->query_gradients + query * width;
      float_product(&add);
    }
  }
}
