#!/usr/bin/env python3
"""How fast transformers reads a prompt with GPT-2's 124M shape and random weights, in bf16.

For tools/compare-llama. Only the last position's logits are computed, as ours are.
"""

import argparse
import json
import statistics
import time

from dequantised import silence


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--attention", choices=["sdpa", "eager"], default="sdpa")
    options = parser.parse_args()
    transformers = silence()
    import torch
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    configuration = transformers.GPT2Config()  # its defaults are the 124M shape
    configuration._attn_implementation = options.attention
    model = transformers.GPT2LMHeadModel(configuration).to(torch.bfloat16).eval()
    prompt = torch.randint(configuration.vocab_size, (1, options.prompt_tokens))
    seconds = []
    with torch.inference_mode():
        for _ in range(6):
            start = time.perf_counter()
            model(prompt, use_cache=True, logits_to_keep=1)
            seconds.append(time.perf_counter() - start)
    print(json.dumps({
        "prefill_tokens_per_second": options.prompt_tokens / statistics.median(seconds[1:]),
        "version": transformers.__version__, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
