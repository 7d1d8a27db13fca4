#!/usr/bin/env python3
"""Makes tiny random checkpoints and the values that the transformers package computes from them.

    venv/bin/python tools/golden.py Tests/Fixtures/models [--verify-gguf LLAMA_VENV/bin/python]

For each model NAME it writes

    NAME/                   Hugging Face layout: config.json, model.safetensors (or shards with an
                            index), tokenizer.json or tokenizer.model, tokenizer_config.json,
                            generation_config.json
    NAME/golden.json        ids (the input), greedy (its greedy continuation), shape, range, texts
    NAME/golden.logits.bin  float32, little endian, row-major, shape [len(ids), vocab]
    NAME.gguf               for some: the same weights, named and permuted as llama.cpp wants them

and, beside the folder, manifest.json: command, versions, tolerance, SHA-256 of each file.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np
import torch
import transformers
from safetensors.numpy import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
import golden_gguf
import golden_tokenizers
from golden_shared import base_versions, load, logits_of, update_manifest, write_json

INPUT_LENGTH = 40
GREEDY_LENGTH = 64
# The greedy continuation must not hang on rounding: least distance between the best and the
# second token, relative to the range of the logits.
LEAST_MARGIN = 2e-3
LEAST_DISTINCT = 12
TOLERANCE = 1e-4

# Vocabulary sizes include the special tokens.
SMALL_VOCAB = 131
VOCAB = 307

LLAMA = dict(
    vocab_size=VOCAB, hidden_size=36, intermediate_size=56, num_hidden_layers=2,
    num_attention_heads=6, num_key_value_heads=2, head_dim=16, max_position_embeddings=128,
    rms_norm_eps=1e-5, initializer_range=0.2, bos_token_id=VOCAB - 3, eos_token_id=VOCAB - 2,
    tie_word_embeddings=False,
)
GPT2 = dict(
    vocab_size=SMALL_VOCAB, n_positions=128, initializer_range=0.2, bos_token_id=SMALL_VOCAB - 1,
    eos_token_id=SMALL_VOCAB - 1, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
)


class Recipe:
    """How one checkpoint is made: its configuration and the ways in which its files differ."""

    def __init__(self, name, family, config, tokenizer, dtype="float32", shard=None,
                 rewrite=None, gguf=None):
        self.name = name
        self.family = family
        self.config = config
        self.tokenizer = tokenizer
        self.dtype = dtype
        self.shard = shard
        self.rewrite = rewrite
        self.gguf = gguf


def published_gpt2(folder):
    """The layout of the published gpt2: no `transformer.` prefix, and the causal masks as tensors."""
    path = folder / "model.safetensors"
    tensors = {name.removeprefix("transformer."): t for name, t in load_file(path).items()}
    config = json.loads((folder / "config.json").read_text())
    length = config["n_positions"]
    mask = np.tril(np.ones((1, 1, length, length), dtype=np.float32))
    for layer in range(config["n_layer"]):
        tensors[f"h.{layer}.attn.bias"] = mask.copy()
    save_file(tensors, path, metadata={"format": "pt"})


def older_config(folder):
    """config.json as before transformers 5: rope_theta and rope_scaling, torch_dtype."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters", None)
    if rope is not None:
        config["rope_theta"] = rope.pop("rope_theta")
        if rope.get("rope_type", "default") != "default":
            config["rope_scaling"] = rope
        else:
            config["rope_scaling"] = None
    if "dtype" in config:
        config["torch_dtype"] = config.pop("dtype")
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def rope(**values):
    return {"rope_theta": 10000.0, **values}


RECIPES = [
    Recipe("gpt2", "gpt2", dict(GPT2, n_embd=48, n_head=3, n_layer=3, n_inner=96), "gpt2",
           gguf="float32"),
    Recipe("gpt2-untied", "gpt2",
           dict(GPT2, n_embd=36, n_head=3, n_layer=2, tie_word_embeddings=False), "gpt2",
           shard="60KB"),
    Recipe("gpt2-published", "gpt2", dict(GPT2, n_embd=24, n_head=2, n_layer=2, n_positions=104),
           "gpt2", rewrite=published_gpt2),
    Recipe("llama", "llama", dict(LLAMA, rope_parameters=rope(rope_type="default")), "llama3",
           rewrite=older_config, gguf="float32"),
    Recipe("llama-rope-llama3", "llama",
           dict(LLAMA, rope_parameters=rope(
               rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
               original_max_position_embeddings=32)),
           "llama3", dtype="bfloat16", rewrite=older_config, gguf="bfloat16"),
    Recipe("llama-rope-linear", "llama",
           dict(LLAMA, tie_word_embeddings=True,
                rope_parameters=rope(rope_type="linear", factor=4.0)),
           "llama3", dtype="float16", gguf="float16"),
    Recipe("llama-rope-yarn", "llama",
           dict(LLAMA, rope_parameters=rope(
               rope_type="yarn", factor=4.0, original_max_position_embeddings=32)),
           "llama3", dtype="bfloat16"),
    Recipe("mistral", "mistral",
           dict(LLAMA, vocab_size=349, sliding_window=7, bos_token_id=1, eos_token_id=2,
                rope_parameters=rope(rope_type="default", rope_theta=1000000.0)),
           "sentencepiece", dtype="bfloat16", rewrite=older_config),
    Recipe("qwen2", "qwen2",
           {**{k: v for k, v in LLAMA.items() if k != "head_dim"}, "hidden_size": 60,
            "intermediate_size": 56, "tie_word_embeddings": True, "rms_norm_eps": 1e-6,
            "rope_parameters": rope(rope_type="default", rope_theta=1000000.0)},
           "qwen2", gguf="float32"),
]

