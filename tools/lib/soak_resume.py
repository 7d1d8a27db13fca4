#!/usr/bin/env python3
"""Kills a small `gpt pretrain` with SIGKILL at random moments, resumes it, and compares the end.

First a run is left alone. Then the same run is killed and resumed until it ends, and its folder
must equal the first one's byte for byte, but for how long things took. Rounds of this go on until
there were --kills kills. Half of them come at a random time, half within milliseconds of a change
in the run's folder, where files are being written.

Exit status: 0 equal; 1 not so, and the folders are kept.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODEL = ["--tokenizer", "bytes", "--dedupe", "off", "--architecture", "llama", "--blocks", "2",
         "--heads", "4", "--key-value-heads", "2", "--width", "48", "--context-length", "48"]
TRAINING = ["--batch-size", "4", "--accumulate", "2", "--dropout", "0.1", "--ema", "0.95",
            "--log-every", "1", "--validate-every", "12", "--validation-batches", "2",
            "--checkpoint-every", "5", "--sample-every", "24", "--patience", "0", "--keep", "2",
            "--seed", "7"]
# Differ from run to run, or describe what does.
TIMING = {"seconds", "tokens_per_second", "model_flops_utilisation", "memory_bytes", "checksum"}
IGNORED = {"report.html", "run.lock"}
# A resume that gets nowhere, were it only because the machine is slow, must not go on for ever.
MOST_ATTEMPTS_PER_KILL = 5


def make_text(path, seed=1):
    """Sentences of made-up words, enough for a few thousand windows."""
    source = random.Random(seed)
    letters = "etaoinshrdlucmfwypvbgk"
    words = ["".join(source.choices(letters, k=source.randint(2, 9))) for _ in range(400)]
    lines = []
    for _ in range(3000):
        chosen = source.choices(words, weights=[1 / (i + 1) for i in range(400)], k=12)
        lines.append(" ".join(chosen).capitalize() + ".")
    path.write_text("\n".join(lines) + "\n")


class Run:
    """One folder that a run is started in, killed, and resumed."""

    def __init__(self, options, folder, log):
        self.options = options
        self.folder = folder
        self.log = log

    def start(self):
        command = [self.options.gpt, "pretrain"]
        if (self.folder / "run.json").exists():
            command += ["--resume", self.folder]
        else:
            # Killed before there was anything to resume.
            shutil.rmtree(self.folder, ignore_errors=True)
            command += [self.options.corpus, *MODEL, *TRAINING, "--steps", self.options.steps,
                        "--threads", self.options.threads, "--cache", self.options.cache,
                        "--output", self.folder]
        self.log.write(f"\n$ {' '.join(map(str, command))}\n")
        self.log.flush()
        return subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL,
                                stdout=self.log, stderr=self.log)

    def finish(self, process):
        status = process.wait()
        if status != 0:
            sys.exit(f"error: gpt pretrain ended with {status}; see {self.log.name}")

    def listing(self):
        try:
            return [(entry.name, entry.stat().st_mtime_ns)
                    for folder in (self.folder, self.folder / "checkpoints") if folder.exists()
                    for entry in os.scandir(folder)]
        except OSError:
            return None

    def wait_for_change(self, process, seconds):
        before, end = self.listing(), time.monotonic() + seconds
        while time.monotonic() < end and process.poll() is None and self.listing() == before:
            time.sleep(0.0005)


def round_of_kills(run, source, wanted, seconds):
    """Kills the run up to `wanted` times and lets it end; how often, and at which steps."""
    steps = []
    for _ in range(wanted * MOST_ATTEMPTS_PER_KILL):
        process = run.start()
        deadline = time.monotonic() + source.uniform(0, seconds)
        while time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.001)
        if source.random() < 0.5:
            run.wait_for_change(process, seconds)
            time.sleep(source.uniform(0, 0.004))
        if process.poll() is not None:
            run.finish(process)
            return steps
        process.kill()
        process.wait()
        steps.append(last_step(run.folder))
        if len(steps) == wanted:
            run.finish(run.start())
            return steps
    sys.exit("error: the run gets nowhere")


def last_step(folder):
    """The last checkpoint's, as its folder is named."""
    names = sorted(p.name for p in (folder / "checkpoints").glob("step-[0-9]*"))
    return int(names[-1].removeprefix("step-").split(".")[0]) if names else 0


def untimed(value):
    if isinstance(value, dict):
        return {k: untimed(v) for k, v in value.items() if k not in TIMING}
    return [untimed(v) for v in value] if isinstance(value, list) else value


def contents(path):
    """What must be equal: bytes, or for files that say how long something took, the rest."""
    data = path.read_bytes()
    if path.name == "trainer_state.json":
        return untimed(json.loads(data))
    if path.name == "metrics.jsonl":
        return [untimed(json.loads(line)) for line in data.splitlines()]
    return data


def files_of(folder):
    return {str(p.relative_to(folder)): p for p in folder.rglob("*")
            if p.is_file() and p.name not in IGNORED}


def differences(expected, found):
    a, b = files_of(expected), files_of(found)
    result = [f"{name}: missing" for name in sorted(a.keys() - b.keys())]
    result += [f"{name}: not in the run left alone" for name in sorted(b.keys() - a.keys())]
    result += [f"{name}: differs" for name in sorted(a.keys() & b.keys())
               if contents(a[name]) != contents(b[name])]
    return result


def soak(options, folder):
    if not options.corpus:
        options.corpus = folder / "corpus.txt"
        make_text(options.corpus)
    options.cache = folder / "cache"
    source = random.Random(options.random_seed)
    with open(folder / "log", "w", encoding="utf-8") as log:
        alone = Run(options, folder / "alone", log)
        alone.finish(alone.start())  # prepares the corpus, too
        shutil.rmtree(alone.folder)
        began = time.monotonic()
        alone.finish(alone.start())
        seconds = time.monotonic() - began
        rounds, kills = [], []
        while len(kills) < options.kills:
            run = Run(options, folder / f"killed-{len(rounds) + 1}", log)
            # Short enough for several kills a round, long enough to get past a checkpoint.
            steps = round_of_kills(run, source, options.kills - len(kills), seconds / 3)
            kills += steps
            found = differences(alone.folder, run.folder)
            rounds.append({"kills": len(steps), "at_checkpoints": steps, "differences": found})
            if not options.json:
                print(f"round {len(rounds)}: {len(steps)} kills after checkpoints "
                      f"{' '.join(map(str, steps))}: {'; '.join(found) or 'equal'}", flush=True)
    return {"kills": len(kills), "seconds_alone": seconds, "rounds": rounds,
            "files": len(files_of(alone.folder)),
            "equal": not any(r["differences"] for r in rounds)}


def main():
    parser = argparse.ArgumentParser(
        prog="tools/soak-resume", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--corpus", type=Path, help="text to train on (default: made up)")
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--random-seed", type=int, default=time.time_ns() % 10**6,
                        help="of the moments (default: another each time)")
    parser.add_argument("--gpt", help="the gpt binary (default: built from this folder)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if min(options.kills, options.steps, options.threads) < 1:
        parser.error("--kills, --steps and --threads must be at least 1")
    folder = Path(tempfile.mkdtemp(prefix="soak-resume."))
    report = {"random_seed": options.random_seed, **soak(options, folder)}
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print(f"{report['kills']} kills, {report['files']} files, random seed "
              f"{report['random_seed']}: {'equal' if report['equal'] else 'not equal'}")
    if not report["equal"]:
        sys.exit(f"error: runs differ; kept in {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
