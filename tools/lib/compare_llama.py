#!/usr/bin/env python3
"""Runs `gpt bench` and llama.cpp in turn, each run a new process, and compares the medians.

A ratio above 1 means that gpt is better: faster, sooner or smaller. llama.cpp runs with flash
attention on and off, and the better of the two counts, figure by figure. Only ratios from one
run of this script count: the machine may be shared.

Without --model: SmolLM2-135M in Q4_0, Q8_0, Q4_K and BF16, decoding and reading a prompt, in less
than ten minutes. --full adds GPT-2's 124M shape with random weights, eight sequences together,
start, memory, and transformers: about an hour. The files are written once, into the cache. With
--kernels avx2 both sides are held to AVX2; llama.cpp is then built once more, which takes minutes.
With --model: that file, with the options below.
"""

import argparse
import json
import os
import statistics
import sys
from pathlib import Path

import compare_llama_table
from processes import cpu_name, run_json

# key, title, unit's divisor, format, and whether more is better
FIGURES = [
    ("prefill_tokens_per_second", "prefill, tokens/s", 1, ".0f", True),
    ("decode_tokens_per_second", "decode, tokens/s", 1, ".1f", True),
    ("load_seconds", "load, s", 1, ".3f", False),
    ("first_token_seconds", "first token, s", 1, ".3f", False),
    ("peak_bytes", "peak memory, MiB", 2**20, ".0f", False),
]


def measure(options, threads):
    """Lists of results: ours, and llama.cpp's for flash attention on and off."""
    common = ["--model", options.model, "--prompt-tokens", str(options.prompt_tokens),
              "--generate-tokens", str(options.generate_tokens), "--threads", str(threads)]
    if options.depth:
        common += ["--depth", str(options.depth)]
    bench = Path(__file__).resolve().parent / "llama_bench.py"
    results = {"ours": [], "on": [], "off": []}
    for pair in range(options.pairs):
        if not options.json:
            print(f"{threads} threads: pair {pair + 1} of {options.pairs}", file=sys.stderr)
        results["ours"].append(
            run_json([options.gpt, "bench", *common, "--json", *options.gpt_option], "gpt bench"))
        for flash in ("on", "off"):
            results[flash].append(run_json(
                [options.llama_python, bench, *common, "--flash-attention", flash], "llama.cpp"))
    return results


def compare(results, threads):
    rows = []
    for key, title, _, _, more in FIGURES:
        values = {side: [r[key] for r in runs] for side, runs in results.items()}
        medians = {side: statistics.median(v) for side, v in values.items()}
        flash = (max if more else min)(("on", "off"), key=lambda side: medians[side])
        pairs = [(a / b if more else b / a)
                 for a, b in zip(values["ours"], values[flash]) if a > 0 and b > 0]
        ours, theirs = medians["ours"], medians[flash]
        rows.append({
            "name": f"{key}/{threads}", "title": title, "threads": threads,
            "ratio": (ours / theirs if more else theirs / ours) if ours and theirs else None,
            "lowest": min(pairs, default=None), "highest": max(pairs, default=None),
            "ours": ours, "theirs": theirs, "flash_attention": flash,
            "ours_spread": (max(values["ours"]) - min(values["ours"])) / ours if ours else None,
            "theirs_spread":
                (max(values[flash]) - min(values[flash])) / theirs if theirs else None,
        })
    return rows


def goals_of(options):
    goals = {}
    for text in options.goal:
        name, _, value = text.partition("=")
        try:
            goals[name] = float(value)
        except ValueError:
            sys.exit(f"error: --goal {text}: expected NAME=NUMBER")
    return goals


