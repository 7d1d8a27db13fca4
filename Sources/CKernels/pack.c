/* Rearranging weights into panels; done once while a model loads. */
#include "CKernels.h"
#include "half.h"

/* The bits of `mask` of four codes, shifted to the left. */
static inline uint32_t bits_left(uint32_t codes, int n, uint32_t mask) {
  return (codes & mask * 0x01010101) << n;
}

/* Four codes each in c[0] to c[7] as the first `bits` words of `packed`: template_codes.h turned
   round. */
static inline __attribute__((always_inline)) void pack_block(const uint32_t c[8], const int bits,
                                                             uint32_t packed[8]) {
  for (int v = 0; v < bits; v++) packed[v] = c[v];
  if (bits == 4)
    for (int v = 0; v < 4; v++) packed[v] |= c[v + 4] << 4;
  if (bits == 5) {
    for (int v = 0; v < 3; v++) packed[2 * v] |= bits_left(c[v + 5], 3, 0x1c);
    for (int v = 0; v < 2; v++) packed[2 * v + 1] |= bits_left(c[v + 5], 6, 0x03);
    packed[1] |= bits_left(c[7], 4, 0x02);
    packed[3] |= bits_left(c[7], 5, 0x01);
  }
  if (bits == 6)
    for (int half = 0; half < 2; half++) {
      packed[3 * half] |= bits_left(c[6 + half], 2, 0x30);
      packed[3 * half + 1] |= bits_left(c[6 + half], 4, 0x0c);
      packed[3 * half + 2] |= bits_left(c[6 + half], 6, 0x03);
    }
}

static inline __attribute__((always_inline)) void pack_codes(const uint8_t *codes, ptrdiff_t row_stride,
                                                             const int bits, int blocks, uint8_t *panel) {
  for (int b = 0; b < blocks; b++, panel += 64 * bits)
    for (int r = 0; r < GPT_PANEL_WIDTH; r++) {
      uint32_t block[8], packed[8];
      __builtin_memcpy(block, codes + r * row_stride + 32 * b, 32);
      pack_block(block, bits, packed);
      for (int v = 0; v < bits; v++) __builtin_memcpy(panel + 64 * v + 4 * r, packed + v, 4);
    }
}

void gpt_pack_codes(const uint8_t *codes, ptrdiff_t row_stride, int bits, int blocks, uint8_t *panel) {
  switch (bits) {
  case 4: return pack_codes(codes, row_stride, 4, blocks, panel);
  case 5: return pack_codes(codes, row_stride, 5, blocks, panel);
  case 6: return pack_codes(codes, row_stride, 6, blocks, panel);
  default: return pack_codes(codes, row_stride, 8, blocks, panel);
  }
}

void gpt_pack_f32(const float *rows, ptrdiff_t row_stride, int depth, float *panel) {
  for (int r = 0; r < GPT_PANEL_WIDTH; r++)
    for (int k = 0; k < depth; k++) panel[16 * k + r] = rows[r * row_stride + k];
}

void gpt_pack_f16(const float *rows, ptrdiff_t row_stride, int depth, uint16_t *panel) {
  for (int r = 0; r < GPT_PANEL_WIDTH; r++)
    for (int k = 0; k < depth; k++) panel[16 * k + r] = float_to_half(rows[r * row_stride + k]);
}

void gpt_pack_bf16(const float *rows, ptrdiff_t row_stride, int depth, uint16_t *panel) {
  for (int r = 0; r < GPT_PANEL_WIDTH; r++)
    for (int k = 0; k < depth; k++)
      panel[32 * (k / 2) + 2 * r + (k & 1)] = float_to_bf16(rows[r * row_stride + k]);
}

void gpt_pack_scales(const float *rows, ptrdiff_t row_stride, int count, uint16_t *scales) {
  for (int r = 0; r < GPT_PANEL_WIDTH; r++)
    for (int i = 0; i < count; i++) scales[16 * i + r] = float_to_half(rows[r * row_stride + i]);
}
