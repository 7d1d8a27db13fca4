#!/usr/bin/env python3
"""One process's figures of PyTorch training, as `gpt bench --train --json` gives them.

For tools/compare-torch. Compilation and the first steps are not timed.
"""

import argparse
import contextlib
import json
import os
import time

import torch
import torch_gpt

SHAPES = {
    "baby": dict(blocks=6, width=384, heads=6, vocabulary=4096),
    "gpt2": dict(blocks=12, width=768, heads=12, vocabulary=50257),
}


def peak_bytes():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def instructions():
    """What the libraries below PyTorch were told to use; oneDNN and MKL detect the CPU themselves."""
    told = {k: v for k, v in os.environ.items()
            if k.startswith(("ONEDNN_", "DNNL_", "MKL_", "ATEN_", "LD_PRELOAD"))}
    return {"capability": torch.backends.cpu.get_cpu_capability(),
            "amx": bool(torch.cpu._is_amx_tile_supported()),
            "avx512_bf16": bool(torch.cpu._is_avx512_bf16_supported()), "environment": told}


def matrix_peak(precision):
    """Operations a second of the best of a few products of PyTorch's, to judge a step against."""
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = torch.randn(1024, 2048).to(kind), torch.randn(2048, 2048).to(kind)
    best = 0.0
    for _ in range(6):
        began = time.perf_counter()
        left @ right
        best = max(best, 2 * 1024 * 2048 * 2048 / (time.perf_counter() - began))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configuration", choices=sorted(SHAPES), default="baby")
    parser.add_argument("--sequence-length", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=12)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--attention", choices=["sdpa", "written"], default="sdpa")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--warm-up-steps", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    imported = peak_bytes()
    torch.manual_seed(1)
    shape = torch_gpt.Shape(length=options.sequence_length, **SHAPES[options.configuration])
    model = torch_gpt.GPT(shape, written_out=options.attention == "written")
    optimizer = torch_gpt.make_optimizer(model, 6e-4, (0.9, 0.95), 0.1)
    compiled = torch.compile(model) if options.compile else model
    mixed = (torch.autocast("cpu", dtype=torch.bfloat16) if options.precision == "bf16"
             else contextlib.nullcontext())

    def loss_of(inputs, targets):
        with mixed:
            return compiled(inputs, targets)

    count = options.batch_size * options.sequence_length
    batches = torch.randint(
        shape.vocabulary, (options.warm_up_steps + options.steps, 2, options.batch_size,
                           options.sequence_length))
    seconds = []
    for inputs, targets in batches:
        began = time.perf_counter()
        loss = torch_gpt.train_step(model, loss_of, optimizer, inputs, targets).item()
        seconds.append(time.perf_counter() - began)
    timed = seconds[options.warm_up_steps:]
    peak = peak_bytes()
    print(json.dumps({
        "configuration": options.configuration, "precision": options.precision,
        "attention": options.attention, "compiled": options.compile, "threads": options.threads,
        "steps": options.steps, "tokens_per_second": count * len(timed) / sum(timed),
        "fastest_tokens_per_second": count / min(timed),
        "matrix_peak_flops": matrix_peak(options.precision), "peak_bytes": peak,
        "import_bytes": imported, "first_step_seconds": seconds[0], "loss": loss,
        "fused": bool(optimizer.defaults.get("fused")), "version": torch.__version__,
        "instructions": instructions(),
    }))


if __name__ == "__main__":
    main()
