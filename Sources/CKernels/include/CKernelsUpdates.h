/* Updates of parameters under gradients, and the sums over them. Arrays are flat: whole rows with
   their padding, so that every count is a multiple of 16; padding is zero and stays zero. Each
   gradient is multiplied by gradient_scale first. A NaN or infinity goes where the formula takes
   it. */
#ifndef GPT_CKERNELS_UPDATES_H
#define GPT_CKERNELS_UPDATES_H

#include <stddef.h>

/* mean += mean_share (g - mean);  square = square_decay square + square_share g^2
   value = decay value - rate mean / (root_scale sqrt(square) + epsilon) */
typedef struct gpt_adamw_update {
  float *value;
  const float *gradient;
  float *mean;
  float *square;
  ptrdiff_t count;
  float gradient_scale;
  float decay;        /* 1 - learning rate * weight decay */
  float mean_share;   /* 1 - beta1 */
  float square_decay; /* beta2 */
  float square_share; /* 1 - beta2 */
  float rate;         /* learning rate / (1 - beta1^t) */
  float root_scale;   /* 1 / sqrt(1 - beta2^t) */
  float epsilon;
} gpt_adamw_update;

/* h = g + weight_decay value;  momentum = momentum_decay momentum + h
   value -= rate (nesterov ? h + momentum_decay momentum : momentum) */
typedef struct gpt_sgd_update {
  float *value;
  const float *gradient;
  float *momentum;
  ptrdiff_t count;
  float gradient_scale;
  float weight_decay;
  float momentum_decay;
  float rate;
  int nesterov;
} gpt_sgd_update;

/* value = decay value - rate sign(momentum + update_share (g - momentum))
   momentum += momentum_share (g - momentum) */
typedef struct gpt_lion_update {
  float *value;
  const float *gradient;
  float *momentum;
  ptrdiff_t count;
  float gradient_scale;
  float decay;          /* 1 - learning rate * weight decay */
  float update_share;   /* 1 - beta1 */
  float momentum_share; /* 1 - beta2 */
  float rate;
} gpt_lion_update;

#endif
