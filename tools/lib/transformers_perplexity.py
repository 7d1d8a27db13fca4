#!/usr/bin/env python3
"""transformers' perplexity of a text: transformers_perplexity.py FOLDER TEXT WINDOW STRIDE

By the loop of https://huggingface.co/docs/transformers/perplexity: a window slides over the text,
every token is predicted once, and a window's mean loss counts for one token less than it predicts.
All in fp32.
"""

import json
import math
import sys

from dequantised import silence


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    folder, path, window, stride = *sys.argv[1:3], int(sys.argv[3]), int(sys.argv[4])
    transformers = silence()
    import torch
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True).eval()
    tokens = tokenizer(text)["input_ids"]
    total, weight, covered, predicted = 0.0, 0, 0, 0
    for start in range(0, len(tokens), stride):
        end = min(start + window, len(tokens))
        ids = torch.tensor([tokens[start:end]])
        labels = ids.clone()
        labels[0, :covered - start if covered > start else 0] = -100
        with torch.no_grad():
            loss = model(input_ids=ids, labels=labels, use_cache=False).loss.item()
        counted = int((labels[0] != -100).sum()) - 1
        if counted > 0:
            total, weight = total + loss * counted, weight + counted
        predicted += int((labels[0, 1:] != -100).sum())
        covered = end
        if end == len(tokens):
            break
    print(json.dumps({"tokens": len(tokens), "predicted_tokens": predicted,
                      "perplexity": math.exp(total / weight),
                      "version": transformers.__version__}))


if __name__ == "__main__":
    main()
