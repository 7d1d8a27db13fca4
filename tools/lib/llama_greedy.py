#!/usr/bin/env python3
"""llama.cpp's greedy continuations: llama_greedy.py MODEL.gguf COUNT <PROMPTS

PROMPTS is a JSON list of texts. A JSON list of {"prompt_token_ids", "token_ids", "text"} is
printed. Keys and values are kept in F32 and the end of a sequence is a token like any other.
"""

import ctypes
import json
import sys
from types import SimpleNamespace

import llama_cpp
from llama_bench import LOG, Runner


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    prompts, count = json.load(sys.stdin), int(sys.argv[2])
    llama_cpp.llama_log_set(LOG, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    runner = Runner(SimpleNamespace(
        model=sys.argv[1], prompt_tokens=1024, depth=0, generate_tokens=count, threads=1,
        flash_attention="off", float32_cache=True))
    runner.shows_special = True
    results = []
    for prompt in prompts:
        runner.forget()
        words = runner.tokenize(prompt)
        first = runner.feed(words)
        tokens = [first] + runner.generate(first, count - 1)
        results.append(
            {"prompt_token_ids": words, "token_ids": tokens, "text": runner.text(tokens)})
    print(json.dumps(results))


if __name__ == "__main__":
    main()
