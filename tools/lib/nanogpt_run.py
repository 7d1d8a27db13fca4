#!/usr/bin/env python3
"""nanoGPT's CPU recipe in PyTorch, and the loss of a saved model over a whole text.

    nanogpt_run.py train CORPUS --seed S --steps N --threads T
    nanogpt_run.py evaluate MODEL_FOLDER IDS --threads T     IDS: token ids with spaces between

Both print one JSON object with `nats`: the mean over windows of 64 tokens that do not overlap. The
recipe is that of nanoGPT's README for a CPU: 4 blocks, 4 heads, width 128, no biases, batches of 12
windows, AdamW with betas .9/.99 and decay .1, clipping to 1, a learning rate that rises for 100
steps to 1e-3 and falls as a cosine to 1e-4; fp32, not compiled; 90 % of the text is trained on.
"""

import argparse
import json
import math
import os
import time
from pathlib import Path

import torch
import torch_gpt

LENGTH = 64
BATCH = 12
PEAK, LEAST, WARM_UP = 1e-3, 1e-4, 100


def learning_rate(step, steps):
    if step < WARM_UP:
        return PEAK * (step + 1) / (WARM_UP + 1)
    share = (step - WARM_UP) / max(1, steps - WARM_UP)
    return LEAST + 0.5 * (1 + math.cos(math.pi * share)) * (PEAK - LEAST)


def windows(ids):
    """Inputs and targets, [n, 64] each, that cover the ids once."""
    count = (len(ids) - 1) // LENGTH
    return ids[:count * LENGTH].view(count, LENGTH), ids[1:count * LENGTH + 1].view(count, LENGTH)


@torch.no_grad()
def mean_loss(loss_of, ids):
    """`loss_of`: mean nats of inputs and targets."""
    inputs, targets = windows(ids)
    total = sum(loss_of(a, b).double().item() * a.numel()
                for a, b in zip(inputs.split(64), targets.split(64)))
    return total / inputs.numel(), inputs.numel()


def train(options):
    text = Path(options.corpus).read_text(encoding="utf-8")
    characters = {c: i for i, c in enumerate(sorted(set(text)))}
    ids = torch.tensor([characters[c] for c in text])
    training, validation = ids[:int(0.9 * len(ids))], ids[int(0.9 * len(ids)):]
    torch.manual_seed(options.seed)
    shape = torch_gpt.Shape(blocks=4, width=128, heads=4, vocabulary=len(characters),
                            length=LENGTH, bias=False)
    model = torch_gpt.GPT(shape)
    optimizer = torch_gpt.make_optimizer(model, PEAK, (0.9, 0.99), 0.1)
    began = time.perf_counter()
    for step in range(options.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, options.steps)
        starts = torch.randint(len(training) - LENGTH, (BATCH,)).tolist()
        inputs = torch.stack([training[s:s + LENGTH] for s in starts])
        targets = torch.stack([training[s + 1:s + LENGTH + 1] for s in starts])
        torch_gpt.train_step(model, model, optimizer, inputs, targets)
    seconds = time.perf_counter() - began
    nats, positions = mean_loss(model, validation)
    return {"nats": nats, "positions": positions, "seconds": seconds}


def evaluate(options):
    os.environ["HF_HUB_OFFLINE"] = "1"
    import transformers
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    model = transformers.AutoModelForCausalLM.from_pretrained(
        options.folder, dtype=torch.float32, local_files_only=True).eval()

    def loss_of(inputs, targets):
        logits = model(inputs, use_cache=False).logits
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    ids = torch.tensor([int(word) for word in Path(options.ids).read_text().split()])
    nats, positions = mean_loss(loss_of, ids)
    return {"nats": nats, "positions": positions, "parameters": model.num_parameters()}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("train")
    verb.add_argument("corpus")
    verb.add_argument("--seed", type=int, default=1)
    verb.add_argument("--steps", type=int, default=2000)
    verb.set_defaults(run=train)
    other = verbs.add_parser("evaluate")
    other.add_argument("folder")
    other.add_argument("ids")
    other.set_defaults(run=evaluate)
    for each in (verb, other):
        each.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(json.dumps(options.run(options)))


if __name__ == "__main__":
    main()
