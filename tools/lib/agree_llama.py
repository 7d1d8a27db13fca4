#!/usr/bin/env python3
"""Compares our logits with llama.cpp's over a text, both from the same weights in float32.

The model's weights are dequantised to an F32 GGUF in the cache, from which llama.cpp computes;
ours come from the file itself. The text is cut into windows that start anew; every position
counts. KL is the Kullback-Leibler divergence of our distribution from llama.cpp's, in nats.
"""

import argparse
import ctypes
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from processes import run

LIB = Path(__file__).resolve().parent
GOALS = {"top1_agreement": 0.99, "mean_kl": 1e-3}


def llama_ids(model, text):
    """llama.cpp's ids of a text, without special tokens, and the vocabulary's size."""
    import llama_cpp

    silent = llama_cpp.llama_log_callback(lambda level, words, data: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    settings = llama_cpp.llama_model_default_params()
    settings.vocab_only = True
    opened = llama_cpp.llama_model_load_from_file(model.encode(), settings)
    if not opened:
        sys.exit(f"error: llama.cpp could not load {model}")
    vocab = llama_cpp.llama_model_get_vocab(opened)
    room = (llama_cpp.llama_token * (len(text) + 8))()
    count = llama_cpp.llama_tokenize(vocab, text, len(text), room, len(room), False, False)
    return list(room[:count]), llama_cpp.llama_vocab_n_tokens(vocab)


def f32_model(model, cache):
    """The F32 version of a model in the cache, made anew if the model is newer."""
    target = cache / f"{Path(model).stem}.f32.gguf"
    if not target.exists() or target.stat().st_mtime <= os.stat(model).st_mtime:
        cache.mkdir(parents=True, exist_ok=True)
        print(f"dequantising {Path(model).name}", file=sys.stderr)
        run([sys.executable, LIB / "f32_gguf.py", model, target], "dequantising")
    return target


def log_softmax(rows):
    rows = rows.astype(np.float64)
    rows -= rows.max(axis=1, keepdims=True)
    return rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))


def compare(theirs_path, ours_path, count, vocab):
    """Statistics over all positions, a few rows at a time."""
    expected = count * vocab * 4
    for path, side in ((theirs_path, "llama.cpp"), (ours_path, "gpt logits")):
        found = os.path.getsize(path)
        if found != expected:
            sys.exit(f"error: {side} wrote {found} bytes, expected {expected} "
                     f"({count} tokens × {vocab} × 4)")
    theirs = np.memmap(theirs_path, "<f4", "r", shape=(count, vocab))
    ours = np.memmap(ours_path, "<f4", "r", shape=(count, vocab))
    agree, divergences, largest, lost = 0, [], 0.0, []
    for start in range(0, count, 50):
        a, b = np.array(theirs[start:start + 50]), np.array(ours[start:start + 50])
        if not np.isfinite(b).all():
            sys.exit(f"error: our logits are not finite near token {start}")
        best = a.argmax(axis=1)
        same = best == b.argmax(axis=1)
        agree += int(same.sum())
        p, q = log_softmax(a), log_softmax(b)
        divergences.append((np.exp(p) * (p - q)).sum(axis=1))
        spread = a.max(axis=1) - a.min(axis=1)
        largest = max(largest, float((np.abs(a - b).max(axis=1) / spread).max()))
        second = np.partition(a, -2, axis=1)[:, -2]
        lost += ((a.max(axis=1) - second) / spread)[~same].tolist()
    divergences = np.concatenate(divergences)
    return {
        "tokens": count,
        "top1_agreement": agree / count,
        "mean_kl": float(divergences.mean()),
        "max_kl": float(divergences.max()),
        "max_difference_of_range": largest,
        "largest_margin_lost": max(lost, default=0.0),
    }


def main():
    parser = argparse.ArgumentParser(
        prog="tools/agree-llama", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a .gguf (default: SmolLM2 from the cache)")
    parser.add_argument("--file", help="the text (default: README.md)")
    parser.add_argument("--tokens", type=int, default=2000)
    parser.add_argument("--window", type=int, default=500)
    parser.add_argument("--precision", help="passed on to gpt logits")
    parser.add_argument("--threads", help="passed on to gpt logits")
    parser.add_argument("--quantised", action="store_true",
                        help="let llama.cpp compute from the file itself, not its F32 version")
    parser.add_argument("--gpt", help="the gpt binary (default: built from this folder)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--default-model", help=argparse.SUPPRESS)
    parser.add_argument("--cache", help=argparse.SUPPRESS)
    options = parser.parse_args()
    model = options.model or options.default_model
    source = Path(options.file) if options.file else LIB.parent.parent / "README.md"
    try:
        text = source.read_bytes()
    except OSError as error:
        sys.exit(f"error: {source}: {error.strerror}")
    # As much as it takes: some 4 bytes a token.
    ids, vocab = llama_ids(model, text[:options.tokens * 8])
    ids = ids[:options.tokens]
    if len(ids) < options.tokens:
        print(f"{source.name} has only {len(ids)} tokens, not {options.tokens}", file=sys.stderr)
    if not ids:
        sys.exit(f"error: {source}: no tokens")
    reference = model if options.quantised else f32_model(model, Path(options.cache))
    with tempfile.TemporaryDirectory() as scratch:
        windows = Path(scratch) / "ids"
        windows.write_text("".join(
            " ".join(map(str, ids[i:i + options.window])) + "\n"
            for i in range(0, len(ids), options.window)))
        theirs, ours = Path(scratch) / "theirs.bin", Path(scratch) / "ours.bin"
        run([sys.executable, LIB / "llama_logits.py", reference, windows, theirs], "llama.cpp")
        command = [options.gpt, "logits", "--model", model, "--ids-file", windows,
                   "--output", ours]
        for name in ("precision", "threads"):
            if getattr(options, name):
                command += [f"--{name}", getattr(options, name)]
        run(command, "gpt logits")
        report = compare(theirs, ours, len(ids), vocab)
    report.update(model=Path(model).name, text=source.name, window=options.window,
                  precision=options.precision,
                  llama_weights="as in the file" if options.quantised else "dequantised to F32")
    good = (report["top1_agreement"] >= GOALS["top1_agreement"]
            and report["mean_kl"] <= GOALS["mean_kl"])
    report["goals"] = GOALS
    report["met"] = good
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print(f"{report['model']}, {report['tokens']} tokens of {report['text']} in windows of "
              f"{report['window']}; llama.cpp's weights {report['llama_weights']}")
        print(f"top-1 agreement   {report['top1_agreement']:.4%}   (goal ≥ 99 %)")
        print(f"mean KL           {report['mean_kl']:.3e}   (goal ≤ 1e-3)")
        print(f"max KL            {report['max_kl']:.3e}")
        print(f"max |Δ| of range  {report['max_difference_of_range']:.3e}")
        print(f"margin lost ≤     {report['largest_margin_lost']:.3e} of the range")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
