"""A GPT-2 in plain PyTorch with nanoGPT's choices, for comparisons of speed and loss with ours.

Pre-norm blocks, GELU, learned positions, tied embedding, no dropout. Attention is either PyTorch's
scaled_dot_product_attention or written out, which on a CPU is sometimes the faster one.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Shape:
    blocks: int
    width: int
    heads: int
    vocabulary: int
    length: int
    bias: bool = True


class LayerNorm(nn.Module):
    """torch's own with an optional bias."""

    def __init__(self, width, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


class Attention(nn.Module):
    def __init__(self, shape, written_out):
        super().__init__()
        self.heads = shape.heads
        self.joint = nn.Linear(shape.width, 3 * shape.width, bias=shape.bias)
        self.output = nn.Linear(shape.width, shape.width, bias=shape.bias)
        self.written_out = written_out
        if written_out:
            future = torch.ones(shape.length, shape.length, dtype=torch.bool).triu(1)
            self.register_buffer("future", future, persistent=False)

    def forward(self, x):
        rows, length, width = x.shape
        q, k, v = (part.view(rows, length, self.heads, -1).transpose(1, 2)
                   for part in self.joint(x).split(width, dim=2))
        if self.written_out:
            scores = (q @ k.transpose(2, 3)) * (1 / math.sqrt(k.shape[-1]))
            scores = scores.masked_fill(self.future[:length, :length], float("-inf"))
            mixed = scores.softmax(dim=-1) @ v
        else:
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.output(mixed.transpose(1, 2).reshape(rows, length, width))


class Block(nn.Module):
    def __init__(self, shape, written_out):
        super().__init__()
        self.attention_norm = LayerNorm(shape.width, shape.bias)
        self.attention = Attention(shape, written_out)
        self.mlp_norm = LayerNorm(shape.width, shape.bias)
        self.up = nn.Linear(shape.width, 4 * shape.width, bias=shape.bias)
        self.down = nn.Linear(4 * shape.width, shape.width, bias=shape.bias)

    def forward(self, x):
        x = x + self.attention(self.attention_norm(x))
        return x + self.down(F.gelu(self.up(self.mlp_norm(x))))


class GPT(nn.Module):
    def __init__(self, shape, written_out=False):
        super().__init__()
        self.tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.positions = nn.Embedding(shape.length, shape.width)
        self.blocks = nn.ModuleList(Block(shape, written_out) for _ in range(shape.blocks))
        self.norm = LayerNorm(shape.width, shape.bias)
        self.initialise(shape.blocks)

    def initialise(self, blocks):
        """GPT-2's: deviation 0.02, divided on the way back into the residual stream."""
        for name, parameter in self.named_parameters():
            if parameter.dim() < 2:
                continue
            residual = name.endswith(("attention.output.weight", "down.weight"))
            nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * blocks) if residual else 0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, inputs, targets):
        """The mean loss in nats per token."""
        x = self.tokens(inputs) + self.positions.weight[:inputs.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.norm(x), self.tokens.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def make_optimizer(model, learning_rate, betas, weight_decay):
    """AdamW, fused where this build of PyTorch has it for the CPU."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    try:
        return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, fused=True)
    except (RuntimeError, TypeError):
        return torch.optim.AdamW(groups, lr=learning_rate, betas=betas)


def train_step(model, loss_of, optimizer, inputs, targets):
    """Forward, backward, clipping to norm 1 and the update; the loss before it."""
    optimizer.zero_grad(set_to_none=True)
    loss = loss_of(inputs, targets)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss
