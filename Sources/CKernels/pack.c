/* Rearranging float weights into panels; done once while a model loads. */
#include "CKernels.h"
#include "half.h"

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
