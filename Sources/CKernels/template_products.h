/* Products of float rows with panels. A tile of R rows by P panels keeps its sums in registers
   while depth runs; R and P are constants at every call, so the loops unroll. */

ALWAYS void load_pair(const uint16_t *p, v16 *even, v16 *odd) {
  v16i pair = v16i_load(p);
  *even = v16_from_bits(v16i_shift_left(pair, 16));
  *odd = v16_from_bits(v16i_and(pair, v16i_set1((int32_t)0xffff0000)));
}

ALWAYS v16 load_lane(gpt_panel_type type, const char *p) {
  return type == GPT_PANEL_F32 ? v16_load((const float *)p) : v16_load_f16((const uint16_t *)p);
}

/* Lines `stride` bytes apart: where several streams are read side by side, or pages of a file, the
   processor's own prefetching loses its way. */
ALWAYS void fetch_lines(const char *p, const int count, ptrdiff_t stride, int near) {
  UNROLL for (int i = 0; i < count; i++) {
    if (near) __builtin_prefetch(p + i * stride);
    else __builtin_prefetch(p + i * stride, 0, 2);
  }
}

/* `ahead` bytes behind what a tile reads lies what the caller reads next, or 0. */
ALWAYS void float_tile(const int R, const int P, const gpt_panel_type type,
                       const gpt_float_product *t, int row, int panel, ptrdiff_t ahead) {
  const float *x = t->x + row * t->x_stride;
  const ptrdiff_t step = t->x_step;
  const char *w = (const char *)t->panels + panel * t->panel_stride;
  float *y = t->y + row * t->y_stride + panel * 16;
  const int near = gpt_fetches_near;
  v16 acc[8][4];
  UNROLL for (int r = 0; r < R; r++)
    UNROLL for (int p = 0; p < P; p++)
      acc[r][p] = t->accumulate ? v16_load(y + r * t->y_stride + 16 * p) : v16_set1(0);
  if (type == GPT_PANEL_BF16) {
    int pairs = t->depth / 2;
    for (int k = 0; k < pairs; k++, w += t->depth_stride) {
      v16 even[4], odd[4];
      UNROLL for (int p = 0; p < P; p++)
        load_pair((const uint16_t *)(w + p * t->panel_stride), &even[p], &odd[p]);
      if (ahead) fetch_lines(w + ahead, P, t->panel_stride, near);
      UNROLL for (int r = 0; r < R; r++) {
        v16 x0 = v16_set1(x[r * t->x_stride + 2 * k * step]), x1 = v16_set1(x[r * t->x_stride + (2 * k + 1) * step]);
        UNROLL for (int p = 0; p < P; p++)
          acc[r][p] = v16_fma(x1, odd[p], v16_fma(x0, even[p], acc[r][p]));
      }
    }
    if (t->depth & 1) { /* the partner of the last position is padding, its x does not exist */
      UNROLL for (int p = 0; p < P; p++) {
        v16 even, odd;
        load_pair((const uint16_t *)(w + p * t->panel_stride), &even, &odd);
        UNROLL for (int r = 0; r < R; r++)
          acc[r][p] = v16_fma(v16_set1(x[r * t->x_stride + (t->depth - 1) * step]), even, acc[r][p]);
      }
    }
  } else {
    for (int k = 0; k < t->depth; k++, w += t->depth_stride) {
      v16 weight[4];
      UNROLL for (int p = 0; p < P; p++) weight[p] = load_lane(type, w + p * t->panel_stride);
      if (ahead) fetch_lines(w + ahead, P, t->panel_stride, near);
      UNROLL for (int r = 0; r < R; r++) {
        v16 factor = v16_set1(x[r * t->x_stride + k * step]);
        UNROLL for (int p = 0; p < P; p++) acc[r][p] = v16_fma(factor, weight[p], acc[r][p]);
      }
    }
  }
  UNROLL for (int r = 0; r < R; r++)
    UNROLL for (int p = 0; p < P; p++)
      v16_store(y + r * t->y_stride + 16 * p, acc[r][p]);
}

/* Panels a tile of R rows takes: as many as the level's registers hold. */
#define TILE_PANELS(R) ((R) * 4 <= ACCUMULATORS ? 4 : (R) * 2 <= ACCUMULATORS ? 2 : 1)

