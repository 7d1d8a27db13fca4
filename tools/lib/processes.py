"""Runs other programs and reads what they print, for the comparing scripts."""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path


def run(command, what, environment=None, given=""):
    """What a process prints that is given a text; ends this one, with its last words, if it fails."""
    command = [str(part) for part in command]
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, errors="replace", check=False, env=environment)
    if done.returncode != 0:
        sys.exit(f"error: {what} ended with {done.returncode}: {' '.join(command)}\n"
                 f"{done.stderr[-2000:]}")
    return done.stdout


def run_json(command, what, environment=None):
    """The object that a process prints, perhaps over several lines."""
    output = run(command, what, environment)
    try:
        return json.loads(output[output.index("{"):])
    except ValueError:
        sys.exit(f"error: {what} printed no JSON object: {output[-500:]!r}")


def cpu_name():
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return "unknown"


def warn_of_neighbours():
    """PyTorch's threads wait for each other, so a busy core costs it more than it costs us."""
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"warning: {load:.1f} other processes want this machine's cores (load of the last "
              "minute); ratios will flatter gpt", file=sys.stderr)
    return load


def computing_environment(threads, **more):
    """Settings of OpenBLAS on this machine would change what either side computes with."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    return {**kept, "OMP_NUM_THREADS": str(threads), **more}


def pinned(threads):
    """The beginning of a command that may use as many cores as it has threads."""
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "--cpu-list", ",".join(map(str, cores[:threads]))]


def median(results, key):
    return statistics.median(r[key] for r in results)


def spread(results, key="tokens_per_second"):
    """From least to most, as a share of the median."""
    values = [r[key] for r in results]
    return (max(values) - min(values)) / statistics.median(values)
