/* Weights as a file holds them: rows of `depth` elements, an output each, at any address. Nothing is
   read behind a row's end: a step that the row does not fill goes through a padded copy. */

#define ROW_STEP 32 /* elements of a step, in two vectors */

ALWAYS int element_bytes(gpt_panel_type type) { return type == GPT_PANEL_F32 ? 4 : 2; }

/* A step of a row: its even and its odd elements in bf16, which costs less than their order;
   otherwise the first and the last sixteen. */
ALWAYS void load_step(const gpt_panel_type type, const char *p, v16 *first, v16 *second) {
  if (type == GPT_PANEL_BF16) {
    load_pair((const uint16_t *)p, first, second);
  } else if (type == GPT_PANEL_F16) {
    *first = v16_load_f16(p);
    *second = v16_load_f16(p + 32);
  } else {
    *first = v16_from_bits(v16i_load(p));
    *second = v16_from_bits(v16i_load(p + 64));
  }
}

/* The last `count` elements of a row, zeros behind them. */
ALWAYS void load_rest(const gpt_panel_type type, const char *p, int count, v16 *first, v16 *second) {
  char buffer[4 * ROW_STEP] = {0};
  memcpy(buffer, p, (size_t)(count * element_bytes(type)));
  load_step(type, buffer, first, second);
}

/* A row of x in the order in which the weights of that type are loaded, padded by zeros to whole
   steps. */
static void arrange_row(gpt_panel_type type, const float *x, int count, float *out) {
  for (int k = 0; k < count; k += ROW_STEP, x += ROW_STEP, out += ROW_STEP) {
    float rest[ROW_STEP] = {0};
    const float *step = x;
    if (count - k < ROW_STEP) {
      memcpy(rest, x, sizeof(float) * (size_t)(count - k));
      step = rest;
    }
    if (type != GPT_PANEL_BF16) {
      memcpy(out, step, sizeof rest);
      continue;
    }
    for (int i = 0; i < 16; i++) {
      out[i] = step[2 * i];
      out[i + 16] = step[2 * i + 1];
    }
  }
}

/* Rows of x that a tile takes, as many as the level's registers hold two sums of. */
#define TILE_ROWS (ACCUMULATORS >= 16 ? 4 : 2)

/* Bytes of weights that are on their way while others are multiplied, at least. */
#define FETCHED_AHEAD 8192

/* Depth of a pass of many rows, whose part of x has to stay in the first-level cache beside the
   weights; a multiple of ROW_STEP. */
#define ROW_SPAN 768

/* The two sums, of sixteen lanes each, of every row of x and every weight of a panel. */
typedef v16 row_sums[GPT_FEW_ROWS][16][2];

/* What part of the weights a tile multiplies. */
typedef struct row_part {
  int output; /* the first of its weights */
  int begin, end; /* of depth */
  ptrdiff_t ahead[2]; /* bytes from each to what is fetched into the cache meanwhile */
} row_part;

ALWAYS void add_step(const int N, const float *x, const v16 *first, const v16 *second, v16 (*acc)[2]) {
  v16 x0 = v16_load(x), x1 = v16_load(x + 16);
  UNROLL for (int n = 0; n < N; n++) {
    acc[n][0] = v16_fma(x0, first[n], acc[n][0]);
    acc[n][1] = v16_fma(x1, second[n], acc[n][1]);
  }
}

/* Time for a step that is left to the processor's foresight: it foresees best while few loads of the
   program itself wait for memory, and instructions that do nothing fill the places of such loads. */
#if defined(__x86_64__)
#define LINGER __asm__ volatile(".rept 32\n\tnop\n\t.endr")
#else
#define LINGER
#endif

/* Adds products of R rows of x with N weights. A step's vectors have sums of their own, so that
   additions do not wait for each other. */
