#ifndef GPT_COPENBLAS_SHIM_H
#define GPT_COPENBLAS_SHIM_H
/* Declarations only: GPTOps/OpenBLAS.swift loads the library when it is first needed. */
#include <cblas.h>
#endif
