#!/usr/bin/env python3
"""Makes LoRA adapters for tiny models and the gradients that peft and torch compute for them.

    venv/bin/python tools/golden_finetuning.py Tests/Fixtures/finetuning

Runs in the environment of tools/requirements-peft.txt. The models are those of Fixtures/models; for
each NAME it writes NAME/ with

    adapter.safetensors       the adapter of every linear layer, all of it random, in float32:
                              blocks.N.LAYER.adapterDown [rank, in] and .adapterUp [out, rank] for
                              the LAYERs query key value attentionOutput gate up down
    supervised.safetensors    d(loss)/d(tensor) by the same names, computed in float64 by peft's
    preference.safetensors    layers and stored as float32
    distillation.safetensors
    golden.json               data, options and losses, see below

golden.json:

    rank, alpha, rank_stabilised       the adapter's scale is alpha / rank, or alpha / √rank
    sequences            [{"ids", "prompt"}]: the first `prompt` tokens are not learned
    pairs                [{"prompt", "chosen", "rejected"}], each a list of ids
    supervised           {"loss"}: cross-entropy, mean over the learned tokens of all sequences
    preference           {"beta", "loss", "accuracy", "margin", "policy", "reference"}: the DPO loss,
                         mean over pairs, with log-probabilities summed over the answer's tokens,
                         the reference being the model with its adapter off; share of pairs with a
                         positive reward margin and its mean; [chosen, rejected] of each pair
    distillation         {"teacher", "temperature", "weight", "loss"}: mean over the learned tokens
                         of (1 - weight) cross-entropy + weight T² KL(teacher ‖ student)
    gradient_noise       largest difference of a float32 gradient from float64, relative to the
                         largest element of its tensor
    tolerance            {"losses", "gradients"}: what ours may differ by, relative to the loss, and
                         to the largest element of the gradient's tensor

Each sequence runs alone, without padding. gpt2's query, key and value are one layer to peft: its
adapter there has three times the rank, and the parts of its up matrix that would let one of the
three see another's are zero and stay out of the files.

The losses follow Hu et al. 2021 (arXiv:2106.09685), Rafailov et al. 2023 (arXiv:2305.18290,
equation 7) and Hinton et al. 2015 (arXiv:1503.02531).
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import peft
import torch
import transformers
from safetensors.torch import save_file
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))
from golden_shared import base_versions, load, update_manifest, write_json

BETA = 0.3
TEMPERATURE = 2.0
WEIGHT = 0.6
DTYPES = (torch.float64, torch.float32)
TOLERANCE = {"losses": 1e-5, "gradients": 1e-4}
# Tokens of a sequence, and how many of them are its prompt.
LENGTHS = [(7, 3), (12, 1), (2, 1), (9, 8)]
# Tokens of a pair's prompt, its chosen and its rejected answer.
PAIRS = [(4, 3, 5), (2, 6, 1), (5, 2, 2)]

LLAMA_LAYERS = {
    "self_attn.q_proj": "query", "self_attn.k_proj": "key", "self_attn.v_proj": "value",
    "self_attn.o_proj": "attentionOutput", "mlp.gate_proj": "gate", "mlp.up_proj": "up",
    "mlp.down_proj": "down",
}
GPT2_LAYERS = {
    "attn.c_attn": None, "attn.c_proj": "attentionOutput", "mlp.c_fc": "up", "mlp.c_proj": "down"}
FUSED = ["query", "key", "value"]


class Recipe:
    """A model with its adapter's shape and a teacher of the same vocabulary."""

    def __init__(self, name, teacher, layers, prefix, rank, alpha, rank_stabilised=False):
        self.name = name
        self.teacher = teacher
        self.layers = layers
        self.prefix = prefix
        self.rank = rank
        self.alpha = alpha
        self.rank_stabilised = rank_stabilised

    def config(self):
        modules = sorted({layer.split(".")[-1] for layer in self.layers})
        is_fused = "c_attn" in modules
        return peft.LoraConfig(
            r=self.rank, lora_alpha=self.alpha, use_rslora=self.rank_stabilised,
            target_modules=modules, fan_in_fan_out=is_fused,
            rank_pattern={"c_attn": 3 * self.rank} if is_fused else {},
            alpha_pattern={"c_attn": 3 * self.alpha} if is_fused else {})


RECIPES = [
    Recipe("llama", "llama-rope-linear", LLAMA_LAYERS, "model.layers", 3, 5, rank_stabilised=True),
    Recipe("gpt2", "gpt2-published", GPT2_LAYERS, "transformer.h", 2, 3),
]


def layer_tensors(recipe, model, gradient=False):
    """Views of the adapter's tensors, or of their gradients, by our names."""
    result = {}
    for block in range(model.config.num_hidden_layers):
        for layer, name in recipe.layers.items():
            module = model.get_submodule(f"base_model.model.{recipe.prefix}.{block}.{layer}")
            down, up = module.lora_A["default"].weight, module.lora_B["default"].weight
            if gradient:
                down, up = down.grad, up.grad
            parts = [(name, down, up)] if name else [
                (fused, down.chunk(3)[i], up.chunk(3)[i].chunk(3, dim=1)[i])
                for i, fused in enumerate(FUSED)]
            for part, a, b in parts:
                result[f"blocks.{block}.{part}.adapterDown"] = a
                result[f"blocks.{block}.{part}.adapterUp"] = b
    return result


def adapted(recipe, folder, dtype, tensors):
    model = peft.get_peft_model(load(folder), recipe.config()).to(dtype).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.zero_()
        for name, view in layer_tensors(recipe, model).items():
            view.copy_(tensors[name])
    return model


