#!/usr/bin/env python3
"""Perplexity in the default precision beside that with fp32 activations, format by format.

SmolLM2-135M is stored in every format by `gpt quantize`, and reads 100 kB of text in windows of 512
(llama.cpp's counting). --decoded then has every format read once more, eight tokens at a time, as
decoding does: few rows are multiplied by other kernels, as integers.

Exit status: 0 every format read within the limit; 1 not so; 2 wrong usage.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from processes import run, run_json

ROOT = Path(__file__).resolve().parents[2]
TYPES = ["q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q4_k", "q6_k", "f16", "bf16", "f32"]
WINDOW = 512


def default_text(size):
    corpus = ROOT.parent / "shared/corpora/tinyshakespeare.txt"
    files = [corpus] if corpus.exists() else [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
    return "".join(path.read_text() for path in files).encode()[:size].decode(errors="ignore")


class Checker:
    def __init__(self, options, folder):
        self.options, self.folder = options, Path(folder)
        self.text = self.folder / "text.txt"
        self.text.write_text(options.text.read_text() if options.text else default_text(100_000))

    def read(self, model, precision, *options):
        result = run_json(
            [self.options.gpt, "evaluate", "--model", model, "--text", self.text, "--counting",
             "llama.cpp", "--window", WINDOW, "--precision", precision, "--json", *options],
            "gpt evaluate")
        return result["perplexity"]


def line(stage, name, found, expected):
    change = found / expected - 1
    print(f"{stage:8} {name:6} {expected:10.4f} {found:10.4f} {100 * change:+8.3f} %", flush=True)
    return change


def main():
    parser = argparse.ArgumentParser(
        prog="tools/check-precision", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpt", default=".build/release/gpt", help="the command to check")
    parser.add_argument("--default-model", help=argparse.SUPPRESS)
    parser.add_argument("--model", help="folder or .gguf to store in every format")
    parser.add_argument("--text", type=Path, help="text to read (default: 100 kB of Shakespeare)")
    parser.add_argument("--types", default=",".join(TYPES), help="formats (default: all)")
    parser.add_argument("--limit", type=float, default=0.1, help="percent allowed (default: 0.1)")
    parser.add_argument("--decoded", action="store_true",
                        help="also eight tokens at a time, as decoding does")
    options = parser.parse_args()
    model = options.model or options.default_model
    is_good = True
    with tempfile.TemporaryDirectory() as folder:
        checker = Checker(options, folder)
        print(f"{'':8} {'format':6} {'fp32':>10} {'default':>10}   change")
        for name in options.types.split(","):
            stored = Path(folder) / f"{name}.gguf"
            run([options.gpt, "quantize", "--model", model, "--type", name, "--output", stored],
                "gpt quantize")
            found, expected = (checker.read(stored, way) for way in ("auto", "fp32"))
            is_good &= abs(line("reading", name, found, expected)) <= options.limit / 100
            if options.decoded:
                found = checker.read(stored, "auto", "--chunk-length", 8)
                is_good &= abs(line("decoding", name, found, expected)) <= options.limit / 100
            stored.unlink()
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
