#include "CKernels.h"
int gpt_placeholder(void) { return 0; }
