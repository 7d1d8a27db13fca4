#!/usr/bin/env python3
"""One process's figures of LoRA fine-tuning with peft, as `gpt bench --finetune --json` gives them.

For tools/compare-peft. The rows are full: no padding, one causal attention over each, which is the
fastest that peft + transformers can be fed. Compilation and the first steps are not timed.
"""

import argparse
import contextlib
import json
import time

from dequantised import silence
from torch_bench import instructions, peak_bytes

# Types of base weights and of the adapter's, and what products are computed in.
PRECISIONS = ("fp32", "bf16-products", "bf16-autocast", "bf16-weights", "bf16-all")


def open_model(options, torch, peft, transformers):
    """The base with a new adapter on all linear layers but the output."""
    narrow = options.precision in ("bf16-weights", "bf16-all")
    base = transformers.AutoModelForCausalLM.from_pretrained(
        options.model, dtype=torch.bfloat16 if narrow else torch.float32,
        attn_implementation=options.attention, local_files_only=True)
    base.config.use_cache = False
    settings = peft.LoraConfig(
        r=options.lora_rank, lora_alpha=2 * options.lora_rank, lora_dropout=0.0,
        target_modules="all-linear", task_type="CAUSAL_LM")
    # peft keeps the adapter in fp32 beside a bf16 base unless told otherwise.
    model = peft.get_peft_model(
        base, settings, autocast_adapter_dtype=options.precision != "bf16-all")
    return model.train()


def mixed(options, torch):
    if options.precision in ("bf16-autocast", "bf16-weights"):
        return torch.autocast("cpu", dtype=torch.bfloat16)
    return contextlib.nullcontext()


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a folder of Hugging Face's layout")
    parser.add_argument("--lora-rank", type=int, default=8)
    parser.add_argument("--sequence-length", type=int, default=512)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32")
    parser.add_argument("--attention", choices=["sdpa", "eager"], default="sdpa")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--warm-up-steps", type=int, default=2)
    return parser.parse_args()


def main():
    options = parse()
    import torch
    transformers = silence()
    import peft
    torch.set_num_threads(options.threads)
    if options.precision == "bf16-products":
        torch.set_float32_matmul_precision("medium")
    imported = peak_bytes()
    torch.manual_seed(1)
    model = open_model(options, torch, peft, transformers)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=3e-4, weight_decay=0.0, fused=True)
    compiled = torch.compile(model) if options.compile else model
    count = options.batch_size * options.sequence_length
    batches = torch.randint(
        model.config.vocab_size, (options.warm_up_steps + options.steps, options.batch_size,
                                  options.sequence_length))
    seconds = []
    for ids in batches:
        began = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with mixed(options, torch):
            loss = compiled(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        loss = loss.item()
        seconds.append(time.perf_counter() - began)
    timed = sorted(seconds[options.warm_up_steps:])
    print(json.dumps({
        "precision": options.precision, "attention": options.attention,
        "compiled": options.compile, "threads": options.threads, "steps": options.steps,
        "trainable_parameters": sum(p.numel() for p in parameters),
        "tokens_per_second": count / timed[len(timed) // 2],
        "fastest_tokens_per_second": count / timed[0],
        "peak_bytes": peak_bytes(), "import_bytes": imported,
        "first_step_seconds": seconds[0], "loss": loss,
        "version": f"peft {peft.__version__}, transformers {transformers.__version__}, "
                   f"PyTorch {torch.__version__}",
        "instructions": instructions(),
    }))


if __name__ == "__main__":
    main()
