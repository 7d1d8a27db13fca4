#ifndef GPT_COPENBLAS_SHIM_H
#define GPT_COPENBLAS_SHIM_H
#include <cblas.h>
/* OpenBLAS' run-time kernel selection, exported by dynamic-arch builds but not declared in cblas.h.
   Weak: a build with one fixed core type has none of it. */
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));
#endif