ALWAYS void rows_tile(const int R, const int N, const gpt_panel_type type, const gpt_rows_product *t,
                      int row, int fetches, const int lingers, const row_part *part, row_sums sums) {
  const int bytes = element_bytes(type);
  const float *x = t->x + row * t->x_stride;
  const int near = gpt_fetches_near;
  const char *w[2];
  v16 acc[4][2][2];
  UNROLL for (int n = 0; n < N; n++) {
    w[n] = (const char *)t->weights + (ptrdiff_t)(part->output + n) * t->depth * bytes;
    UNROLL for (int r = 0; r < R; r++) UNROLL for (int i = 0; i < 2; i++)
      acc[r][n][i] = part->begin ? sums[row + r][part->output % 16 + n][i] : v16_set1(0);
  }
  int k = part->begin;
  for (; k + ROW_STEP <= part->end; k += ROW_STEP) {
    v16 first[2], second[2];
    UNROLL for (int n = 0; n < N; n++) load_step(type, w[n] + k * bytes, &first[n], &second[n]);
    UNROLL for (int n = 0; n < N; n++)
      if (fetches >> n & 1) fetch_lines(w[n] + k * bytes + part->ahead[n], ROW_STEP * bytes / 64, 64, near);
    if (lingers) LINGER;
    UNROLL for (int r = 0; r < R; r++) add_step(N, x + r * t->x_stride + k, first, second, acc[r]);
  }
  if (k < part->end) {
    v16 first[2], second[2];
    UNROLL for (int n = 0; n < N; n++)
      load_rest(type, w[n] + k * bytes, part->end - k, &first[n], &second[n]);
    UNROLL for (int r = 0; r < R; r++) add_step(N, x + r * t->x_stride + k, first, second, acc[r]);
  }
  UNROLL for (int r = 0; r < R; r++) UNROLL for (int n = 0; n < N; n++) UNROLL for (int i = 0; i < 2; i++)
    sums[row + r][part->output % 16 + n][i] = acc[r][n][i];
}

/* N weights with all rows of x. Two tiles fetch for one weight each: as many requests at once as for
   two would have to wait. */
ALWAYS void rows_outputs(const int N, const gpt_panel_type type, const gpt_rows_product *t,
                         const row_part *part, row_sums sums) {
  if (t->rows == 1 && !gpt_fetches_streams) return rows_tile(1, N, type, t, 0, 0, 1, part, sums);
  int row = 0, fetches = N == 1 || t->rows > TILE_ROWS ? 1 : 3;
  for (; row + TILE_ROWS <= t->rows; row += TILE_ROWS) {
    rows_tile(TILE_ROWS, N, type, t, row, fetches, 0, part, sums);
    fetches = N == 1 ? 0 : 2;
  }
  switch (t->rows - row) {
  case 1: rows_tile(1, N, type, t, row, fetches, 0, part, sums); break;
  case 2: rows_tile(TILE_ROWS > 2 ? 2 : 1, N, type, t, row, fetches, 0, part, sums); break;
  case 3: rows_tile(TILE_ROWS > 2 ? 3 : 1, N, type, t, row, fetches, 0, part, sums); break;
  }
}

/* The part of weights `output` and up. What is read `ahead` weights later lies that far behind, in
   the next span of the panel's first weights, or in the first span of the next panel. */
ALWAYS row_part part_of(const gpt_rows_product *t, int bytes, int output, int begin, int span, int ahead) {
  int end = begin + span < t->depth ? begin + span : t->depth;
  row_part part = {output, begin, end, {0}};
  for (int n = 0; n < 2; n++) {
    int leaves = output % 16 + n + ahead >= 16, returns = leaves && end < t->depth;
    ptrdiff_t shift = returns ? span : leaves ? -begin : 0;
    part.ahead[n] = ((ptrdiff_t)(ahead - 16 * returns) * t->depth + shift) * bytes;
  }
  return part;
}

