#ifndef GPT_CZLIB_SHIM_H
#define GPT_CZLIB_SHIM_H
#include <zlib.h>
#endif
