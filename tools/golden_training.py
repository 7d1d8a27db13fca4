#!/usr/bin/env python3
"""Makes tiny random models and what transformers and torch compute when they train them.

    venv/bin/python tools/golden_training.py Tests/Fixtures/training

For each model NAME it writes NAME/ with

    config.json, model.safetensors   the initial weights in float32, Hugging Face layout
    batches.json                     {"sequences": B, "length": T, "batches": [{"inputs": [...],
                                     "targets": [...]}]}: ten batches, each list row-major [B, T];
                                     a target of -100 is not counted (batch `ignoring_batch`)
    gradients.safetensors            float32, by the names and in the shapes of model.safetensors:
                                     d(mean loss of batch 0)/d(parameter), not clipped
    regularised.safetensors          the same for batch `regularised.batch` with label smoothing and
                                     z-loss together
    golden.json                      numbers, see below

golden.json:

    learning_rate, betas, epsilon, weight_decay   of torch.optim.AdamW; the decay is on parameters
                                     of two dimensions (embeddings included), not on the others
    losses, losses_float64           ten mean losses (nats per counted target), each before its
                                     update, with no clipping; batch k at step k
    gradient_norms                   of the same run: the norm of all gradients together, each step
    clipped                          {"norm": 1.0, "losses", "losses_float64", "gradient_norms"}:
                                     the same with torch.nn.utils.clip_grad_norm_; norms before it
    regularised                      {"batch", "plain", "smoothing": {"label_smoothing", "loss",
                                     "loss_float64"}, "z": {"z_loss", …}, "both": {both, …}}: losses
                                     of the initial weights; `both` belongs to regularised.safetensors
                                     (its z-loss is large, so that its gradient counts)
    gradient_noise                   largest difference of a float32 gradient from float64, relative
                                     to the largest element of its tensor
    tolerance                        {"losses", "gradients"}: what ours may differ by, relative to
                                     the loss, and to the largest element of the gradient's tensor

The loss of counted positions is torch's cross entropy with `label_smoothing` (mixed with the uniform
distribution over the vocabulary) plus z_loss · (log Z)², Z the sum of exponentials of the logits
(PaLM, arXiv:2204.02311, section 5), both as means over counted positions.

A gradient that is zero in exact arithmetic is noise here: the key third of gpt2's c_attn.bias, to
which the softmax is blind. Compare with the largest element of the whole tensor, not of that third.
"""

import argparse
import shutil
from pathlib import Path

import golden
import numpy as np
import torch
import transformers
from safetensors.torch import save_file

STEPS = 10
SEQUENCES = 3
LENGTH = 13
VOCAB = 61
IGNORED = -100
IGNORING_BATCH = 3

LEARNING_RATE = 1e-3
BETAS = (0.9, 0.95)
EPSILON = 1e-8
WEIGHT_DECAY = 0.1
CLIP = 1.0
# Ten losses without weight decay, or with beta2 .999, differ by 1e-4 to 3e-4; the noise is 2e-7.
TOLERANCE = {"losses": 1e-5, "gradients": 1e-4}

LLAMA = dict(
    vocab_size=VOCAB, hidden_size=24, intermediate_size=40, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=16, rms_norm_eps=1e-5,
    initializer_range=0.2, bos_token_id=VOCAB - 2, eos_token_id=VOCAB - 1,
    rope_parameters=golden.rope(rope_type="default"),
)

RECIPES = [
    golden.Recipe("gpt2", "gpt2", dict(
        golden.GPT2, vocab_size=VOCAB, bos_token_id=VOCAB - 1, eos_token_id=VOCAB - 1, n_embd=24,
        n_head=4, n_layer=2, n_inner=44, n_positions=16), None),
    # Heads of 8 make the attention wider than the model.
    golden.Recipe("llama", "llama", dict(LLAMA, head_dim=8, tie_word_embeddings=False), None),
    golden.Recipe("llama-tied", "llama", dict(LLAMA, head_dim=6, tie_word_embeddings=True), None),
]


def make_batches(seed):
    """Mostly a fixed successor for each token, so that there is something to learn."""
    random = np.random.default_rng(seed)
    successor = random.permutation(VOCAB)
    batches = []
    for index in range(STEPS):
        stream = random.integers(0, VOCAB, (SEQUENCES, LENGTH + 1))
        for column in range(LENGTH):
            follows = random.random(SEQUENCES) < 0.9
            stream[follows, column + 1] = successor[stream[follows, column]]
        targets = stream[:, 1:].copy()
        if index == IGNORING_BATCH:
            targets[random.random(targets.shape) < 0.3] = IGNORED
            targets[1] = IGNORED
        batches.append({"inputs": stream[:, :-1].flatten().tolist(),
                        "targets": targets.flatten().tolist()})
    return batches