#define FLOAT_ROWS(R)                                                                             \
  ALWAYS void float_rows_##R(const gpt_panel_type type, const gpt_float_product *t, int row,      \
                             ptrdiff_t ahead) {                                                   \
    int panel = 0;                                                                                \
    for (; panel + TILE_PANELS(R) <= t->panel_count; panel += TILE_PANELS(R))                     \
      float_tile(R, TILE_PANELS(R), type, t, row, panel, ahead);                                  \
    for (; panel < t->panel_count; panel++) float_tile(R, 1, type, t, row, panel, ahead);         \
  }
FLOAT_ROWS(1)
FLOAT_ROWS(2)
#if MAXIMUM_ROWS > 2
FLOAT_ROWS(3)
FLOAT_ROWS(4)
FLOAT_ROWS(5)
FLOAT_ROWS(6)
#endif
#if MAXIMUM_ROWS > 6
FLOAT_ROWS(7)
FLOAT_ROWS(8)
#endif

ALWAYS void float_product_of(const gpt_panel_type type, const gpt_float_product *t) {
  ptrdiff_t ahead = t->ahead;
  for (int row = 0; row < t->rows;) {
    int left = t->rows - row;
    int taken = left < MAXIMUM_ROWS ? left : MAXIMUM_ROWS;
    switch (taken) {
    case 1: float_rows_1(type, t, row, ahead); break;
    case 2: float_rows_2(type, t, row, ahead); break;
#if MAXIMUM_ROWS > 2
    case 3: float_rows_3(type, t, row, ahead); break;
    case 4: float_rows_4(type, t, row, ahead); break;
    case 5: float_rows_5(type, t, row, ahead); break;
    case 6: float_rows_6(type, t, row, ahead); break;
#endif
#if MAXIMUM_ROWS > 6
    case 7: float_rows_7(type, t, row, ahead); break;
    case 8: float_rows_8(type, t, row, ahead); break;
#endif
    }
    row += taken;
    ahead = 0;
  }
}

#define FLOAT_PRODUCT(name, type)                                                                   \
  static __attribute__((noinline)) void name(const gpt_float_product *t) { float_product_of(type, t); }
FLOAT_PRODUCT(product_f32, GPT_PANEL_F32)
FLOAT_PRODUCT(product_f16, GPT_PANEL_F16)
FLOAT_PRODUCT(product_bf16_panel, GPT_PANEL_BF16)

static void float_product(const gpt_float_product *t) {
  switch (t->type) {
  case GPT_PANEL_F32: product_f32(t); break;
  case GPT_PANEL_F16: product_f16(t); break;
  case GPT_PANEL_BF16: product_bf16_panel(t); break;
  }
}

/* fp32 to bf16, `float_to_bf16` of half.h for vectors. AVX512-BF16 has an instruction for it, which
   makes subnormals zero, unlike the other levels. */
ALWAYS v16i round_to_bf16(v16 x) {
  v16i bits = v16_bits(x);
  v16i odd = v16i_and(v16i_shift_right(bits, 16), v16i_set1(1));
  v16i rounded = v16i_add(v16i_add(bits, v16i_set1(0x7fff)), odd);
  return v16i_shift_right(v16i_where_nan(x, v16i_or(bits, v16i_set1(0x400000)), rounded), 16);
}
/* Two fp32 vectors to bf16 pairs. */
ALWAYS void store_pair(uint16_t *out, v16 even, v16 odd) {
  v16i_store(out, v16i_or(round_to_bf16(even), v16i_shift_left(round_to_bf16(odd), 16)));
}

static void widen_panel(gpt_panel_type type, const void *panel, int depth, float *out, ptrdiff_t stride) {
  const char *w = panel;
  if (type == GPT_PANEL_BF16) {
    for (int k = 0; k < depth; k += 2) {
      v16 even, odd;
      load_pair((const uint16_t *)w + 16 * k, &even, &odd);
      v16_store(out + k * stride, even);
      if (k + 1 < depth) v16_store(out + (k + 1) * stride, odd);
    }
    return;
  }
  int step = type == GPT_PANEL_F32 ? 64 : 32;
  for (int k = 0; k < depth; k++) v16_store(out + k * stride, load_lane(type, w + k * step));
}

static void narrow_panel(gpt_panel_type type, const void *panel, int depth, uint16_t *out) {
  const char *w = panel;
  int step = type == GPT_PANEL_F32 ? 64 : 32;
  for (int k = 0; k < depth; k += 2) {
    v16 even = load_lane(type, w + k * step);
    v16 odd = k + 1 < depth ? load_lane(type, w + (k + 1) * step) : v16_set1(0);
    store_pair(out + 16 * k, even, odd);
  }
}
