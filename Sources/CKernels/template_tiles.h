/* Product of bf16 rows and panels on matrix tiles of 16 rows by 64 bytes (Intel SDM volume 1,
   chapter 18, "Intel AMX"). A panel [depth / 2][16][2] is a column of right-hand tiles as it
   stands, and 16 rows of x are a row of left-hand tiles.

   Tiles 0 to 3 sum 2 x 2 blocks of y, 4 and 5 hold x, 6 and 7 weights. The includer defines
   TILE_CONFIGURE, TILE_ZERO, TILE_LOAD, TILE_STORE, TILE_MULTIPLY and TILE_RELEASE. */

typedef struct __attribute__((packed)) tile_configuration {
  uint8_t palette;
  uint8_t start_row;
  uint8_t reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} tile_configuration;

/* Sets the rows of the upper and lower block of x and y; a block of 0 rows is not used. */
static void set_tiles(tile_configuration *c, int upper, int lower) {
  memset(c, 0, sizeof *c);
  c->palette = 1;
  const uint8_t rows[8] = {(uint8_t)upper, (uint8_t)upper, (uint8_t)lower, (uint8_t)lower,
                           (uint8_t)upper, (uint8_t)lower, 16, 16};
  for (int i = 0; i < 8; i++) {
    c->rows[i] = rows[i];
    c->row_bytes[i] = rows[i] > 0 ? 64 : 0;
  }
}

/* Two panels, or one when `pair` is 0, and 32 rows, or at most 16 when `two` is 0. */
static inline __attribute__((always_inline)) void tile_block(const gpt_bf16_product *t, int row,
                                                            int panel, const int two,
                                                            const int pair) {
  const char *x0 = (const char *)(t->x + row * t->x_stride), *x1 = x0 + 32 * t->x_stride;
  const char *w0 = (const char *)t->panels + panel * t->panel_stride, *w1 = w0 + t->panel_stride;
  const size_t x_bytes = (size_t)t->x_stride * 2;
  float *y = t->y + row * t->y_stride + 16 * panel;
  const size_t y_bytes = (size_t)t->y_stride * 4;
  if (t->accumulate) {
    TILE_LOAD(0, y, y_bytes);
    if (pair) TILE_LOAD(1, y + 16, y_bytes);
    if (two) TILE_LOAD(2, y + 16 * t->y_stride, y_bytes);
    if (two && pair) TILE_LOAD(3, y + 16 * t->y_stride + 16, y_bytes);
  } else {
    TILE_ZERO(0);
    if (pair) TILE_ZERO(1);
    if (two) TILE_ZERO(2);
    if (two && pair) TILE_ZERO(3);
  }
  for (int k = 0; k < t->depth; k += 32) {
    TILE_LOAD(4, x0 + 2 * k, x_bytes);
    TILE_LOAD(6, w0 + 32 * k, 64);
    TILE_MULTIPLY(0, 4, 6);
    if (pair) {
      TILE_LOAD(7, w1 + 32 * k, 64);
      TILE_MULTIPLY(1, 4, 7);
    }
    if (two) {
      TILE_LOAD(5, x1 + 2 * k, x_bytes);
      TILE_MULTIPLY(2, 5, 6);
      if (pair) TILE_MULTIPLY(3, 5, 7);
    }
  }
  TILE_STORE(0, y, y_bytes);
  if (pair) TILE_STORE(1, y + 16, y_bytes);
  if (two) TILE_STORE(2, y + 16 * t->y_stride, y_bytes);
  if (two && pair) TILE_STORE(3, y + 16 * t->y_stride + 16, y_bytes);
}

/* Writes what y is the sum of besides the product, to be accumulated on. */
static void begin_sums(const gpt_bf16_product *t) {
  for (int r = 0; r < t->rows; r++)
    for (int i = 0; i < 16 * t->panel_count; i++)
      t->y[r * t->y_stride + i] = (t->bias ? t->bias[i] : 0) +
                                  (t->addend ? t->addend[r * t->addend_stride + i] : 0);
}

static void tile_product(const gpt_bf16_product *given) {
  gpt_bf16_product product = *given;
  const gpt_bf16_product *t = &product;
  if (!product.accumulate && (product.bias || product.addend)) {
    begin_sums(t);
    product.accumulate = 1;
  }
  int configured = 0;
  for (int row = 0; row < t->rows; row += 32) {
    int left = t->rows - row;
    int upper = left < 16 ? left : 16, lower = left < 32 ? left - upper : 16;
    if (configured != 256 * upper + lower) {
      tile_configuration configuration;
      set_tiles(&configuration, upper, lower);
      TILE_CONFIGURE(&configuration);
      configured = 256 * upper + lower;
    }
    int panel = 0;
    for (; panel + 2 <= t->panel_count; panel += 2) {
      if (lower > 0) tile_block(t, row, panel, 1, 1);
      else tile_block(t, row, panel, 0, 1);
    }
    if (panel < t->panel_count) {
      if (lower > 0) tile_block(t, row, panel, 1, 0);
      else tile_block(t, row, panel, 0, 0);
    }
  }
  TILE_RELEASE();
}
