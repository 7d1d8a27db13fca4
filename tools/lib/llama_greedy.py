#!/usr/bin/env python3
"""llama.cpp's greedy continuations: llama_greedy.py MODEL.gguf COUNT <PROMPTS

PROMPTS is a JSON list of texts. A JSON list of {"prompt_token_ids", "token_ids", "text"} is
printed, without the token that ends a text. Keys and values are kept in F32.
"""

import ctypes
import json
import sys
from types import SimpleNamespace

import llama_cpp
from llama_bench import LOG, Runner


def generate(runner, token, count):
    tokens = []
    while len(tokens) < count and not llama_cpp.llama_vocab_is_eog(runner.vocab, token):
        tokens.append(token)
        token = runner.feed([token])
    return tokens


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    prompts, count = json.load(sys.stdin), int(sys.argv[2])
    llama_cpp.llama_log_set(LOG, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    runner = Runner(SimpleNamespace(
        model=sys.argv[1], prompt_tokens=1024, depth=0, generate_tokens=count, threads=1,
        flash_attention="off", float32_cache=True))
    results = []
    for prompt in prompts:
        runner.forget()
        words = runner.tokenize(prompt)
        tokens = generate(runner, runner.feed(words), count)
        results.append(
            {"prompt_token_ids": words, "token_ids": tokens, "text": runner.text(tokens)})
    print(json.dumps(results))


if __name__ == "__main__":
    main()
