#!/usr/bin/env python3
"""Makes random LoRA adapters for the tiny models of tools/golden.py and what peft computes with them.

    venv/bin/python tools/golden_adapters.py Tests/Fixtures/adapters

The bases are those of Tests/Fixtures/models, found beside the folder. For each adapter NAME it writes

    NAME/adapter_config.json, NAME/adapter_model.safetensors   as peft saves them
    NAME/golden.json         base: name of the model; adapters: [[NAME, scale], …], which are added;
                             ids: the input; shape, range: of the logits; change: largest difference
                             from the base's logits, relative to the range
    NAME/golden.logits.bin   float32, little endian, row-major, shape [len(ids), vocab]

A sum of adapters has only the last two. It needs tools/requirements-peft.txt.
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import peft
import torch
import transformers
from peft.tuners.lora import LoraLayer

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from golden_shared import base_versions, load, logits_of, update_manifest, write_json

INPUT_LENGTH = 24
TOLERANCE = 1e-4
# Smaller changes would hide behind the tolerance.
LEAST_CHANGE = 0.05

# name: base, type of the file, options of LoraConfig
ADAPTERS = {
    "llama-all": ("llama", torch.float32, dict(
        r=4, lora_alpha=6, lora_dropout=0.1, target_modules="all-linear",
        rank_pattern={"q_proj": 3, r"^model\.layers.1.*down_proj": 5},
        alpha_pattern={"layers.0.self_attn.v_proj": 11})),
    "llama-part": ("llama", torch.bfloat16, dict(
        r=5, lora_alpha=8, use_rslora=True, target_modules=["q_proj", "v_proj"],
        layers_to_transform=[1])),
    "gpt2-all": ("gpt2", torch.float16, dict(
        r=3, lora_alpha=7, target_modules=["c_attn", "c_proj", "c_fc"], fan_in_fan_out=True)),
}
SUMS = {"llama-sum": ("llama", [("llama-all", 0.5), ("llama-part", -1.25)])}


def write_adapter(name, folder, models, seed):
    base, dtype, options = ADAPTERS[name]
    config = peft.LoraConfig(task_type="CAUSAL_LM", **options)
    model = peft.get_peft_model(load(models / base), config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "lora_" in key:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.25)
    model.to(dtype).save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    # Where this machine keeps the base, and the order of a set, are nobody's business.
    config["base_model_name_or_path"] = base
    config["target_modules"] = sorted(config["target_modules"])
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    for file in folder.iterdir():
        file.chmod(0o644)


def adapted(base, adapters, root, models, dtype):
    """peft's model with the saved adapters, each multiplied by its scale."""
    first = adapters[0][0]
    model = peft.PeftModel.from_pretrained(
        load(models / base, dtype), root / first, adapter_name=first, autocast_adapter_dtype=False)
    for name, _ in adapters[1:]:
        model.load_adapter(root / name, adapter_name=name, autocast_adapter_dtype=False)
    model.base_model.set_adapter([name for name, _ in adapters])
    for module in model.modules():
        if isinstance(module, LoraLayer):
            for name, scale in adapters:
                if name in module.scaling:
                    module.scaling[name] *= scale
    return model.to(dtype).eval()


def write_golden(name, base, adapters, root, models, seed):
    plain = load(models / base)
    ids = np.random.default_rng(seed).integers(0, plain.config.vocab_size, INPUT_LENGTH).tolist()
    logits = logits_of(adapted(base, adapters, root, models, torch.float32), ids)
    exact = logits_of(adapted(base, adapters, root, models, torch.float64), ids)
    spread = (logits.max() - logits.min()).item()
    change = (logits - logits_of(plain, ids)).abs().max().item() / spread
    if change < LEAST_CHANGE:
        sys.exit(f"error: {name}: changes the logits by {change} of their range only")
    logits.numpy().astype("<f4").tofile(root / name / "golden.logits.bin")
    noise = (logits - exact).abs().max().item() / spread
    write_json(root / name / "golden.json", {
        "base": base, "adapters": adapters, "ids": ids, "shape": list(logits.shape),
        "range": spread, "change": change, "float64_difference": noise, "tolerance": TOLERANCE})
    print(f"{name}: range {spread:.1f}, change {change:.2f}, fp64 {noise:.1e}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    models = options.folder.parent / "models"
    for seed, name in enumerate([*ADAPTERS, *SUMS], start=1):
        folder = options.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if name in ADAPTERS:
            write_adapter(name, folder, models, seed)
            base, adapters = ADAPTERS[name][0], [(name, 1.0)]
        else:
            base, adapters = SUMS[name]
        write_golden(name, base, adapters, options.folder, models, seed)
    update_manifest(options.folder, "adapters", {
        "command": "python tools/golden_adapters.py Tests/Fixtures/adapters",
        "requirements": "tools/requirements-peft.txt",
        "versions": {**base_versions(), "peft": peft.__version__},
        "precision": "weights widened to float32, computed on a CPU, eager attention",
        "tolerance": {"logits": TOLERANCE, "of": "the range of the logits"},
    })


if __name__ == "__main__":
    main()
