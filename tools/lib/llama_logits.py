#!/usr/bin/env python3
"""llama.cpp's logits: llama_logits.py MODEL.gguf IDS OUTPUT.bin

IDS has a window of whitespace-separated ids a line; OUTPUT gets float32 rows of the vocabulary's
size, little endian, for every position of every window in turn. Each window starts anew.
The cache is F32 and flash attention off, so that with F32 weights all is computed in float32.
"""

import ctypes
import sys

import llama_cpp
import numpy as np


def quiet(level, text, data):
    if level == 4:  # GGML_LOG_LEVEL_ERROR
        sys.stderr.write(text.decode(errors="replace"))


LOG = llama_cpp.llama_log_callback(quiet)


def window_logits(model, ids, threads):
    """Logits [T, V] of one window, from a context of its own."""
    vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    settings = llama_cpp.llama_context_default_params()
    settings.n_ctx = max(64, len(ids))
    settings.n_batch = settings.n_ubatch = settings.n_ctx
    settings.n_threads = settings.n_threads_batch = threads
    settings.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
    settings.type_k = settings.type_v = llama_cpp.GGML_TYPE_F32
    context = llama_cpp.llama_init_from_model(model, settings)
    if not context:
        sys.exit("error: llama.cpp made no context")
    batch = llama_cpp.llama_batch_init(len(ids), 0, 1)
    batch.n_tokens = len(ids)
    for position, token in enumerate(ids):
        batch.token[position] = token
        batch.pos[position] = position
        batch.n_seq_id[position] = 1
        batch.seq_id[position][0] = 0
        batch.logits[position] = 1
    if llama_cpp.llama_decode(context, batch) != 0:
        sys.exit("error: llama_decode failed")
    rows = llama_cpp.llama_get_logits(context)
    result = np.ctypeslib.as_array(rows, shape=(len(ids) * vocab,)).astype("<f4", copy=True)
    llama_cpp.llama_batch_free(batch)
    llama_cpp.llama_free(context)
    return result


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    llama_cpp.llama_log_set(LOG, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    model = llama_cpp.llama_model_load_from_file(
        sys.argv[1].encode(), llama_cpp.llama_model_default_params())
    if not model:
        sys.exit(f"error: llama.cpp could not load {sys.argv[1]}")
    with open(sys.argv[2], encoding="ascii") as windows, open(sys.argv[3], "wb") as output:
        for line in windows:
            ids = [int(word) for word in line.split()]
            if ids:
                window_logits(model, ids, threads=2).tofile(output)


if __name__ == "__main__":
    main()
