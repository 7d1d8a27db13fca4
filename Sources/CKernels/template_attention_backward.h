/* Backward of causal attention of one query head over one sequence (Dao et al. 2022,
   arXiv:2205.14135, algorithm 4; Dao 2023, arXiv:2307.08691). Scores are computed anew, tile by
   tile and transposed (a row a key), so that every product reads its operands as they lie:

     S = K Q^T, P = exp(S - L), dV += P dO, dP = V dO^T, dS = P (dP - delta), dK += dS Q,
     dQ += dS^T K */

/* The operands in bf16, zero-padded to whole tiles of tokens. */
typedef struct narrow_head {
  int depth;                                        /* width padded to 32 */
  uint16_t *keys, *values;                          /* rows [tokens][depth] */
  uint16_t *query_panels, *gradient_panels;         /* [tokens / 16][depth / 2][16][2] */
  uint16_t *queries, *gradients, *key_columns;      /* a tile: [width / 16][tile / 2][16][2] */
  uint16_t *weights, *slopes, *transposed_slopes;   /* [tile][tile] */
} narrow_head;

static narrow_head narrow_operands(const gpt_attention_backward *t) {
  enum { tile = GPT_ATTENTION_TILE };
  const int rows = (t->tokens + tile - 1) / tile * tile, width = t->width, depth = (width + 31) & ~31;
  const ptrdiff_t padded = (ptrdiff_t)rows * depth, area = (ptrdiff_t)rows * width;
  uint16_t *next = t->narrow;
  narrow_head n = {.depth = depth};
  n.keys = next, next += padded;
  n.values = next, next += padded;
  n.query_panels = next, next += padded;
  n.gradient_panels = next, next += padded;
  n.queries = next, next += area;
  n.gradients = next, next += area;
  n.key_columns = next, next += area;
  n.weights = next, next += tile * tile;
  n.slopes = next, next += tile * tile;
  n.transposed_slopes = next;
  for (ptrdiff_t r = 0; r < rows && !t->keeps_keys; r++) {
    to_bf16(t->keys + r * width, n.keys + r * depth, width);
    to_bf16(t->values + r * width, n.values + r * depth, width);
    for (int i = width; i < depth; i++) n.keys[r * depth + i] = n.values[r * depth + i] = 0;
  }
  for (ptrdiff_t r = 0; r < rows; r += 16) {
    pack_rows_bf16(t->queries + r * width, width, 16, width, n.query_panels + r * depth);
    pack_rows_bf16(t->gradients + r * width, width, 16, width, n.gradient_panels + r * depth);
  }
  for (ptrdiff_t r = 0; r < rows; r += tile) {
    const float *sources[3] = {t->queries, t->gradients, t->keys};
    uint16_t *targets[3] = {n.queries, n.gradients, n.key_columns};
    for (int i = 0; i < (t->keeps_keys ? 2 : 3); i++)
      pack_columns_bf16(sources[i] + r * width, width, tile, width / 16, targets[i] + r * width,
                        16 * tile);
  }
  return n;
}

/* Scores S^T and their pulls dP^T of one tile, [keys][tile] each. */
ALWAYS void tile_scores(const gpt_attention_backward *t, const narrow_head *n, int key, int keys,
                        int query, int queries, float *weights, float *slopes) {
  enum { tile = GPT_ATTENTION_TILE };
  if (t->bf16_product) {
    gpt_bf16_product product = {
        .x = n->keys + (ptrdiff_t)key * n->depth, .x_stride = n->depth, .rows = keys,
        .panels = n->query_panels + (ptrdiff_t)query * n->depth,
        .panel_stride = (ptrdiff_t)32 * n->depth, .panel_count = queries / 16, .depth = n->depth,
        .y = weights, .y_stride = tile};
    t->bf16_product(&product);
    product.x = n->values + (ptrdiff_t)key * n->depth;
    product.panels = n->gradient_panels + (ptrdiff_t)query * n->depth;
    product.y = slopes;
    t->bf16_product(&product);
    return;
  }
  const ptrdiff_t width = t->width;
  gpt_float_product product = {
      .x = t->keys + key * width, .x_stride = width, .x_step = 1, .rows = keys,
      .type = GPT_PANEL_F32, .panels = t->query_panels + query * width, .depth_stride = 64,
      .panel_stride = 64 * width, .panel_count = queries / 16, .depth = t->width, .y = weights,
      .y_stride = tile};
  float_product(&product);
  product.x = t->values + key * width;
  product.panels = t->gradient_panels + query * width;
  product.y = slopes;
  float_product(&product);
}

/* Scores of one key become its weights P, their pulls its slopes dS; `queries` of them, of which
   those from `visible` on are padding. */
