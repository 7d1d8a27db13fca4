#include "levels.h"
#include "vector_portable.h"
#define LEVEL_NAME "portable"
#define LEVEL_TABLE gpt_kernels_portable
#include "level.h"
