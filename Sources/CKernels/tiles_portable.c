/* The tile product in plain C, instruction by instruction as the Intel SDM defines them: tests run
   it on machines without tiles, and machines with tiles are compared with it before they are used. */
#include "CKernels.h"
#include "half.h"
#include <stdlib.h>

typedef struct tile_file {
  int rows[8], row_bytes[8];
  uint8_t data[8][16][64];
} tile_file;
static _Thread_local tile_file tiles;

static float widen(const uint8_t *p) {
  uint16_t bits;
  memcpy(&bits, p, 2);
  return bits_float((uint32_t)bits << 16);
}

/* An instruction on a tile that is not configured faults. */
static void require(int condition) { if (!condition) abort(); }

static void tile_zero(int t) {
  require(tiles.rows[t] > 0);
  memset(tiles.data[t], 0, sizeof tiles.data[t]);
}
static void tile_load(int t, const void *p, size_t stride) {
  require(tiles.rows[t] > 0);
  memset(tiles.data[t], 0, sizeof tiles.data[t]);
  for (int r = 0; r < tiles.rows[t]; r++)
    memcpy(tiles.data[t][r], (const char *)p + r * stride, (size_t)tiles.row_bytes[t]);
}
static void tile_store(int t, void *p, size_t stride) {
  require(tiles.rows[t] > 0);
  for (int r = 0; r < tiles.rows[t]; r++)
    memcpy((char *)p + r * stride, tiles.data[t][r], (size_t)tiles.row_bytes[t]);
}
static void tile_multiply(int y, int x, int w) {
  require(tiles.rows[y] == tiles.rows[x] && tiles.row_bytes[x] / 4 == tiles.rows[w]);
  require(tiles.row_bytes[y] == tiles.row_bytes[w]);
  for (int m = 0; m < tiles.rows[y]; m++)
    for (int k = 0; k < tiles.row_bytes[x] / 4; k++)
      for (int n = 0; n < tiles.row_bytes[y] / 4; n++) {
        float sum;
        memcpy(&sum, &tiles.data[y][m][4 * n], 4);
        sum += widen(&tiles.data[x][m][4 * k]) * widen(&tiles.data[w][k][4 * n]);
        sum += widen(&tiles.data[x][m][4 * k + 2]) * widen(&tiles.data[w][k][4 * n + 2]);
        memcpy(&tiles.data[y][m][4 * n], &sum, 4);
      }
}

#define TILE_CONFIGURE(c)                                                                         \
  do {                                                                                            \
    require((c)->palette == 1);                                                                   \
    for (int i = 0; i < 8; i++) {                                                                 \
      tiles.rows[i] = (c)->rows[i];                                                               \
      tiles.row_bytes[i] = (c)->row_bytes[i];                                                     \
    }                                                                                             \
  } while (0)
#define TILE_ZERO(t) tile_zero(t)
#define TILE_LOAD(t, p, stride) tile_load(t, p, stride)
#define TILE_STORE(t, p, stride) tile_store(t, p, stride)
#define TILE_MULTIPLY(y, x, w) tile_multiply(y, x, w)
#define TILE_RELEASE() memset(&tiles, 0, sizeof tiles)
#include "template_tiles.h"

void gpt_bf16_product_tiles_portable(const gpt_bf16_product *t) { tile_product(t); }