def make_tensors(recipe, folder, seed):
    model = peft.get_peft_model(load(folder), recipe.config())
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(view.shape, generator=generator) * 0.2
            for name, view in layer_tensors(recipe, model).items()}


def make_data(vocabulary, seed):
    random = np.random.default_rng(seed)

    def ids(count):
        return random.integers(0, vocabulary, count).tolist()

    sequences = [{"ids": ids(count), "prompt": prompt} for count, prompt in LENGTHS]
    pairs = [{"prompt": ids(p), "chosen": ids(c), "rejected": ids(r)} for p, c, r in PAIRS]
    return sequences, pairs


def learned_logits(model, sequence):
    """Logits [n, V] before the learned tokens, and these tokens [n]."""
    ids = torch.tensor(sequence["ids"])
    logits = model(ids[None, :-1], use_cache=False).logits[0]
    first = sequence["prompt"] - 1
    return logits[first:], ids[first + 1:]


def supervised_loss(model, sequences):
    parts = [learned_logits(model, sequence) for sequence in sequences]
    return functional.cross_entropy(
        torch.cat([logits for logits, _ in parts]), torch.cat([ids for _, ids in parts]))


def distillation_loss(model, teacher, sequences):
    total, count = 0.0, 0
    for sequence in sequences:
        logits, ids = learned_logits(model, sequence)
        with torch.no_grad():
            taught, _ = learned_logits(teacher, sequence)
        divergence = functional.kl_div(
            (logits / TEMPERATURE).log_softmax(-1), (taught / TEMPERATURE).log_softmax(-1),
            reduction="sum", log_target=True)
        total = total + (1 - WEIGHT) * functional.cross_entropy(logits, ids, reduction="sum")
        total = total + WEIGHT * TEMPERATURE**2 * divergence
        count += len(ids)
    return total / count


def answer_scores(model, pairs):
    """Log-probabilities [pairs, 2] of the chosen and the rejected answers."""
    def score(pair, answer):
        logits, ids = learned_logits(
            model, {"ids": pair["prompt"] + pair[answer], "prompt": len(pair["prompt"])})
        return logits.log_softmax(-1).gather(1, ids[:, None]).sum()

    return torch.stack([
        torch.stack([score(pair, "chosen"), score(pair, "rejected")]) for pair in pairs])


def preference(model, pairs):
    with torch.no_grad(), model.disable_adapter():
        reference = answer_scores(model, pairs)
    policy = answer_scores(model, pairs)
    rewards = BETA * (policy - reference)
    margins = rewards[:, 0] - rewards[:, 1]
    values = {
        "beta": BETA, "accuracy": (margins > 0).double().mean().item(),
        "margin": margins.mean().item(), "policy": policy.tolist(), "reference": reference.tolist()}
    return -functional.logsigmoid(margins).mean(), values


def gradients_of(recipe, folder, dtype, tensors, loss_of):
    model = adapted(recipe, folder, dtype, tensors)
    loss = loss_of(model)
    loss.backward()
    return loss.item(), layer_tensors(recipe, model, gradient=True)


def make(recipe, models, folder, seed):
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    base = models / recipe.name
    tensors = make_tensors(recipe, base, seed)
    save_file(tensors, folder / "adapter.safetensors")
    vocabulary = load(base).config.vocab_size
    sequences, pairs = make_data(vocabulary, seed)
    teachers = {dtype: load(models / recipe.teacher).to(dtype) for dtype in DTYPES}
    losses = {
        "supervised": lambda model: supervised_loss(model, sequences),
        "preference": lambda model: preference(model, pairs)[0],
        "distillation": lambda model: distillation_loss(model, teachers[model.dtype], sequences),
    }
    values = {
        "name": recipe.name, "seed": seed, "rank": recipe.rank, "alpha": recipe.alpha,
        "rank_stabilised": recipe.rank_stabilised, "sequences": sequences, "pairs": pairs,
        "supervised": {}, "tolerance": TOLERANCE, "gradient_noise": 0.0,
        "distillation": {
            "teacher": recipe.teacher, "temperature": TEMPERATURE, "weight": WEIGHT},
        "preference": preference(adapted(recipe, base, torch.float64, tensors), pairs)[1]}
    for name, loss_of in losses.items():
        (loss, exact), (_, single) = (
            gradients_of(recipe, base, dtype, tensors, loss_of) for dtype in DTYPES)
        values[name]["loss"] = loss
        save_file({key: g.float().contiguous() for key, g in exact.items()},
                  folder / f"{name}.safetensors")
        values["gradient_noise"] = max(values["gradient_noise"], *(
            ((single[key] - g).abs().max() / g.abs().max()).item() for key, g in exact.items()))
    for path in folder.iterdir():
        path.chmod(0o644)
    write_json(folder / "golden.json", values)
    return values


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    models = options.folder.parent / "models"
    for seed, recipe in enumerate(RECIPES, start=1):
        values = make(recipe, models, options.folder / recipe.name, seed)
        losses = ", ".join(
            f"{key} {values[key]['loss']:.4f}"
            for key in ("supervised", "preference", "distillation"))
        print(f"{recipe.name}: {losses}, accuracy {values['preference']['accuracy']:.2f}, "
              f"noise of gradients {values['gradient_noise']:.1e}")
    update_manifest(options.folder, "finetuning", {
        "command": "python tools/golden_finetuning.py Tests/Fixtures/finetuning",
        "requirements": "tools/requirements-peft.txt",
        "versions": {**base_versions(), "peft": peft.__version__},
        "precision": "float64 on a CPU, eager attention, LoRA layers of peft; float32 states the "
                     "noise",
        "tolerance": {**TOLERANCE, "of": "the loss; the largest element of the tensor"},
    })


if __name__ == "__main__":
    main()
