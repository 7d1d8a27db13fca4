#!/usr/bin/env python3
"""llama.cpp decoding several sequences together, as `gpt bench --sequences --json` gives it.

One token of every sequence a call of llama_decode, greedily. For tools/compare-llama.
"""

import argparse
import ctypes
import json
import sys
import time

import llama_cpp
import numpy as np
from llama_bench import LOG, Runner


class Sequences(Runner):
    """A context that all sequences share, and a batch with room for one token of each."""

    def __init__(self, options):
        super().__init__(options)
        self.count = options.sequences
        self.batch = llama_cpp.llama_batch_init(self.count, 0, 1)

    def decode(self, tokens, position):
        self.batch.n_tokens = self.count
        for index, token in enumerate(tokens):
            self.batch.token[index] = token
            self.batch.pos[index] = position
            self.batch.n_seq_id[index] = 1
            self.batch.seq_id[index][0] = index
            self.batch.logits[index] = 1
        if llama_cpp.llama_decode(self.context, self.batch) != 0:
            sys.exit("error: llama_decode failed")
        return [self.best(index) for index in range(self.count)]

    def best(self, index):
        row = llama_cpp.llama_get_logits_ith(self.context, index)
        return int(np.ctypeslib.as_array(row, shape=(self.vocab_size,)).argmax())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--sequences", type=int, default=8)
    parser.add_argument("--generate-tokens", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--flash-attention", choices=["on", "off"], default="on")
    options = parser.parse_args()
    # Runner makes room for the deepest of the two; every sequence needs its own.
    options.depth, options.prompt_tokens = 0, options.sequences * (options.generate_tokens + 2)
    llama_cpp.llama_log_set(LOG, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    runner = Sequences(options)
    random = np.random.default_rng(1)
    rates = []
    for _ in range(2):  # the first run warms up
        runner.forget()
        tokens = runner.decode(random.integers(0, runner.vocab_size, runner.count).tolist(), 0)
        start = time.perf_counter()
        for position in range(1, options.generate_tokens + 1):
            tokens = runner.decode(tokens, position)
        seconds = time.perf_counter() - start
        rates.append(runner.count * options.generate_tokens / seconds)
    print(json.dumps({"total_tokens_per_second": rates[-1], "version": llama_cpp.__version__}))


if __name__ == "__main__":
    main()
