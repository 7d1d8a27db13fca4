"""Runs other programs and reads what they print, for the comparing scripts."""

import json
import os
import subprocess
import sys
from pathlib import Path


def run(command, what, environment=None):
    """What a process prints; ends this one, with its last words, if it fails."""
    command = [str(part) for part in command]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, errors="replace", check=False,
                          env=environment)
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
