#include "CSentencePiece.h"
extern "C" int gpt_sp_placeholder(void) { return 0; }