def print_table(report):
    print(f"{Path(report['model']).name} on {report['cpu']}, median of {report['pairs']} pairs")
    print(f"llama-cpp-python {report['llama_cpp_python']}, built by {report['compiler']}")
    print(f"its text: {report['sample']!r}")
    print()
    print("| figure | threads | gpt | llama.cpp | ratio | goal | pairs' ratios | spread gpt/llama |")
    print("|---|---|---|---|---|---|---|---|")
    for row in report["ratios"]:
        _, _, divisor, form, _ = next(f for f in FIGURES if row["name"].startswith(f[0]))
        ours, theirs = (format(row[side] / divisor, form) for side in ("ours", "theirs"))
        ratio = "–" if row["ratio"] is None else f"{row['ratio']:.2f}"
        pairs = "–" if row["lowest"] is None else f"{row['lowest']:.2f}–{row['highest']:.2f}"
        spreads = "/".join("–" if row[s] is None else f"{row[s]:.0%}"
                           for s in ("ours_spread", "theirs_spread"))
        goal = f"{row['goal']:.2f}"
        print(f"| {row['title']} | {row['threads']} | {ours} | {theirs} (flash "
              f"{row['flash_attention']}) | {ratio} | {goal} | {pairs} | {spreads} |")


def main():
    parser = argparse.ArgumentParser(
        prog="tools/compare-llama", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a .gguf, compared by itself")
    parser.add_argument("--full", action="store_true", help="the whole table")
    parser.add_argument("--kernels", choices=["avx2"], help="hold both sides to it")
    parser.add_argument("--only", action="append", default=[], metavar="TEXT",
                        help="rows of the table whose name has TEXT in it; repeatable")
    parser.add_argument("--pairs", type=int,
                        help="runs of each side (default 5, with --model 3)")
    parser.add_argument("--threads", type=int, action="append",
                        help="repeatable (default: 1 and 2)")
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--generate-tokens", type=int, help="default 64, with --model 128")
    parser.add_argument("--depth", type=int, default=0, help="decode after so many tokens")
    parser.add_argument("--gpt", help="the gpt binary (default: built from this folder)")
    parser.add_argument("--gpt-option", action="append", default=[], metavar="OPTION",
                        help="passed on to gpt bench; repeatable, as in --gpt-option=--low-memory")
    parser.add_argument("--goal", action="append", default=[], metavar="NAME=RATIO",
                        help="as in decode_tokens_per_second=1.2; 1 where none is given")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true", help="exit 1 if a ratio misses its goal")
    parser.add_argument("--llama-python", help=argparse.SUPPRESS)
    parser.add_argument("--writing-python", help=argparse.SUPPRESS)
    parser.add_argument("--peft-python", help=argparse.SUPPRESS)
    parser.add_argument("--default-model", help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pairs is not None and options.pairs < 1:
        parser.error("--pairs must be at least 1")
    if options.model is None:
        if options.depth or options.goal:
            parser.error("--depth and --goal go with --model; the table has its own")
        return compare_llama_table.main(options)
    if options.full or options.kernels or options.only:
        parser.error("--full, --kernels and --only are of the table, without --model")
    options.pairs = options.pairs or 3
    options.generate_tokens = options.generate_tokens or 128
    if not os.path.exists(options.model):
        sys.exit(f"error: {options.model}: no such file")
    goals = goals_of(options)
    rows = []
    sample = version = ""
    for threads in options.threads or [1, 2]:
        results = measure(options, threads)
        rows += compare(results, threads)
        sample, version = results["on"][0]["sample"], results["on"][0]["version"]
    for row in rows:
        row["goal"] = goals.get(row["name"], goals.get(row["name"].split("/")[0], 1.0))
    compiler = Path(options.llama_python).parent.parent / "compiler.txt"
    report = {
        "model": os.path.basename(options.model), "cpu": cpu_name(), "pairs": options.pairs,
        "prompt_tokens": options.prompt_tokens, "generate_tokens": options.generate_tokens,
        "depth": options.depth, "llama_cpp_python": version, "sample": sample,
        "compiler": compiler.read_text().strip() if compiler.exists() else "unknown",
        "ratios": rows,
    }
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print_table(report)
    missed = [r["name"] for r in rows if r["ratio"] is None or r["ratio"] < r["goal"]]
    if options.check and missed:
        sys.exit(f"error: below their goal: {', '.join(missed)}")


if __name__ == "__main__":
    main()
