#!/usr/bin/env python3
"""Makes updates by the reference optimizers and rates by nanoGPT's schedule.

    venv/bin/python tools/golden_optimizers.py Tests/Fixtures/optimizers

It writes

    inputs.bin     float32, little endian: the parameters one after the other, then the gradients
                   of each step in the same order
    NAME.bin       the parameters after each step of case NAME
    golden.json    parameters (name, shape, decays), steps, cases (name, options), schedules

and the key `optimizers` of manifest.json beside the folder.

AdamW, SGD and Muon are torch.optim's, computed in float64 from the float32 inputs, so that what
differs is our rounding alone. torch.optim.Muon casts to bfloat16 before Newton-Schulz; that one
cast is replaced by a copy. Lion is the package lion-pytorch of P. Wang, in float64 too.
"""

import argparse
import hashlib
import importlib.metadata
import json
import math
from pathlib import Path
from unittest import mock

import lion_pytorch
import numpy as np
import torch

STEPS = 5
SEED = 20260101
# Of the largest magnitude in a tensor.
TOLERANCE = 1e-6

PARAMETERS = [
    dict(name="tokenEmbedding", shape=[11, 4], decays=True),
    dict(name="blocks.0.query", shape=[3, 5], decays=True),
    dict(name="blocks.0.queryBias", shape=[1, 7], decays=False),
    dict(name="blocks.0.up", shape=[17, 33], decays=True),
    dict(name="blocks.0.down", shape=[29, 8], decays=True),
    dict(name="outputNormGain", shape=[1, 1], decays=False),
]

# rates: of the five steps. Large ones, so that updates are as large as the values.
RATES = [0.1, 0.2, 0.15, 0.05, 0.3]


def case(name, kind, scale=1.0, **options):
    return dict(name=name, kind=kind, gradientScale=scale, **options)


CASES = [
    case("adamw", "adamw", beta1=0.9, beta2=0.95, epsilon=1e-8, weightDecay=0.1),
    case("adamw-torch-defaults", "adamw", beta1=0.9, beta2=0.999, epsilon=1e-8, weightDecay=0.01),
    case("adamw-large-epsilon", "adamw", scale=0.37, beta1=0.8, beta2=0.99, epsilon=0.5,
         weightDecay=0.3),
    case("sgd", "sgd", momentum=0.9, nesterov=False, weightDecay=0.0),
    case("sgd-nesterov", "sgd", scale=0.37, momentum=0.9, nesterov=True, weightDecay=0.05),
    case("lion", "lion", beta1=0.9, beta2=0.99, weightDecay=1.0),
    case("lion-scaled", "lion", scale=0.37, beta1=0.95, beta2=0.98, weightDecay=0.1),
    case("muon", "muon", momentum=0.95, nesterov=True, weightDecay=0.1, muonAdjustment="original",
         beta1=0.9, beta2=0.95, epsilon=1e-8),
    case("muon-match", "muon", scale=0.37, momentum=0.9, nesterov=False, weightDecay=0.1,
         muonAdjustment="matchAdamW", beta1=0.9, beta2=0.95, epsilon=1e-8),
]


def make_inputs():
    """Values and gradients; a gradient's elements span six decimal orders, and some are zero."""
    generator = np.random.default_rng(SEED)
    values = [generator.normal(0, 0.5, p["shape"]).astype(np.float32) for p in PARAMETERS]
    gradients = []
    for _ in range(STEPS):
        step = []
        for p in PARAMETERS:
            gradient = generator.normal(0, 1, p["shape"])
            if p["name"] in ("tokenEmbedding", "blocks.0.queryBias"):
                gradient *= 10 ** generator.uniform(-6, 0, p["shape"])
                gradient[generator.uniform(size=p["shape"]) < 0.1] = 0
            step.append(gradient.astype(np.float32))
        gradients.append(step)
    return values, gradients


def groups(chosen, options):
    """Parameters that decay and those that do not."""
    decays = [p for p, description in chosen if description["decays"]]
    rest = [p for p, description in chosen if not description["decays"]]
    made = [dict(params=decays, weight_decay=options["weightDecay"]),
            dict(params=rest, weight_decay=0.0)]
    return [group for group in made if group["params"]]


