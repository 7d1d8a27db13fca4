#!/usr/bin/env python3
"""Decoding with two threads beside one, while a busy loop is pinned to one of two cores.

Runs of both take turns; the median of their ratios is to be 0.8 at least: two threads must not make
a disturbed machine slower than one thread would be. Exits with 1 below.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

from processes import run_json

GOAL = 0.8


def rate(options, cores, threads):
    """Tokens a second of a run that may use the two cores."""
    report = run_json(
        ["taskset", "-c", ",".join(map(str, cores)), options.gpt, "bench", "--model", options.model,
         "--threads", threads, "--prompt-tokens", 8, "--generate-tokens", options.generate_tokens,
         "--repetitions", 1, "--no-limits", "--json"], "gpt bench")
    return report["decode_tokens_per_second"]


def main():
    parser = argparse.ArgumentParser(
        prog="tools/bad-neighbour", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="default: SmolLM2 from the cache")
    parser.add_argument("--pairs", type=int, default=5, help="runs of each (default: 5)")
    parser.add_argument("--generate-tokens", type=int, default=256)
    parser.add_argument("--gpt", help="the gpt binary (default: built from this folder)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--default-model", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.model = options.model or options.default_model
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        sys.exit("error: one core, expected two")
    loop = subprocess.Popen(["taskset", "-c", str(cores[1]), sys.executable, "-c",
                             "while True: pass"])
    try:
        pairs = [(rate(options, cores, 2), rate(options, cores, 1)) for _ in range(options.pairs)]
    finally:
        loop.kill()
        loop.wait()
    ratio = statistics.median(two / one for two, one in pairs)
    if options.json:
        print(json.dumps({"ratio": ratio, "goal": GOAL, "pairs": pairs}))
    else:
        for two, one in pairs:
            print(f"2 threads {two:7.1f} tokens/s, 1 thread {one:7.1f}: {two / one:.2f}")
        print(f"median ratio {ratio:.2f} (goal ≥ {GOAL})")
    sys.exit(0 if ratio >= GOAL else 1)


if __name__ == "__main__":
    main()
