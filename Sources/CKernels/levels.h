#ifndef GPT_LEVELS_H
#define GPT_LEVELS_H
#include "CKernels.h"
/* Whether what is read once is fetched ahead into the first-level cache, not into the second. */
extern int gpt_fetches_near;
/* Whether a single stream of weights is fetched ahead, not left to the processor's own foresight. */
extern int gpt_fetches_streams;
extern const gpt_kernels gpt_kernels_portable;
#if defined(__x86_64__)
extern const gpt_kernels gpt_kernels_avx2;
extern const gpt_kernels gpt_kernels_avx512;
void gpt_bf16_product_avx512(const gpt_bf16_product *);
void gpt_bf16_half_product_avx512(const gpt_bf16_product *);
void gpt_bf16_rows_product_avx512(const gpt_bf16_rows_product *);
void gpt_unpack_bf16_avx512(const gpt_quantised_format *, const uint8_t *panel, int blocks, uint16_t *out);
void gpt_bf16_product_amx(const gpt_bf16_product *);
/* Asks the system for the tiles; call it before other threads start. */
int gpt_has_amx(void);
#endif
#endif
