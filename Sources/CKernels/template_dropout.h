/* Dropout without stored masks: whether an element is kept is a function of its place. */

static const int32_t lane_numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* 16 pseudo-random integers below 2^24, those of counter, counter + step, counter + 2 step...: the
   finaliser of MurmurHash3 (Appleby 2011, public domain) over counter xor key. */
ALWAYS v16 random_lanes(uint32_t key, uint32_t counter, uint32_t step) {
  v16i lane = v16i_mul(v16i_load(lane_numbers), v16i_set1((int32_t)step));
  v16i h = v16i_xor(v16i_add(lane, v16i_set1((int32_t)counter)), v16i_set1((int32_t)key));
  h = v16i_mul(v16i_xor(h, v16i_shift_right(h, 16)), v16i_set1((int32_t)0x85ebca6bu));
  h = v16i_mul(v16i_xor(h, v16i_shift_right(h, 13)), v16i_set1((int32_t)0xc2b2ae35u));
  h = v16i_xor(h, v16i_shift_right(h, 16));
  return v16_from_int(v16i_shift_right(h, 8));
}

/* y = x scale where the counter's random number is at or above threshold (of 2^24), else 0.
   Srivastava et al. 2014, inverted: scale = 1 / (1 - probability). */
static void dropout(const float *x, uint32_t key, uint32_t counter, float threshold, float scale,
                    float *y, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i += 16) {
    v16 kept = v16_mul(v16_load(x + i), v16_set1(scale));
    v16 drawn = random_lanes(key, counter + (uint32_t)i, 1);
    v16_store(y + i, v16_where_less(drawn, v16_set1(threshold), v16_set1(0), kept));
  }
}

/* Factors on attention weights: 0 or scale. The place is counted by query and key, either of which
   may run along the lanes. */
static const uint32_t query_step = 0x9e3779b1u, key_step = 0x85ebca77u;
ALWAYS v16 attention_keep(uint32_t key, int query, int token, uint32_t step, float threshold,
                          float scale) {
  uint32_t counter = (uint32_t)query * query_step + (uint32_t)token * key_step;
  return v16_where_less(random_lanes(key, counter, step), v16_set1(threshold), v16_set1(0),
                        v16_set1(scale));
}
