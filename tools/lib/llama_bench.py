#!/usr/bin/env python3
"""One process's figures of llama.cpp, as `gpt bench --json` gives them; for tools/compare-llama.

Time to first token and peak memory leave Python itself out: the clock starts, and the memory of
interpreter and imports is taken off, just before the model is loaded.
"""

import argparse
import ctypes
import json
import resource
import statistics
import sys
import time

import llama_cpp
import numpy as np


def quiet(level, text, data):
    if level == 4:  # GGML_LOG_LEVEL_ERROR
        sys.stderr.write(text.decode(errors="replace"))


LOG = llama_cpp.llama_log_callback(quiet)


class Runner:
    def __init__(self, options):
        self.model = llama_cpp.llama_model_load_from_file(
            options.model.encode(), llama_cpp.llama_model_default_params())
        if not self.model:
            sys.exit(f"error: llama.cpp could not load {options.model}")
        self.vocab = llama_cpp.llama_model_get_vocab(self.model)
        self.vocab_size = llama_cpp.llama_vocab_n_tokens(self.vocab)
        settings = llama_cpp.llama_context_default_params()
        deepest = max(options.prompt_tokens, options.depth + options.generate_tokens + 1)
        settings.n_ctx = (deepest + 255) // 256 * 256
        settings.n_batch = settings.n_ubatch = getattr(options, "batch_tokens", 512)
        settings.n_threads = settings.n_threads_batch = options.threads
        settings.n_seq_max = getattr(options, "sequences", 1)
        settings.flash_attn_type = (
            llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED if options.flash_attention == "on"
            else llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED)
        if getattr(options, "float32_cache", False):
            settings.type_k = settings.type_v = llama_cpp.GGML_TYPE_F32
        self.context = llama_cpp.llama_init_from_model(self.model, settings)
        if not self.context:
            sys.exit("error: llama.cpp made no context")

    def forget(self):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)

    def feed(self, tokens):
        """Runs the tokens, 512 at a time; the best next one."""
        for start in range(0, len(tokens), 512):
            part = tokens[start:start + 512]
            array = (llama_cpp.llama_token * len(part))(*part)
            if llama_cpp.llama_decode(
                    self.context, llama_cpp.llama_batch_get_one(array, len(part))) != 0:
                sys.exit("error: llama_decode failed")
        row = llama_cpp.llama_get_logits_ith(self.context, -1)
        return int(np.ctypeslib.as_array(row, shape=(self.vocab_size,)).argmax())

    def generate(self, token, count):
        tokens = []
        for _ in range(count):
            token = self.feed([token])
            tokens.append(token)
        return tokens

    def tokenize(self, text):
        room = (llama_cpp.llama_token * 256)()
        count = llama_cpp.llama_tokenize(
            self.vocab, text.encode(), len(text.encode()), room, 256, True, False)
        return list(room[:count])

    def text(self, tokens):
        result = b""
        room = ctypes.create_string_buffer(256)
        for token in tokens:
            count = llama_cpp.llama_token_to_piece(self.vocab, token, room, 256, 0, False)
            result += room.raw[:max(0, count)]
        return result.decode(errors="replace")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--generate-tokens", type=int, default=128)
    parser.add_argument("--depth", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--flash-attention", choices=["on", "off"], default="on")
    options = parser.parse_args()
    llama_cpp.llama_log_set(LOG, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    began = time.perf_counter()
    runner = Runner(options)
    loaded = time.perf_counter()
    random = np.random.default_rng(1)
    prompt = random.integers(0, runner.vocab_size, options.prompt_tokens).tolist()
    runner.feed(prompt)
    first = time.perf_counter()
    prefills = []
    for _ in range(3):
        runner.forget()
        start = time.perf_counter()
        runner.feed(prompt)
        prefills.append(time.perf_counter() - start)
    runner.forget()
    token = runner.feed(random.integers(0, runner.vocab_size, max(1, options.depth)).tolist())
    start = time.perf_counter()
    runner.generate(token, options.generate_tokens)
    decode = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    # A wrong build computes fast nonsense: the reader of the figures should see that it is text.
    runner.forget()
    words = runner.tokenize("The capital of France is")
    sample = []
    if words:
        token = runner.feed(words)
        sample = [token] + runner.generate(token, 11)
    print(json.dumps({
        "load_seconds": loaded - began,
        "first_token_seconds": first - began,
        "prefill_tokens_per_second": options.prompt_tokens / statistics.median(prefills),
        "decode_tokens_per_second": options.generate_tokens / decode,
        "peak_bytes": peak - before,
        "python_bytes": before,
        "sample": runner.text(sample),
        "version": llama_cpp.__version__,
    }))


if __name__ == "__main__":
    main()
