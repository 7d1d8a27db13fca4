/* Moving one head between its columns of [tokens][stride] and rows of its own, [tokens][width] with
   `width` the head's `count` elements rounded up to 16 and padded with zeros. */

ALWAYS v16 load_head(const float *x, int left) { return left < 16 ? load_tail(x, left) : v16_load(x); }

static void gather_head(const float *x, ptrdiff_t stride, int rows, int count, float factor,
                        float *y, int width) {
  for (int r = 0; r < rows; r++)
    for (int i = 0; i < width; i += 16)
      v16_store(y + r * width + i, v16_mul(load_head(x + r * stride + i, count - i), v16_set1(factor)));
}

static void scatter_head(const float *x, int width, int rows, int count, float factor, int adds,
                         float *y, ptrdiff_t stride) {
  for (int r = 0; r < rows; r++)
    for (int i = 0; i < width; i += 16) {
      int left = count - i < 16 ? count - i : 16;
      float *target = y + r * stride + i;
      v16 value = v16_mul(v16_load(x + r * width + i), v16_set1(factor));
      if (adds) value = v16_add(value, load_head(target, left));
      if (left == 16) {
        v16_store(target, value);
      } else {
        float buffer[16];
        v16_store(buffer, value);
        memcpy(target, buffer, sizeof(float) * (size_t)left);
      }
    }
}

/* dots[r] = sum over the head of x[r] y[r], y gathered. */
static void head_dots(const float *x, ptrdiff_t stride, int rows, int count, const float *y,
                      int width, float *dots) {
  for (int r = 0; r < rows; r++) {
    v16 sum = v16_set1(0);
    for (int i = 0; i < width; i += 16)
      sum = v16_fma(load_head(x + r * stride + i, count - i), v16_load(y + r * width + i), sum);
    dots[r] = horizontal_sum(sum);
  }
}