ALWAYS void weigh_key(const gpt_attention_backward *t, int key, int query, int queries, int visible,
                      float *weight, float *slope) {
  const v16 lanes = v16_from_int(v16i_load(lane_numbers)), zero = v16_set1(0);
  for (int q = 0; q < queries; q += 16) {
    v16 s = v16_load(weight + q), p = v16_load(slope + q), cap = v16_set1(1);
    const v16 left = v16_set1((float)(visible - q));
    if (visible - q < 16) { /* infinite keys and values make NaN of a padding query's zeros */
      s = v16_where_less(lanes, left, s, zero);
      p = v16_where_less(lanes, left, p, zero);
    }
    if (t->soft_cap > 0) {
      v16 bent = v16_tanh(v16_mul(s, v16_set1(1 / t->soft_cap)));
      s = v16_mul(v16_set1(t->soft_cap), bent);
      cap = v16_sub(v16_set1(1), v16_mul(bent, bent));
    }
    v16 e = v16_exp(v16_sub(s, v16_load(t->log_sums + query + q)));
    /* Distance from key to query; outside 0 ..< window the weight is 0. */
    v16 distance = v16_add(lanes, v16_set1((float)(query + q - key)));
    e = v16_where_less(distance, zero, zero, e);
    if (t->window > 0) e = v16_where_less(distance, v16_set1((float)t->window), e, zero);
    if (t->first_visible) {
      v16 first = v16_from_int(v16i_load(t->first_visible + query + q));
      e = v16_where_less(v16_set1((float)key), first, zero, e);
    }
    if (visible - q < 16) e = v16_where_less(lanes, left, e, zero);
    v16 kept = e;
    if (t->dropout_threshold > 0) {
      v16 factor = attention_keep(t->dropout_key, query + q, key, query_step,
                                  t->dropout_threshold, t->dropout_scale);
      kept = v16_mul(e, factor);
      p = v16_mul(p, factor);
    }
    v16_store(weight + q, kept);
    v16_store(slope + q, v16_mul(v16_mul(e, v16_sub(p, v16_load(t->deltas + query + q))), cap));
  }
}

/* Elements before some token's in panels of whole tiles, [tokens / tile][width / 16][tile / 2][16][2]. */
ALWAYS ptrdiff_t column_offset(int token, ptrdiff_t width) {
  enum { tile = GPT_ATTENTION_TILE };
  return token / tile * tile * width + token % tile * 16;
}

/* What one tile adds to the gradients of values, keys and queries. */
ALWAYS void tile_gradients(const gpt_attention_backward *t, const narrow_head *n, int key, int keys,
                           int query, int queries, int visible, const float *weights,
                           const float *slopes) {
  enum { tile = GPT_ATTENTION_TILE };
  const ptrdiff_t width = t->width;
  if (t->bf16_product) {
    for (int k = 0; k < keys; k++) {
      to_bf16(weights + k * tile, n->weights + k * tile, queries);
      to_bf16(slopes + k * tile, n->slopes + k * tile, queries);
    }
    transpose_bf16(n->slopes, tile, keys, queries / 16, n->transposed_slopes, tile);
    gpt_bf16_product add = {
        .x = n->weights, .x_stride = tile, .rows = keys, .panels = n->gradients + column_offset(query, width),
        .panel_stride = 32 * tile, .panel_count = t->width / 16, .depth = queries,
        .y = t->value_gradients + key * width, .y_stride = width, .accumulate = 1};
    t->bf16_product(&add);
    add.x = n->slopes;
    add.panels = n->queries + column_offset(query, width);
    add.y = t->key_gradients + key * width;
    t->bf16_product(&add);
    add.x = n->transposed_slopes;
    add.rows = visible;
    add.panels = n->key_columns + column_offset(key, width);
    add.depth = (keys + 31) & ~31;
    add.y = t->query_gradients + query * width;
    t->bf16_product(&add);
    return;
  }
  gpt_float_product add = {
      .x = weights, .x_stride = tile, .x_step = 1, .rows = keys, .type = GPT_PANEL_F32,
      .panels = t->gradients + query * width, .depth_stride = 4 * width, .panel_stride = 64,
      .panel_count = t->width / 16, .depth = visible, .y = t->value_gradients + key * width,
      .y_stride = width, .accumulate = 1};
  float_product(&add);
  add.x = slopes;
  add.panels = t->queries + query * width;
  add.y = t->key_gradients + key * width;
  float_product(&add);
  add.x_stride = 1;
  add.x_step = tile;
  add.rows = visible;
  add.panels = t->keys + key * width;
  add.depth = keys;
  add.y = t->query_gradients + query * width;
  float_product(&add);
}

/* Gradients of some keys and the `visible` queries from `query` on. */
static void attend_tile(const gpt_attention_backward *t, const narrow_head *n, int key, int keys,
                        int query, int visible) {
  enum { tile = GPT_ATTENTION_TILE };
  float *weights = t->scratch, *slopes = weights + tile * tile;
  /* bf16 products take their depth in steps of 32. */
  int queries = t->bf16_product ? (visible + 31) & ~31 : (visible + 15) & ~15;
  tile_scores(t, n, key, keys, query, queries, weights, slopes);
  for (int k = 0; k < keys; k++)
    weigh_key(t, key + k, query, queries, visible, weights + k * tile, slopes + k * tile);
  tile_gradients(t, n, key, keys, query, queries, visible, weights, slopes);
}

static void attention_backward(const gpt_attention_backward *t) {
  enum { tile = GPT_ATTENTION_TILE };
  narrow_head narrow = {0};
  if (t->bf16_product) narrow = narrow_operands(t);
  for (int key = 0; key < t->tokens; key += tile) {
    int keys = t->tokens - key < tile ? t->tokens - key : tile;
    for (int query = key; query < t->tokens; query += tile) {
      if (t->window > 0 && query >= key + keys - 1 + t->window) break;
      if (t->first_visible && t->first_visible[query] > key + keys - 1) break;
      int visible = t->tokens - query < tile ? t->tokens - query : tile;
      if (query > key || visible <= tile / 2) {
        attend_tile(t, &narrow, key, keys, query, visible);
        continue;
      }
      /* The second half of the keys is not seen by the first half of the queries. */
      attend_tile(t, &narrow, key, tile / 2, query, visible);
      attend_tile(t, &narrow, key + tile / 2, keys - tile / 2, query + tile / 2, visible - tile / 2);
    }
  }
}
