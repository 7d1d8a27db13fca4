#!/usr/bin/env python3
"""Makes what lm-evaluation-harness, transformers and scipy say about the models of Fixtures/models.

    venv/bin/python tools/golden_evaluation.py Tests/Fixtures/evaluation

It writes golden.json:

    text            the text of the perplexities
    models          by name: continuations {context, continuation, logprob, greedy} of the harness's
                    HFLM.loglikelihood; perplexities {window, stride, tokens, perplexity} by the loop
                    of https://huggingface.co/docs/transformers/perplexity
    mcnemar         {first, second, p}: scipy.stats.binomtest of the discordant pairs
    paired          {first, second, difference, standard_error, p}: scipy.stats.sem of the
                    differences, and twice scipy.stats.norm.sf of their ratio
    tolerance       of logprob (nats) and perplexity (relative)

and the key `evaluation` of manifest.json beside the folder. All in float32 on a CPU.
"""

import argparse
import hashlib
import importlib.metadata
import json
import math
import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np
import scipy.stats
import torch
import transformers
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

MODELS = ["gpt2", "llama", "qwen2"]

TEXT = (
    "It was a bright cold day, and the dog's bowl stood there.\n\nThe quick brown fox walked along "
    "the river; nobody knew why it went.  \"We'll see,\" said the old man, and he counted to 12345 "
    "while the rain came down on the hill, on the house and on the road behind it.\n"
)

# White space at the end of a context, none at all, an empty context, a context that is too long.
CONTINUATIONS = [
    ("The quick brown fox", " jumps over the dog"),
    ("The quick brown fox ", "jumps over the dog"),
    ("The quick brown fox", "es jump"),
    ("A question.\nAnswer:  ", "yes"),
    ("", "The old man"),
    ("It was", " a"),
    (TEXT + TEXT, " and the end of it all"),
]

WINDOWS = [(16, 8), (32, 32), (25, 7), (128, 64), (40, 1)]

MCNEMAR = [(0, 0), (1, 0), (5, 0), (3, 9), (12, 12), (40, 61), (1300, 1010), (20000, 20600)]


@torch.no_grad()
def likely_pair(model):
    """A context and the token that follows it most probably, which its text gives back."""
    for end in range(3, len(TEXT)):
        context = TEXT[:end].rstrip()
        ids = model.tok_encode(context)
        best = int(model.model(torch.tensor([ids])).logits[0, -1].argmax())
        text = model.tok_decode([best])
        if text and model.tok_encode(context + text) == [*ids, best]:
            return context, text
    raise SystemExit("error: no token's text gives it back")


def continuations_of(folder):
    model = HFLM(pretrained=str(folder), device="cpu", dtype="float32", batch_size=1)
    pairs = [*CONTINUATIONS, likely_pair(model)]
    requests = [
        Instance(request_type="loglikelihood", doc={}, arguments=pair, idx=0) for pair in pairs]
    results = model.loglikelihood(requests, disable_tqdm=True)
    return [
        {"context": context, "continuation": continuation, "logprob": logprob, "greedy": greedy}
        for (context, continuation), (logprob, greedy) in zip(pairs, results, strict=True)]


@torch.no_grad()
def perplexity_of(model, tokens, window, stride):
    total, weight, covered = 0.0, 0, 0
    for start in range(0, len(tokens), stride):
        end = min(start + window, len(tokens))
        ids = torch.tensor([tokens[start:end]])
        labels = ids.clone()
        labels[:, :max(0, covered - start)] = -100
        counted = int((labels != -100).sum()) - 1
        loss = model(ids, labels=labels, use_cache=False).loss.item()
        if counted > 0:
            total, weight = total + loss * counted, weight + counted
        covered = end
        if end == len(tokens):
            break
    return math.exp(total / weight)


def perplexities_of(folder):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", local_files_only=True).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    tokens = tokenizer(TEXT)["input_ids"]
    return [
        {"window": window, "stride": stride, "tokens": len(tokens),
         "perplexity": perplexity_of(model, tokens, window, stride)}
        for window, stride in WINDOWS]


def mcnemar():
    return [
        {"first": first, "second": second,
         "p": scipy.stats.binomtest(first, first + second).pvalue if first + second else 1.0}
        for first, second in MCNEMAR]


def paired():
    generator = np.random.default_rng(7)
    cases = []
    for count, shift in [(2, 0.1), (13, 0.0), (60, 0.4)]:
        first = generator.normal(0, 1, count).round(3)
        second = (first - shift + generator.normal(0, 0.5, count)).round(3)
        differences = first - second
        error = scipy.stats.sem(differences)
        cases.append({
            "first": first.tolist(), "second": second.tolist(),
            "difference": float(differences.mean()), "standard_error": float(error),
            "p": float(2 * scipy.stats.norm.sf(abs(differences.mean() / error)))})
    return cases


def write_manifest(folder):
    """Replaces the key `evaluation` of the manifest beside the folder."""
    path = folder.parent / "manifest.json"
    manifest = json.loads(path.read_text()) if path.exists() else {}
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    packages = ["lm_eval", "numpy", "scipy", "torch", "transformers"]
    manifest["evaluation"] = {
        "command": "python tools/golden_evaluation.py Tests/Fixtures/evaluation",
        "requirements": "tools/requirements-harness.txt",
        "versions": {p: importlib.metadata.version(p).split("+")[0] for p in packages},
        "precision": "float32, computed on a CPU",
        "tolerance": {"logprob": 1e-3, "perplexity": 1e-4, "of": "nats; the perplexity"},
        "files": {
            str(p.relative_to(folder.parent)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in files},
    }
    path.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    models = {}
    for name in MODELS:
        path = folder.parent / "models" / name
        models[name] = {
            "continuations": continuations_of(path), "perplexities": perplexities_of(path)}
    golden = {
        "text": TEXT, "models": models, "mcnemar": mcnemar(), "paired": paired(),
        "tolerance": {"logprob": 1e-3, "perplexity": 1e-4}}
    (folder / "golden.json").write_text(json.dumps(golden, indent=1) + "\n", encoding="ascii")
    write_manifest(folder)


if __name__ == "__main__":
    main()
