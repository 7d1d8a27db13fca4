#!/usr/bin/env python3
"""Converts models to GGUF with `gpt convert` and compares what llama.cpp and we make of the files.

A .gguf is converted to a folder first and that folder back to a .gguf, so that tokenizer and
metadata are ours throughout. For each file both tokenize the prompt and continue it with the most
probable tokens. Of float types the tokens must be equal: both compute in float32. Of quantised ones
each rounds activations in its own way, so some may differ; how many are equal is told.

Exit status: 0 prompt ids, and tokens of float types, are equal; 1 not so; 2 wrong usage.
"""

import argparse
import ctypes
import json
import sys
import tempfile
from pathlib import Path

from processes import run, run_json

FLOATS = ("f32", "f16", "bf16")
PROMPT = "It is a truth universally acknowledged, that a single man"


def converted(gpt, model, kind, scratch):
    """A GGUF of the model, made from a folder."""
    folder = Path(model)
    if not folder.is_dir():
        folder = scratch / "folder"
        run([gpt, "convert", "--model", model, "--output", folder, "--force"], "gpt convert")
    target = scratch / f"{kind}.gguf"
    run([gpt, "convert", "--model", folder, "--output", target, "--type", kind, "--force"],
        "gpt convert")
    return target


def llama_ids(model, prompt, count):
    """llama.cpp's ids of the prompt and its greedy continuation."""
    import llama_cpp
    import numpy as np

    silent = llama_cpp.llama_log_callback(lambda level, words, data: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    try:
        llama = llama_cpp.Llama(
            str(model), n_ctx=256, n_threads=2, n_threads_batch=2, logits_all=True, verbose=False,
            flash_attn=False, type_k=llama_cpp.GGML_TYPE_F32, type_v=llama_cpp.GGML_TYPE_F32)
    except ValueError as error:
        sys.exit(f"error: llama.cpp cannot open {model}: {error}")
    vocabulary = llama_cpp.llama_model_get_vocab(llama._model.model)
    add = bool(llama_cpp.llama_vocab_get_add_bos(vocabulary))
    ids = llama.tokenize(prompt.encode(), add_bos=add, special=False)
    llama.eval(ids)
    continuation = []
    while len(continuation) < count:
        token = int(np.argmax(llama.scores[llama.n_tokens - 1]))
        if llama_cpp.llama_vocab_is_eog(vocabulary, token):
            break
        continuation.append(token)
        llama.eval([token])
    llama.close()
    return ids, continuation


def our_ids(gpt, model, prompt, count, kind):
    report = run_json(
        [gpt, "generate", "--model", model, "--prompt", prompt, "--temperature", 0,
         "--max-tokens", count, "--json"]
        + (["--precision", "fp32"] if kind in FLOATS else []), "gpt generate")
    return report["prompt_token_ids"], report["token_ids"], report["text"]


def main():
    parser = argparse.ArgumentParser(
        prog="tools/check-gguf", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append",
                        help="folder or .gguf (default: SmolLM2 and models/austen)")
    parser.add_argument("--type", action="append", help="of gpt convert (default: f32, bf16, q8_0, q4_k)")
    parser.add_argument("--prompt", default=PROMPT)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--gpt", help="the gpt binary (default: built from this folder)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--default-model", action="append", help=argparse.SUPPRESS)
    options = parser.parse_args()
    reports = []
    for model in options.model or options.default_model:
        for kind in options.type or ["f32", "bf16", "q8_0", "q4_k"]:
            with tempfile.TemporaryDirectory() as scratch:
                file = converted(options.gpt, model, kind, Path(scratch))
                theirs = llama_ids(file, options.prompt, options.tokens)
                *ours, text = our_ids(options.gpt, file, options.prompt, options.tokens, kind)
            equal = sum(1 for a, b in zip(theirs[1], ours[1]) if a == b)
            reports.append({
                "model": Path(model).name, "type": kind, "prompt_equal": theirs[0] == ours[0],
                "tokens": len(theirs[1]), "equal": theirs[1] == ours[1], "equal_tokens": equal,
                "text": text})
    for report in reports:
        if not options.json:
            prompt = "equal" if report["prompt_equal"] else "DIFFERENT"
            print(f"{report['model']} {report['type']}: prompt ids {prompt}; "
                  f"{report['equal_tokens']} of {report['tokens']} greedy tokens equal: "
                  f"{report['text']!r}")
    if options.json:
        print(json.dumps(reports, indent=1))
    good = all(r["prompt_equal"] and (r["equal"] or r["type"] not in FLOATS) for r in reports)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
