#!/usr/bin/env python3
"""Runs `gpt bench --finetune` and LoRA steps of peft + transformers in turn, each a new process.

The base is a quantised .gguf. gpt trains an adapter over it as it is; peft over the same weights
dequantised by transformers' own reader. Both take the same rows: full, without padding, and adapt
all linear layers but the output. peft runs eagerly and compiled, with fp32 weights (products as
they are, in bf16, or under bf16 autocast), with bf16 weights under an fp32 adapter, and with bf16
throughout, each with tcmalloc; its best mode is then run in turn with ours. A ratio above 1 means
that gpt is faster; a memory ratio below 1, that it is smaller: the peak of the whole process, and
in brackets what is left of it without the imports of Python. Both sides are pinned to as many
cores as they have threads. Only ratios from one run of this script count: the machine may be
shared. The first run takes an hour, as torch.compile compiles; later ones about half of it.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from processes import (
    computing_environment, cpu_name, median, pinned, run, run_json, spread, warn_of_neighbours)

LIB = Path(__file__).resolve().parent
# The ratio that is wanted, and that of the memory of ours to theirs.
LEAST_SPEED, MOST_MEMORY = 2.0, 0.5
PRECISIONS = ("fp32", "bf16-products", "bf16-autocast", "bf16-weights", "bf16-all")


@dataclass(frozen=True)
class Mode:
    precision: str
    compiled: bool
    attention: str = "sdpa"

    def __str__(self):
        return (f"{self.precision}, {'compiled' if self.compiled else 'eager'}, "
                f"{self.attention} attention")


class Runner:
    def __init__(self, options):
        self.options = options
        self.version = None
        cache = Path(options.cache)
        self.folder = run([options.peft_python, LIB / "dequantised.py", options.model,
                           cache / "models"], "dequantising").strip()
        self.more = {"TORCHINDUCTOR_CACHE_DIR": str(cache / "torch-inductor")}
        if options.tcmalloc:
            self.more["LD_PRELOAD"] = options.tcmalloc

    def shape(self, threads, steps):
        return ["--lora-rank", self.options.lora_rank, "--sequence-length",
                self.options.sequence_length, "--batch-size", self.options.batch_size,
                "--threads", threads, "--steps", steps]

    def ours(self, threads):
        command = [*pinned(threads), self.options.gpt, "bench", "--finetune", "--model",
                   self.options.model, *self.shape(threads, self.options.steps), "--json",
                   *self.options.gpt_option]
        return self.said(f"{threads} threads, gpt",
                         run_json(command, "gpt bench --finetune", computing_environment(threads)))

    def theirs(self, threads, mode, steps):
        command = [*pinned(threads), self.options.peft_python, LIB / "peft_bench.py",
                   "--model", self.folder, *self.shape(threads, steps),
                   "--precision", mode.precision, "--attention", mode.attention]
        if mode.compiled:
            command.append("--compile")
        result = run_json(command, "peft", computing_environment(threads, **self.more))
        self.version, self.instructions = result["version"], result["instructions"]
        return self.said(f"{threads} threads, peft {mode}", result)

    def said(self, side, result):
        print(f"{side}: {result['tokens_per_second']:.0f} tokens/s, "
              f"{result['peak_bytes'] / 2**20:.0f} MiB, loss {result['loss']:.3f}",
              file=sys.stderr, flush=True)
        return result


def scout(runner, threads):
    """Every precision, eager and compiled; then the fastest with the other attention, too."""
    def tried(mode):
        return mode, runner.theirs(threads, mode, runner.options.scouting_steps)

    def fastest(pair):
        return -pair[1]["fastest_tokens_per_second"]

    compiled = (False,) if runner.options.no_compile else (False, True)
    results = [tried(Mode(precision, choice))
               for precision, choice in product(runner.options.precision or PRECISIONS, compiled)]
    best = min(results, key=fastest)[0]
    results.append(tried(Mode(best.precision, best.compiled, "eager")))
    return sorted(results, key=fastest)


def row_of(threads, mode, ours, theirs):
    row = {
        "threads": threads, "mode": str(mode), "theirs": median(theirs, "tokens_per_second"),
        "theirs_peak_bytes": median(theirs, "peak_bytes"), "theirs_spread": spread(theirs),
        "theirs_import_bytes": median(theirs, "import_bytes"),
        "theirs_loss": theirs[0]["loss"],
    }
    if not ours:
        return row
    pairs = [a["tokens_per_second"] / b["tokens_per_second"] for a, b in zip(ours, theirs)]
    peak = median(ours, "peak_bytes")
    return row | {
        "ours": median(ours, "tokens_per_second"), "ours_peak_bytes": peak,
        "ours_spread": spread(ours), "ours_loss": ours[0]["loss"],
        "buffers_after_first_step": max(r["buffers_after_first_step"] for r in ours),
        "lowest": min(pairs), "highest": max(pairs),
        "ratio": median(ours, "tokens_per_second") / row["theirs"],
        "memory_ratio": peak / row["theirs_peak_bytes"],
        "memory_ratio_without_imports":
            peak / (row["theirs_peak_bytes"] - row["theirs_import_bytes"]),
    }


def measure(runner, threads, mode):
    ours, theirs = [], []
    for _ in range(runner.options.pairs):
        if runner.options.gpt:
            ours.append(runner.ours(threads))
        theirs.append(runner.theirs(threads, mode, runner.options.steps))
    return row_of(threads, mode, ours, theirs)


def misses(rows):
    result = []
    for row in rows:
        if row.get("ratio", LEAST_SPEED) < LEAST_SPEED:
            result.append(f"speed with {row['threads']} threads")
        if row.get("memory_ratio", 0) > MOST_MEMORY:
            result.append(f"memory with {row['threads']} threads")
    return result


def print_table(report):
    print(f"LoRA of rank {report['lora_rank']} over {report['model']}, "
          f"{report['batch_size']} rows of {report['sequence_length']} tokens, on {report['cpu']}; "
          f"{report['version']}")
    print()
    print("| threads | gpt, tokens/s | peft (best mode) | ratio | goal | pairs' ratios | "
          "spread gpt/peft | memory, MiB | memory ratio | goal |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for row in report["rows"]:
        theirs = f"{row['theirs']:.0f} ({row['mode']})"
        memory = row["theirs_peak_bytes"] / 2**20
        if "ours" not in row:
            print(f"| {row['threads']} | – | {theirs} | – | {LEAST_SPEED:.1f} | – | "
                  f"–/{row['theirs_spread']:.0%} | –/{memory:.0f} | – | {MOST_MEMORY:.1f} |")
            continue
        print(f"| {row['threads']} | {row['ours']:.0f} | {theirs} | {row['ratio']:.2f} | "
              f"{LEAST_SPEED:.1f} | {row['lowest']:.2f}–{row['highest']:.2f} | "
              f"{row['ours_spread']:.0%}/{row['theirs_spread']:.0%} | "
              f"{row['ours_peak_bytes'] / 2**20:.0f}/{memory:.0f} | {row['memory_ratio']:.2f} "
              f"({row['memory_ratio_without_imports']:.2f}) | {MOST_MEMORY:.1f} |")
    print()
    print(f"| peft's mode ({report['scouted_with']} threads) | tokens/s of its fastest step | "
          "memory, MiB | loss |")
    print("|---|---|---|---|")
    for mode, figures in report["modes"].items():
        print(f"| {mode} | {figures['fastest_tokens_per_second']:.0f} | "
              f"{figures['peak_bytes'] / 2**20:.0f} | {figures['loss']:.3f} |")


def parse():
    parser = argparse.ArgumentParser(
        prog="tools/compare-peft", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a .gguf (default: SmolLM2 from the cache)")
    parser.add_argument("--lora-rank", type=int, default=8)
    parser.add_argument("--sequence-length", type=int, default=512)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--threads", type=int, action="append",
                        help="repeatable (default: 1 and 2)")
    parser.add_argument("--pairs", type=int, default=3, help="runs of each side (default 3)")
    parser.add_argument("--steps", type=int, default=4, help="to time in a run (default 4)")
    parser.add_argument("--scouting-steps", type=int, default=2, help="for a mode (default 2)")
    parser.add_argument("--precision", action="append", choices=PRECISIONS,
                        help="of peft; repeatable (default: all)")
    parser.add_argument("--no-compile", action="store_true", help="peft's eager modes only")
    parser.add_argument("--gpt", help="the gpt binary (default: built from this folder)")
    parser.add_argument("--gpt-option", action="append", default=[], metavar="OPTION",
                        help="passed on to gpt bench; repeatable")
    parser.add_argument("--peft-only", action="store_true", help="peft's modes alone")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true",
                        help=f"exit 1 below {LEAST_SPEED} × the speed, or above {MOST_MEMORY} × "
                        "the memory")
    for name in ("--peft-python", "--tcmalloc", "--cache", "--default-model"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.threads = sorted(set(options.threads or [1, 2]))
    for name in ("lora_rank", "sequence_length", "batch_size", "pairs", "steps", "scouting_steps"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    if options.threads[0] < 1:
        parser.error("--threads must be at least 1")
    options.model = options.model or options.default_model
    if not Path(options.model).is_file():
        sys.exit(f"error: {options.model}: no such file")
    if options.peft_only:
        options.gpt = None
    return options


def main():
    options = parse()
    load = warn_of_neighbours()
    runner = Runner(options)
    tried = scout(runner, options.threads[-1])
    rows = [measure(runner, threads, tried[0][0]) for threads in options.threads]
    report = {
        "model": Path(options.model).name, "cpu": cpu_name(), "load_before": load,
        "version": runner.version, "instructions": runner.instructions,
        "lora_rank": options.lora_rank, "sequence_length": options.sequence_length,
        "batch_size": options.batch_size, "pairs": options.pairs, "steps": options.steps,
        "least_speed": LEAST_SPEED, "most_memory": MOST_MEMORY, "rows": rows,
        "scouted_with": options.threads[-1],
        "modes": {str(mode): {k: result[k] for k in (
            "fastest_tokens_per_second", "peak_bytes", "import_bytes", "first_step_seconds",
            "loss")} for mode, result in tried},
        "misses": misses(rows),
    }
    print(json.dumps(report, indent=2)) if options.json else print_table(report)
    if options.check and report["misses"]:
        sys.exit(f"error: not met: {', '.join(report['misses'])}")


if __name__ == "__main__":
    main()
