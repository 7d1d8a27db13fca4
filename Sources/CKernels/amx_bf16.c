/* Products of bf16 rows and panels on AMX tiles, and whether this machine has them. */
#if defined(__x86_64__)
#define _GNU_SOURCE
#include "levels.h"
#include <cpuid.h>
#include <immintrin.h>
#include <math.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#pragma clang attribute push(__attribute__((target("amx-tile,amx-bf16"))), apply_to = function)
#define TILE_CONFIGURE(c) _tile_loadconfig(c)
#define TILE_ZERO(t) _tile_zero(t)
#define TILE_LOAD(t, p, stride) _tile_loadd(t, p, stride)
#define TILE_STORE(t, p, stride) _tile_stored(t, p, stride)
#define TILE_MULTIPLY(y, x, w) _tile_dpbf16ps(y, x, w)
#define TILE_RELEASE() _tile_release()
#include "template_tiles.h"

void gpt_bf16_product_amx(const gpt_bf16_product *t) { tile_product(t); }
#pragma clang attribute pop

/* CPUID leaf 7: EDX bit 22 AMX-BF16, bit 24 AMX-TILE; XCR0 bits 17 and 18: the system saves the
   tiles (Intel SDM volume 1, 13.3). */
static __attribute__((target("xsave"))) int cpu_has_tiles(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return 0;
  if ((_xgetbv(0) >> 17 & 3) != 3) return 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  return (d >> 22 & 1) && (d >> 24 & 1);
}

/* A process must ask Linux before it touches tile data (Documentation/arch/x86/xstate.rst). */
static int tiles_permitted(void) {
  enum { request_permission = 0x1023, tile_data = 18 };
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

/* A tile unit, or a hypervisor's idea of one, that miscounts is not used. */
static int tiles_agree(void) {
  enum { rows = 21, depth = 64, panels = 3 };
  static uint16_t x[rows * depth], w[panels * depth * 16];
  float found[rows * panels * 16], expected[rows * panels * 16];
  for (int i = 0; i < rows * depth; i++) x[i] = (uint16_t)(0x3f80 + i * 7 % 64);
  for (int i = 0; i < panels * depth * 16; i++) w[i] = (uint16_t)((i & 1 ? 0xbf00 : 0x3f00) + i * 5 % 96);
  gpt_bf16_product product = {.x = x, .x_stride = depth, .rows = rows, .panels = w,
                              .panel_stride = depth * 32, .panel_count = panels, .depth = depth,
                              .y = found, .y_stride = panels * 16};
  gpt_bf16_product_amx(&product);
  product.y = expected;
  gpt_bf16_product_tiles_portable(&product);
  for (int i = 0; i < rows * panels * 16; i++)
    if (!(fabsf(found[i] - expected[i]) <= 1e-3f)) return 0;
  return 1;
}

int gpt_has_amx(void) { return cpu_has_tiles() && tiles_permitted() && tiles_agree(); }
#endif
