#!/usr/bin/env python3
"""Compares the perplexity that `gpt evaluate` finds with llama.cpp's and transformers'.

All over the same text. llama.cpp computes from the same .gguf, counting as llama-perplexity does
(windows of 512); transformers in fp32 from its weights dequantised, counting as the loop in its
documentation does (windows of 1,024, every 512 tokens).

Exit status: 0 within 0.5 % of llama.cpp's and 0.1 % of transformers'; 1 not so; 2 wrong usage.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from processes import run, run_json

LIB = Path(__file__).resolve().parent
LIMITS = {"llama.cpp": 0.005, "transformers": 0.001}


class Sides:
    """Both sides' figures over one text."""

    def __init__(self, options, text):
        self.options, self.text = options, text

    def ours(self, counting, *windows):
        options = self.options
        more = ["--precision", options.precision] if options.precision else []
        return run_json(
            [options.gpt, "evaluate", "--model", options.model, "--text", self.text,
             "--counting", counting, *windows, *more, "--json"], "gpt evaluate")

    def llama(self, window):
        return (self.ours("llama.cpp", "--window", window),
                run_json([self.options.llama_python, LIB / "llama_perplexity.py",
                          self.options.model, self.text, window], "llama.cpp"))

    def transformers(self, window, stride):
        folder = run([self.options.peft_python, LIB / "dequantised.py", self.options.model,
                      self.options.cache], "dequantising").strip()
        return (self.ours("transformers", "--window", window, "--stride", stride),
                run_json([self.options.peft_python, LIB / "transformers_perplexity.py", folder,
                          self.text, window, stride], "transformers"))


def row_of(name, ours, theirs):
    found, expected = ours["perplexity"], theirs["perplexity"]
    counts = {key: ours[key] for key in ("tokens", "predicted_tokens")}
    row = {"name": name, "version": theirs["version"], "ours": found, "theirs": expected,
           "difference": found / expected - 1, "limit": LIMITS[name], **counts}
    row["same_counts"] = all(theirs[key] == value for key, value in counts.items())
    row["met"] = row["same_counts"] and abs(row["difference"]) <= row["limit"]
    return row


def main():
    parser = argparse.ArgumentParser(
        prog="tools/compare-perplexity", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a .gguf (default: SmolLM2 from the cache)")
    parser.add_argument("--file", type=Path,
                        help="the text (default: ../shared/corpora/tinyshakespeare.txt)")
    parser.add_argument("--bytes", type=int, default=100_000, help="of its beginning")
    parser.add_argument("--precision", help="passed on to gpt evaluate")
    parser.add_argument("--gpt", help="the gpt binary (default: built from this folder)")
    parser.add_argument("--json", action="store_true")
    for name in ("--peft-python", "--llama-python", "--default-model", "--cache"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.model = options.model or options.default_model
    source = options.file or LIB.parents[2] / "shared/corpora/tinyshakespeare.txt"
    try:
        data = source.read_bytes()[:options.bytes]
    except OSError as error:
        sys.exit(f"error: {source}: {error.strerror}")
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        # A character that the cut leaves in two would be read in different ways.
        file.write(data.decode("utf-8", errors="ignore").encode())
        file.flush()
        sides = Sides(options, file.name)
        rows = [row_of("llama.cpp", *sides.llama(512)),
                row_of("transformers", *sides.transformers(1024, 512))]
    report = {"model": Path(options.model).name, "text": source.name, "bytes": len(data),
              "precision": options.precision or "auto", "rows": rows}
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print(f"{report['model']}, {report['bytes']} bytes of {report['text']}")
        for row in rows:
            counts = "" if row["same_counts"] else ", counts differ"
            print(f"{row['name']} {row['version']}: {row['theirs']:.4f}, ours {row['ours']:.4f} "
                  f"({row['difference']:+.3%}, limit {row['limit']:.1%}; "
                  f"{row['predicted_tokens']} of {row['tokens']} tokens predicted{counts})")
    missed = [row["name"] for row in rows if not row["met"]]
    if missed:
        sys.exit(f"error: too far from {', '.join(missed)}")


if __name__ == "__main__":
    main()