FAMILIES = {
    "gpt2": (transformers.GPT2Config, transformers.GPT2LMHeadModel),
    "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
    "mistral": (transformers.MistralConfig, transformers.MistralForCausalLM),
    "qwen2": (transformers.Qwen2Config, transformers.Qwen2ForCausalLM),
}


def make_model(recipe, seed):
    """A model with every parameter random, biases and gains too, so that none can be forgotten."""
    make_config, make = FAMILIES[recipe.family]
    torch.manual_seed(seed)
    model = make(make_config(**recipe.config)).to(torch.float32)
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                continue
            noise = torch.randn(parameter.shape, generator=generator) * 0.2
            gain = name.endswith("weight")
            parameter.copy_(noise + 1 if gain else noise)
    return model.to(getattr(torch, recipe.dtype))


def greedy_of(model, ids):
    """The continuation without a cache, and its least margin relative to the range."""
    ids = list(ids)
    margins = []
    for _ in range(GREEDY_LENGTH):
        last = logits_of(model, ids)[-1]
        best = torch.topk(last, 2).values
        margins.append(((best[0] - best[1]) / (last.max() - last.min())).item())
        ids.append(int(last.argmax()))
    return ids[-GREEDY_LENGTH:], min(margins)


def make(recipe, folder, seed):
    """Writes the checkpoint of one seed; returns its golden values, or None if it will not do."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    sizes = {"max_shard_size": recipe.shard} if recipe.shard else {}
    make_model(recipe, seed).save_pretrained(folder, **sizes)
    if recipe.rewrite:
        recipe.rewrite(folder)
    for path in folder.iterdir():
        path.chmod(0o644)
    model = load(folder)
    vocab = recipe.config["vocab_size"]
    ids = np.random.default_rng(seed).integers(0, vocab, INPUT_LENGTH).tolist()
    greedy, margin = greedy_of(model, ids)
    if margin < LEAST_MARGIN or len(set(greedy)) < LEAST_DISTINCT:
        return None
    logits = logits_of(model, ids)
    exact = logits_of(load(folder, torch.float64), ids)
    spread = (logits.max() - logits.min()).item()
    logits.numpy().astype("<f4").tofile(folder / "golden.logits.bin")
    return {
        "name": recipe.name,
        "seed": seed,
        "ids": ids,
        "greedy": greedy,
        "shape": list(logits.shape),
        "range": spread,
        "least_greedy_margin": margin,
        "float64_difference": ((logits - exact).abs().max().item()) / spread,
        "tolerance": TOLERANCE,
    }


def make_best(recipe, folder):
    for seed in range(1, 400):
        golden = make(recipe, folder, seed)
        if golden:
            return golden
    sys.exit(f"error: {recipe.name}: no seed gives a comfortable greedy continuation")


def write_manifest(folder, verified):
    update_manifest(folder, "models", {
        "command": "python tools/golden.py Tests/Fixtures/models",
        "requirements": "tools/requirements-golden.txt",
        "versions": {
            **base_versions(), **golden_gguf.versions(), **golden_tokenizers.versions()},
        "precision": "weights widened to float32, computed on a CPU, eager attention",
        "tolerance": {"logits": TOLERANCE, "of": "the range of the logits", "greedy": "identical"},
        "gguf_against_llama_cpp": verified,
    })


def verify_gguf(python, folder, recipe, model, golden):
    """Largest difference of llama.cpp's logits on an F32 GGUF of the model, relative to the range."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.gguf"
        golden_gguf.write(path, recipe.family, model, folder, recipe.tokenizer, "float32")
        reader = Path(__file__).resolve().parent / "lib" / "llama_logits.py"
        ids = Path(scratch) / "ids"
        ids.write_text(" ".join(map(str, golden["ids"])) + "\n")
        output = Path(scratch) / "logits.bin"
        subprocess.run([python, reader, path, ids, output], check=True)
        theirs = np.fromfile(output, "<f4").reshape(golden["shape"])
    ours = np.fromfile(folder / "golden.logits.bin", "<f4").reshape(golden["shape"])
    return float(np.abs(ours - theirs).max() / golden["range"])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", action="append", help="make only the model of this name")
    parser.add_argument("--verify-gguf", metavar="PYTHON",
                        help="a Python that has llama-cpp-python, to compare logits with")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    verified = {}
    manifest = options.folder.parent / "manifest.json"
    if manifest.exists():
        verified = json.loads(manifest.read_text()).get("models", {}).get(
            "gguf_against_llama_cpp", {})
    for recipe in RECIPES:
        if options.only and recipe.name not in options.only:
            continue
        folder = options.folder / recipe.name
        golden = make_best(recipe, folder)
        golden["texts"] = golden_tokenizers.write(
            folder, recipe.tokenizer, recipe.config["vocab_size"])
        write_json(folder / "golden.json", golden)
        line = (f"{recipe.name}: seed {golden['seed']}, range {golden['range']:.1f}, "
                f"margin {golden['least_greedy_margin']:.4f}, "
                f"fp64 {golden['float64_difference']:.1e}, "
                f"{len(set(golden['greedy']))} distinct tokens")
        if recipe.gguf:
            model = load(folder)
            golden_gguf.write(options.folder / f"{recipe.name}.gguf", recipe.family, model, folder,
                              recipe.tokenizer, recipe.gguf)
            if options.verify_gguf:
                verified[recipe.name] = verify_gguf(
                    options.verify_gguf, folder, recipe, model, golden)
                line += f", llama.cpp differs by {verified[recipe.name]:.1e}"
        print(line)
    write_manifest(options.folder, verified)


if __name__ == "__main__":
    main()