def loss_of(model, batch, label_smoothing=0.0, z_loss=0.0):
    inputs = torch.tensor(batch["inputs"]).view(SEQUENCES, LENGTH)
    targets = torch.tensor(batch["targets"])
    logits = model(inputs, use_cache=False).logits.flatten(0, 1)
    loss = torch.nn.functional.cross_entropy(
        logits, targets, ignore_index=IGNORED, label_smoothing=label_smoothing)
    if z_loss:
        loss = loss + z_loss * logits[targets != IGNORED].logsumexp(-1).square().mean()
    return loss


def norm_of(parameters):
    return torch.linalg.vector_norm(
        torch.stack([p.grad.double().norm() for p in parameters])).item()


def train(folder, dtype, batches, clip=None):
    """Losses, each before its update, and gradient norms, each before clipping."""
    model = golden.load(folder, dtype)
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        [{"params": [p for p in parameters if p.dim() >= 2], "weight_decay": WEIGHT_DECAY},
         {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0}],
        lr=LEARNING_RATE, betas=BETAS, eps=EPSILON)
    losses, norms = [], []
    for batch in batches:
        optimizer.zero_grad()
        loss = loss_of(model, batch)
        loss.backward()
        losses.append(loss.item())
        norms.append(norm_of(parameters))
        if clip:
            torch.nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
    return losses, norms


def gradients_of(folder, dtype, batch, **loss_options):
    model = golden.load(folder, dtype)
    loss_of(model, batch, **loss_options).backward()
    return {name: p.grad.contiguous() for name, p in model.named_parameters()}


def save_gradients(path, folder, batch, **loss_options):
    """Writes the float32 gradients; returns their noise."""
    gradients = gradients_of(folder, torch.float32, batch, **loss_options)
    exact = gradients_of(folder, torch.float64, batch, **loss_options)
    save_file(gradients, path)
    path.chmod(0o644)
    return max(((gradients[n] - exact[n]).abs().max() / exact[n].abs().max()).item() for n in exact)


@torch.no_grad()
def regularised_losses(folder, batch):
    single, double = (golden.load(folder, d) for d in (torch.float32, torch.float64))

    def losses(**options):
        return {**options, "loss": loss_of(single, batch, **options).item(),
                "loss_float64": loss_of(double, batch, **options).item()}

    return {"batch": IGNORING_BATCH, "plain": losses(), "smoothing": losses(label_smoothing=0.1),
            "z": losses(z_loss=1e-4), "both": losses(label_smoothing=0.1, z_loss=1e-2)}


def make(recipe, folder, seed):
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    golden.make_model(recipe, seed).save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    for path in folder.iterdir():
        path.chmod(0o644)
    batches = make_batches(seed)
    golden.write_json(folder / "batches.json", {
        "sequences": SEQUENCES, "length": LENGTH, "batches": batches})
    values = {
        "name": recipe.name, "seed": seed, "learning_rate": LEARNING_RATE, "betas": BETAS,
        "epsilon": EPSILON, "weight_decay": WEIGHT_DECAY, "ignoring_batch": IGNORING_BATCH,
        "tolerance": TOLERANCE, "clipped": {"norm": CLIP}}
    for target, clip in ((values, None), (values["clipped"], CLIP)):
        target["losses"], target["gradient_norms"] = train(folder, torch.float32, batches, clip)
        target["losses_float64"], _ = train(folder, torch.float64, batches, clip)
    regularised = regularised_losses(folder, batches[IGNORING_BATCH])
    both = {k: v for k, v in regularised["both"].items() if not k.startswith("loss")}
    values["regularised"] = regularised
    values["gradient_noise"] = max(
        save_gradients(folder / "gradients.safetensors", folder, batches[0]),
        save_gradients(folder / "regularised.safetensors", folder, batches[IGNORING_BATCH], **both))
    golden.write_json(folder / "golden.json", values)
    return values


def describe(values):
    noise = max(abs(a - b) / b for part in (values, values["clipped"])
                for a, b in zip(part["losses"], part["losses_float64"]))
    return (f"{values['name']}: losses {values['losses'][0]:.4f} … {values['losses'][-1]:.4f}, "
            f"clipped … {values['clipped']['losses'][-1]:.4f}, norms "
            f"{min(values['gradient_norms']):.2f}–{max(values['gradient_norms']):.2f}, noise of "
            f"losses {noise:.1e}, of gradients {values['gradient_noise']:.1e}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    for seed, recipe in enumerate(RECIPES, start=1):
        print(describe(make(recipe, options.folder / recipe.name, seed)))
    golden.update_manifest(options.folder, "training", {
        "command": "python tools/golden_training.py Tests/Fixtures/training",
        "requirements": "tools/requirements-golden.txt",
        "versions": golden.base_versions(),
        "precision": "float32 on a CPU, eager attention; float64 states the noise",
        "tolerance": {**TOLERANCE, "of": "the loss; the largest element of the tensor"},
    })


if __name__ == "__main__":
    main()
