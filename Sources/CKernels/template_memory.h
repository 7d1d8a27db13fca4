/* The sum of x, read at the speed of memory; count is a multiple of 64. Four sums, so that additions
   do not wait for each other, and a request two kilobytes ahead, beyond the end of a page. */
static float sum_of(const float *x, ptrdiff_t count) {
  v16 sums[4] = {v16_set1(0), v16_set1(0), v16_set1(0), v16_set1(0)};
  for (ptrdiff_t i = 0; i < count; i += 64)
    for (int j = 0; j < 4; j++) {
      __builtin_prefetch(x + i + 16 * j + 512);
      sums[j] = v16_add(sums[j], v16_load(x + i + 16 * j));
    }
  return horizontal_sum(v16_add(v16_add(sums[0], sums[1]), v16_add(sums[2], sums[3])));
}
