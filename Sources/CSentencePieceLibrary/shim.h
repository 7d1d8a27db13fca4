#ifndef GPT_CSENTENCEPIECE_LIBRARY_SHIM_H
#define GPT_CSENTENCEPIECE_LIBRARY_SHIM_H
/* Empty on purpose: the library's headers are C++ and are included by the CSentencePiece shim only. */
#endif