/* Lane j of the result is the sum of vector j's lanes. */
ALWAYS v16 lane_sums(const v16 vectors[16]) {
  v16i m[16];
  for (int j = 0; j < 16; j++) m[j] = v16_bits(vectors[j]);
  v16i_transpose(m);
  v16 sum[16];
  for (int j = 0; j < 16; j++) sum[j] = v16_from_bits(m[j]);
  for (int width = 8; width > 0; width /= 2)
    for (int j = 0; j < width; j++) sum[j] = v16_add(sum[j], sum[j + width]);
  return sum[0];
}

ALWAYS void store_outputs(const gpt_rows_product *t, int row, int panel, v16 values) {
  float *y = t->y + row * t->y_stride;
  if (!t->places) {
    v16_store(y + panel, values);
    return;
  }
  float lane[16];
  v16_store(lane, values);
  for (int j = 0; j < 16; j++) y[t->places[panel + j]] = lane[j];
}

/* Memory is fastest when read in one stream, so weights are taken one by one as long as there is
   little to compute. */
ALWAYS void rows_product_of(const gpt_panel_type type, const gpt_rows_product *t) {
  const int bytes = element_bytes(type), pairs = ACCUMULATORS >= 16 && t->rows > 2;
  const int span = t->rows > 4 && t->depth > ROW_SPAN ? ROW_SPAN : t->depth;
  const int ahead = (FETCHED_AHEAD - 1) / (bytes * span) + 1;
  for (int panel = 0; panel < t->outputs; panel += 16) {
    row_sums sums;
    int end = panel + 16 < t->outputs ? panel + 16 : t->outputs;
    for (int k = 0; k < t->depth; k += span) {
      int output = panel;
      if (pairs)
        for (; output + 2 <= end; output += 2) {
          row_part part = part_of(t, bytes, output, k, span, ahead);
          rows_outputs(2, type, t, &part, sums);
        }
      for (; output < end; output++) {
        row_part part = part_of(t, bytes, output, k, span, ahead);
        rows_outputs(1, type, t, &part, sums);
      }
    }
    for (int row = 0; row < t->rows; row++) {
      v16 vectors[16];
      for (int j = 0; j < 16; j++)
        vectors[j] = j < end - panel ? v16_add(sums[row][j][0], sums[row][j][1]) : v16_set1(0);
      store_outputs(t, row, panel, lane_sums(vectors));
    }
  }
}

#define ROWS_PRODUCT(name, type)                                                                     \
  static __attribute__((noinline)) void name(const gpt_rows_product *t) { rows_product_of(type, t); }
ROWS_PRODUCT(rows_product_f32, GPT_PANEL_F32)
ROWS_PRODUCT(rows_product_f16, GPT_PANEL_F16)
ROWS_PRODUCT(rows_product_bf16, GPT_PANEL_BF16)

static void rows_product(const gpt_rows_product *t) {
  switch (t->type) {
  case GPT_PANEL_F32: rows_product_f32(t); break;
  case GPT_PANEL_F16: rows_product_f16(t); break;
  case GPT_PANEL_BF16: rows_product_bf16(t); break;
  }
}

/* Elements first + k of sixteen rows, those past `end` and rows past `count` zero. */
ALWAYS void load_rows(const gpt_panel_type type, const void *const *rows, int count, int first, int end,
                      ptrdiff_t ahead, v16i even[16], v16i odd[16]) {
  const int bytes = element_bytes(type);
  for (int r = 0; r < 16; r++) {
    v16 a = v16_set1(0), b = v16_set1(0);
    if (r < count) {
      const char *p = (const char *)rows[r] + first * bytes;
      if (ahead) fetch_lines(p + ahead, 1, 64, gpt_fetches_near);
      if (ahead && type == GPT_PANEL_F32) fetch_lines(p + ahead + 64, 1, 64, gpt_fetches_near);
      if (end - first >= ROW_STEP) load_step(type, p, &a, &b);
      else if (end > first) load_rest(type, p, end - first, &a, &b);
    }
    even[r] = v16_bits(a);
    odd[r] = v16_bits(b);
  }
}

