#!/usr/bin/env python3
"""Trains by nanoGPT's CPU recipe with `gpt pretrain` and with PyTorch, seed by seed in turn.

Character level: 4 blocks, 4 heads, width 128, context 64, batch 12, 2,000 steps, no dropout. Loss
is in nats per character over the whole validation split (the last tenth; 111,488 positions of
tinyshakespeare), in windows of 64 that do not overlap. Ours is computed twice: by `gpt pretrain`,
and by Python's transformers from the folder that it saved. Our time is that of the whole process,
preparation of the corpus included; PyTorch's is that of its training loop alone.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from processes import cpu_name, run, run_json, warn_of_neighbours

RECIPE = ["--tokenizer", "characters", "--dedupe", "off", "--validation-share", "0.1",
          "--architecture", "gpt2", "--blocks", "4", "--heads", "4", "--width", "128",
          "--context-length", "64", "--batch-size", "12", "--dropout", "0", "--optimizer", "adamw",
          "--schedule", "cosine", "--warmup-steps", "100", "--learning-rate", "1e-3",
          "--minimum-learning-rate-ratio", "0.1", "--beta1", "0.9", "--beta2", "0.99",
          "--weight-decay", "0.1", "--clip", "1", "--patience", "0", "--validation-batches", "all",
          "--sample-every", "0"]
GOAL = 1.90
# Between our loss and that of transformers on the saved model, which may have been rounded to bf16.
AGREEMENT = 2e-3
RUNNER = Path(__file__).resolve().parent / "nanogpt_run.py"


def environment():
    return {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}


def ours(options, seed, scratch):
    folder = scratch / f"run-{seed}"
    command = [options.gpt, "pretrain", options.corpus, *RECIPE, "--steps", options.steps,
               "--validate-every", options.steps, "--threads", options.threads, "--seed", seed,
               "--cache", scratch / "cache", "--output", folder, *options.gpt_option]
    began = time.perf_counter()
    run(command, "gpt pretrain", environment())
    seconds = time.perf_counter() - began
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    losses = [r["validation_loss"] for r in map(json.loads, lines) if r.get("validation_loss")]
    if not losses:
        sys.exit(f"error: {folder / 'metrics.jsonl'} has no validation_loss")
    checked = evaluate(options, folder, scratch)
    return {"seed": seed, "nats": losses[-1], "seconds": seconds,
            "nats_by_transformers": checked["nats"], "positions": checked["positions"],
            "parameters": checked["parameters"]}


def evaluate(options, folder, scratch):
    """The loss of the saved model in transformers; the ids are those of its own tokenizer."""
    text = options.corpus.read_text(encoding="utf-8")
    validation = text[int(0.9 * len(text)):]
    file, ids = scratch / "validation.txt", scratch / "ids"
    file.write_text(validation, encoding="utf-8")
    ids.write_text(run([options.gpt, "tokenize", "--model", folder, "--file", file,
                        "--no-special"], "gpt tokenize"))
    found = len(ids.read_text().split())
    if found != len(validation):
        sys.exit(f"error: gpt tokenize: {found} ids for {len(validation)} characters")
    return run_json([options.torch_python, RUNNER, "evaluate", folder, ids, "--threads",
                     options.threads], "transformers", environment())


def theirs(options, seed):
    result = run_json([options.torch_python, RUNNER, "train", options.corpus, "--seed", seed,
                       "--steps", options.steps, "--threads", options.threads],
                      "PyTorch", environment())
    return {"seed": seed, **result}


def summary(results):
    if not results:
        return None
    return {key: statistics.mean(r[key] for r in results)
            for key in ("nats", "seconds", "nats_by_transformers") if key in results[0]}


def problems(report):
    found = []
    mean, other = report["mean_ours"], report["mean_theirs"]
    if mean["nats"] > GOAL:
        found.append(f"{mean['nats']:.3f} nats per character, expected at most {GOAL:.2f}")
    if mean["seconds"] >= other["seconds"]:
        found.append(f"{mean['seconds']:.1f} s, PyTorch took {other['seconds']:.1f} s")
    for row in report["ours"]:
        if abs(row["nats"] - row["nats_by_transformers"]) > AGREEMENT:
            found.append(f"seed {row['seed']}: our loss is not what transformers computes")
    return found


def print_table(report):
    print(f"nanoGPT's CPU recipe, {report['steps']} steps, {report['threads']} threads, on "
          f"{report['cpu']}")
    print()
    print("| seed | gpt, nats/character | by transformers | gpt, s | PyTorch, nats/character | "
          "PyTorch, s |")
    print("|---|---|---|---|---|---|")
    ours_by_seed = {row["seed"]: row for row in report["ours"]}
    rows = [(str(row["seed"]), ours_by_seed.get(row["seed"]), row) for row in report["theirs"]]
    for name, a, b in [*rows, ("mean", report["mean_ours"], report["mean_theirs"])]:
        left = (f"{a['nats']:.4f} | {a['nats_by_transformers']:.4f} | {a['seconds']:.1f}" if a
                else "– | – | –")
        print(f"| {name} | {left} | {b['nats']:.4f} | {b['seconds']:.1f} |")


def main():
    parser = argparse.ArgumentParser(
        prog="tools/compare-nanogpt", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, metavar="CORPUS",
                        help="text file; the recipe's figures are those of tinyshakespeare")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--gpt", help="the gpt binary (default: built from this folder)")
    parser.add_argument("--gpt-option", action="append", default=[], metavar="OPTION",
                        help="passed on to gpt pretrain; repeatable")
    parser.add_argument("--torch-only", action="store_true", help="PyTorch alone")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true",
                        help=f"exit 1 above {GOAL:.2f} nats, when slower than PyTorch, or when "
                        "transformers computes another loss")
    parser.add_argument("--torch-python", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.corpus.is_file():
        sys.exit(f"error: {options.corpus}: no such file")
    load = warn_of_neighbours()
    scratch = Path(tempfile.mkdtemp(prefix="compare-nanogpt."))
    left, right = [], []
    try:
        for seed in options.seeds:
            if not options.torch_only:
                left.append(ours(options, seed, scratch))
            right.append(theirs(options, seed))
            if not options.json:
                print(f"seed {seed} done", file=sys.stderr)
    finally:
        shutil.rmtree(scratch)
    report = {"cpu": cpu_name(), "load_before": load, "steps": options.steps,
              "threads": options.threads, "goal": GOAL, "ours": left, "theirs": right, "mean_ours": summary(left),
              "mean_theirs": summary(right)}
    report["problems"] = problems(report) if left else []
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print_table(report)
    if options.check and report["problems"]:
        sys.exit(f"error: {'; '.join(report['problems'])}")


if __name__ == "__main__":
    main()
