/* Rearranging weights into panels; done once while a model loads. */
#include "CKernels.h"
#include "half.h"

void gpt_pack_codes(const uint8_t *codes, ptrdiff_t row_stride, int bits, int blocks, uint8_t *panel) {
  for (int b = 0; b < blocks; b++) {
    for (int r = 0; r < GPT_PANEL_WIDTH; r++) {
      const uint8_t *from = codes + r * row_stride + 32 * b;
      if (bits == 8) {
        for (int j = 0; j < 8; j++) __builtin_memcpy(panel + 512 * b + 64 * j + 4 * r, from + 4 * j, 4);
        continue;
      }
      for (int j = 0; j < 4; j++) {
        uint32_t low, high;
        __builtin_memcpy(&low, from + 4 * j, 4);
        __builtin_memcpy(&high, from + 16 + 4 * j, 4);
        low |= high << 4;
        __builtin_memcpy(panel + 256 * b + 64 * j + 4 * r, &low, 4);
      }
    }
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