ALWAYS void widen_rows_of(const gpt_panel_type type, const void *const *rows, int count, int first,
                          int end, int blocks, ptrdiff_t ahead, float *out, ptrdiff_t stride) {
  /* Where a step's first vector and its second go. */
  const int spread = type == GPT_PANEL_BF16 ? 2 : 1, behind = type == GPT_PANEL_BF16 ? 1 : 16;
  for (int b = 0; b < blocks; b++, first += ROW_STEP, out += ROW_STEP * stride) {
    v16i a[16], c[16];
    load_rows(type, rows, count, first, end, ahead, a, c);
    v16i_transpose(a);
    v16i_transpose(c);
    for (int j = 0; j < 16; j++) {
      v16i_store(out + spread * j * stride, a[j]);
      v16i_store(out + (spread * j + behind) * stride, c[j]);
    }
  }
}

/* A panel in fp32, depth steps `stride` floats apart: elements [first, first + 32 * blocks) of
   `count` rows of `end` elements; what does not exist is zero. `ahead` bytes behind lies what will be
   asked for next, or 0: sixteen rows side by side are too many for the processor to foresee. */
static void widen_rows(gpt_panel_type type, const void *const *rows, int count, int first, int end,
                       int blocks, ptrdiff_t ahead, float *out, ptrdiff_t stride) {
  switch (type) {
  case GPT_PANEL_F32: widen_rows_of(GPT_PANEL_F32, rows, count, first, end, blocks, ahead, out, stride); break;
  case GPT_PANEL_F16: widen_rows_of(GPT_PANEL_F16, rows, count, first, end, blocks, ahead, out, stride); break;
  case GPT_PANEL_BF16: widen_rows_of(GPT_PANEL_BF16, rows, count, first, end, blocks, ahead, out, stride); break;
  }
}

/* Neighbours of a bf16 row share a lane already. */
static void interleave_rows(const void *const *rows, int count, int first, int end, int blocks,
                            ptrdiff_t ahead, uint16_t *out) {
  for (int b = 0; b < blocks; b++, first += ROW_STEP, out += 16 * ROW_STEP) {
    v16i pairs[16];
    for (int r = 0; r < 16; r++) {
      pairs[r] = v16i_set1(0);
      if (r >= count || end <= first) continue;
      const char *p = (const char *)rows[r] + 2 * first;
      char rest[2 * ROW_STEP] = {0};
      if (ahead) fetch_lines(p + ahead, 1, 64, gpt_fetches_near);
      if (end - first < ROW_STEP) p = memcpy(rest, p, 2 * (size_t)(end - first));
      pairs[r] = v16i_load(p);
    }
    v16i_transpose(pairs);
    for (int j = 0; j < 16; j++) v16i_store(out + 32 * j, pairs[j]);
  }
}

ALWAYS void narrow_rows_of(const gpt_panel_type type, const void *const *rows, int count, int first,
                           int end, int blocks, ptrdiff_t ahead, uint16_t *out) {
  for (int b = 0; b < blocks; b++, first += ROW_STEP, out += 16 * ROW_STEP) {
    v16i a[16], c[16];
    load_rows(type, rows, count, first, end, ahead, a, c);
    for (int r = 0; r < 16; r++)
      a[r] = v16i_pack_low16(round_to_bf16(v16_from_bits(a[r])), round_to_bf16(v16_from_bits(c[r])));
    v16i_transpose(a);
    for (int j = 0; j < 16; j++) v16i_store(out + 32 * j, a[j]);
  }
}

/* The same as a panel of bf16 pairs. */
static void narrow_rows(gpt_panel_type type, const void *const *rows, int count, int first, int end,
                        int blocks, ptrdiff_t ahead, uint16_t *out) {
  switch (type) {
  case GPT_PANEL_F32: narrow_rows_of(GPT_PANEL_F32, rows, count, first, end, blocks, ahead, out); break;
  case GPT_PANEL_F16: narrow_rows_of(GPT_PANEL_F16, rows, count, first, end, blocks, ahead, out); break;
  case GPT_PANEL_BF16: interleave_rows(rows, count, first, end, blocks, ahead, out); break;
  }
}
