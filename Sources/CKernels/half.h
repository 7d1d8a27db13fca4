/* Conversions to and from IEEE 754-2008 binary16, and to bf16, without hardware: round to nearest
   even, subnormals exact, NaN stays NaN. */
#ifndef GPT_HALF_H
#define GPT_HALF_H
#include <stdint.h>
#include <string.h>

static inline uint32_t float_bits(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
static inline float bits_float(uint32_t u) { float x; memcpy(&x, &u, 4); return x; }

static inline float half_to_float(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16;
  uint32_t magnitude = h & 0x7fff;
  if (magnitude >= 0x7c00) return bits_float(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
  /* Multiplying by 2^112 rebiases the exponent and normalises subnormals in one step. */
  return bits_float(sign | float_bits(bits_float(magnitude << 13) * 0x1p112f));
}

static inline uint16_t float_to_half(float x) {
  uint32_t u = float_bits(x);
  uint16_t sign = (uint16_t)(u >> 16 & 0x8000);
  u &= 0x7fffffff;
  if (u > 0x7f800000) return sign | 0x7e00;
  if (u >= 0x477ff000) return sign | 0x7c00; /* 65520 and above round to infinity */
  if (u < 0x38800000) { /* subnormal: let the fp32 adder round at the last place of binary16 */
    float shifted = bits_float(u) + 0.5f;
    return sign | (uint16_t)(float_bits(shifted) - 0x3f000000);
  }
  u += 0xc8000fff + (u >> 13 & 1);
  return sign | (uint16_t)(u >> 13);
}

/* A NaN is made quiet: adding to its pattern could carry it to infinity or to another sign. */
static inline uint16_t float_to_bf16(float x) {
  uint32_t u = float_bits(x);
  if ((u & 0x7fffffff) > 0x7f800000) return (uint16_t)(u >> 16 | 0x40);
  return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
#endif
