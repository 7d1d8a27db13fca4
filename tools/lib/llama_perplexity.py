#!/usr/bin/env python3
"""llama.cpp's perplexity of a text: llama_perplexity.py MODEL.gguf TEXT WINDOW

Counted as its own llama-perplexity does: windows side by side, the last incomplete one left out,
the first token of each replaced by the beginning of sequence where the model asks for one, and only
the tokens of the second half predicted. One line feed at the end of the text is dropped, as by its
option --file. Keys and values are kept in F16 and flash attention is on, its defaults.
"""

import ctypes
import json
import math
import sys
from types import SimpleNamespace

import llama_cpp
import numpy as np
from llama_bench import LOG, Runner


def tokenize(runner, text):
    room = (llama_cpp.llama_token * (len(text) + 8))()
    count = llama_cpp.llama_tokenize(runner.vocab, text, len(text), room, len(room), True, False)
    return list(room[:count])


def window_logprobs(runner, ids, first):
    """log p of each of `ids[first + 1:]`."""
    runner.forget()
    batch = llama_cpp.llama_batch_init(len(ids), 0, 1)
    batch.n_tokens = len(ids)
    for position, token in enumerate(ids):
        batch.token[position] = token
        batch.pos[position] = position
        batch.n_seq_id[position] = 1
        batch.seq_id[position][0] = 0
        batch.logits[position] = first <= position < len(ids) - 1
    if llama_cpp.llama_decode(runner.context, batch) != 0:
        sys.exit("error: llama_decode failed")
    rows = np.ctypeslib.as_array(
        llama_cpp.llama_get_logits(runner.context),
        shape=((len(ids) - 1 - first), runner.vocab_size)).astype(np.float64)
    llama_cpp.llama_batch_free(batch)
    highest = rows.max(axis=1)
    total = highest + np.log(np.exp(rows - highest[:, None]).sum(axis=1))
    return rows[np.arange(len(rows)), ids[first + 1:]] - total


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    window = int(sys.argv[3])
    with open(sys.argv[2], "rb") as file:
        text = file.read()
    llama_cpp.llama_log_set(LOG, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    # Whole windows in one batch.
    runner = Runner(SimpleNamespace(
        model=sys.argv[1], prompt_tokens=window, depth=0, generate_tokens=0, threads=2,
        flash_attention="on", batch_tokens=window))
    tokens = tokenize(runner, text.removesuffix(b"\n"))
    first = window // 2
    begins = llama_cpp.llama_vocab_get_add_bos(runner.vocab)
    logprobs = []
    for start in range(0, len(tokens) // window * window, window):
        ids = tokens[start:start + window]
        if begins:
            ids[0] = llama_cpp.llama_vocab_bos(runner.vocab)
        logprobs += window_logprobs(runner, ids, first).tolist()
    if not logprobs:
        sys.exit(f"error: {len(tokens)} tokens, expected at least {window}")
    print(json.dumps({
        "tokens": len(tokens), "predicted_tokens": len(logprobs),
        "perplexity": math.exp(-sum(logprobs) / len(logprobs)), "version": llama_cpp.__version__,
    }))


if __name__ == "__main__":
    main()