def make_optimizers(options, parameters):
    kind = options["kind"]
    chosen = list(zip(parameters, PARAMETERS))
    if kind == "lion":
        return [lion_pytorch.Lion(groups(chosen, options), betas=(options["beta1"], options["beta2"]))]
    if kind == "sgd":
        return [torch.optim.SGD(groups(chosen, options), momentum=options["momentum"],
                                nesterov=options["nesterov"])]
    adamw = dict(betas=(options["beta1"], options["beta2"]), eps=options["epsilon"])
    if kind == "adamw":
        return [torch.optim.AdamW(groups(chosen, options), **adamw)]
    matrices = [c for c in chosen if c[1]["name"].startswith("blocks.") and c[1]["shape"][0] > 1]
    others = [c for c in chosen if not any(c is m for m in matrices)]
    adjustment = {"original": "original", "matchAdamW": "match_rms_adamw"}
    return [
        torch.optim.Muon(groups(matrices, options), momentum=options["momentum"],
                         nesterov=options["nesterov"],
                         adjust_lr_fn=adjustment[options["muonAdjustment"]]),
        torch.optim.AdamW(groups(others, options), **adamw),
    ]


def run(options, values, gradients):
    """The parameters after each step, in float64."""
    parameters = [torch.nn.Parameter(torch.tensor(v, dtype=torch.float64)) for v in values]
    optimizers = make_optimizers(options, parameters)
    results = []
    for rate, step in zip(RATES, gradients):
        for parameter, gradient in zip(parameters, step):
            parameter.grad = torch.tensor(gradient, dtype=torch.float64) * options["gradientScale"]
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            with mock.patch.object(torch.Tensor, "bfloat16", torch.Tensor.clone):
                optimizer.step()
        results.append([p.detach().numpy().copy() for p in parameters])
    return results


def nano_gpt_rates(peak, minimum, warmup, total):
    """get_lr of nanoGPT's train.py, for iterations 0 to total + 1."""
    rates = []
    for it in range(total + 2):
        if it < warmup:
            rates.append(peak * (it + 1) / (warmup + 1))
        elif it > total:
            rates.append(minimum)
        else:
            ratio = (it - warmup) / (total - warmup)
            rates.append(minimum + 0.5 * (1.0 + math.cos(math.pi * ratio)) * (peak - minimum))
    return rates


SCHEDULES = [
    dict(peak=1e-3, minimum=1e-4, warmup=10, total=40),
    dict(peak=6e-4, minimum=0.0, warmup=0, total=25),
    dict(peak=0.3, minimum=0.3, warmup=3, total=7),
]


def flat(arrays):
    return np.concatenate([np.asarray(a).reshape(-1) for a in arrays]).astype("<f4")


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_manifest(folder):
    """Replaces the key `optimizers` of the manifest beside the folder."""
    path = folder.parent / "manifest.json"
    manifest = json.loads(path.read_text()) if path.exists() else {}
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    manifest["optimizers"] = {
        "command": "python tools/golden_optimizers.py Tests/Fixtures/optimizers",
        "requirements": "tools/requirements-golden.txt",
        "versions": {
            "lion-pytorch": importlib.metadata.version("lion-pytorch"),
            "numpy": np.__version__, "torch": torch.__version__.split("+")[0],
        },
        "precision": "float64 from float32 inputs; torch.optim.Muon without its cast to bfloat16",
        "tolerance": {"updates": TOLERANCE, "of": "the largest magnitude in a tensor"},
        "files": {str(p.relative_to(folder.parent)): sha256(p) for p in files},
    }
    path.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    values, gradients = make_inputs()
    np.concatenate([flat(values)] + [flat(step) for step in gradients]).tofile(folder / "inputs.bin")
    for options in CASES:
        results = run(options, values, gradients)
        np.concatenate([flat(step) for step in results]).tofile(folder / f"{options['name']}.bin")
    schedules = [dict(s, rates=nano_gpt_rates(**s)) for s in SCHEDULES]
    golden = dict(tolerance=TOLERANCE, parameters=PARAMETERS, rates=RATES, cases=CASES, schedules=schedules)
    (folder / "golden.json").write_text(json.dumps(golden, indent=1) + "\n", encoding="ascii")
    write_manifest(folder)


if __name__ == "__main__":
    main()
