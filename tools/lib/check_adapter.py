#!/usr/bin/env python3
"""Do the tools that people use take what `gpt finetune` makes as we do?

  peft          opens the adapter over the base dequantised by transformers; its logits in fp32 are
                ours (`gpt logits --adapter`) within --tolerance
  llama.cpp     writes the same greedy text from `gpt merge`'s GGUF as `gpt generate` does, from that
                file and from base and adapter
  transformers  opens `gpt merge`'s folder with AutoModelForCausalLM and AutoTokenizer; its logits
                are those of base and adapter within --tolerance

Exit status: 0 all of it; 1 not so; 2 wrong usage.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from check_transformers import open_folder
from dequantised import dequantised_folder, silence
from processes import run, run_json

LIB = Path(__file__).resolve().parent
PROMPTS = ["The capital of France is", "Once upon a time", "def fibonacci(n):",
           "a gorgeous , witty , seductive movie ."]


def adapter_folder(folder):
    """The adapter's own folder: this one, or the only one below it that is no checkpoint."""
    if (folder / "adapter_config.json").is_file():
        return folder
    found = sorted(p.parent for p in folder.rglob("adapter_config.json")
                   if "checkpoints" not in p.relative_to(folder).parts)
    if len(found) == 1:
        return found[0]
    names = ", ".join(str(p.relative_to(folder)) for p in found) or "none"
    sys.exit(f"error: {folder}: adapters found: {names}, expected one adapter_config.json")


def base_folder(model, cache):
    """What transformers opens for a base: its folder, or one made from its .gguf."""
    if Path(model).is_dir():
        return Path(model)
    if not Path(model).is_file():
        sys.exit(f"error: {model}: no such file or folder")
    return dequantised_folder(model, cache)


class Ours:
    def __init__(self, options, scratch):
        self.gpt, self.scratch = options.gpt, Path(scratch)

    def logits(self, ids, *model):
        windows, output = self.scratch / "ids", self.scratch / "logits.bin"
        windows.write_text(" ".join(map(str, ids)) + "\n")
        run([self.gpt, "logits", *model, "--precision", "fp32", "--ids-file", windows,
             "--output", output], "gpt logits")
        return np.fromfile(output, "<f4").reshape(len(ids), -1)

    def greedy(self, prompt, count, *model):
        result = run_json(
            [self.gpt, "generate", *model, "--precision", "fp32", "--temperature", 0,
             "--max-tokens", count, "--prompt", prompt, "--json"], "gpt generate")
        return {key: result[key] for key in ("prompt_token_ids", "token_ids")}

    def merge(self, target, model, adapter, *options):
        run([self.gpt, "merge", *model, "--adapter", adapter, "--output", target, *options],
            "gpt merge")
        return target


def largest_difference(a, b, what):
    if a.shape != b.shape:
        sys.exit(f"error: {what}: logits are {list(a.shape)} and {list(b.shape)}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        sys.exit(f"error: {what}: logits are not finite")
    return float(np.abs(a - b).max())


def torch_logits(model, ids):
    import torch
    with torch.no_grad():
        return model(torch.tensor([ids]), use_cache=False).logits[0].float().numpy()


def check_peft(options, ours, ids, adapted):
    """Differences of logits from peft's, and what the adapter changes."""
    import peft
    import torch
    transformers = silence()
    base, _ = open_folder(base_folder(options.model, options.cache), transformers, torch.float32)
    without = torch_logits(base, ids)
    try:
        model = peft.PeftModel.from_pretrained(base, str(options.adapter)).eval()
    except Exception as error:  # peft lets every library's errors through
        sys.exit(f"error: {options.adapter}: peft cannot open it: {type(error).__name__}: {error}")
    theirs = torch_logits(model, ids)
    return {
        "peft": peft.__version__, "tokens": len(ids),
        "base_difference": largest_difference(
            without, ours.logits(ids, "--model", options.model), "base"),
        "peft_difference": largest_difference(theirs, adapted, "peft"),
        "adapter_effect": largest_difference(theirs, without, "the adapter"),
        "range": float(theirs.max() - theirs.min()),
    }


def first_difference(a, b):
    """Where two lists part; None if they do not."""
    if a == b:
        return None
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


def check_llama(options, ours, prompts, model):
    merged = ours.merge(ours.scratch / "merged.gguf", model, options.adapter,
                        "--type", options.type)
    theirs = json.loads(run(
        [options.llama_python, LIB / "llama_greedy.py", merged, options.generate_tokens],
        "llama.cpp", given=json.dumps(prompts)))
    parted = []
    for prompt, expected in zip(prompts, theirs):
        sides = {"merged": ours.greedy(prompt, options.generate_tokens, "--model", merged),
                 "adapter": ours.greedy(prompt, options.generate_tokens, *model, "--adapter",
                                        options.adapter)}
        for side, found in sides.items():
            for key in ("prompt_token_ids", "token_ids"):
                place = first_difference(found[key], expected[key])
                if place is not None:
                    parted.append(f"{prompt!r} ({side}): {key} from {place}")
    return {"merged_bytes": merged.stat().st_size, "type": options.type,
            "prompts": len(prompts), "tokens_written": sum(len(t["token_ids"]) for t in theirs),
            "sample": theirs[0]["text"], "parted": parted}


def check_merged_folder(options, ours, ids, adapted, model):
    import torch
    folder = ours.merge(ours.scratch / "merged", model, options.adapter, "--type", "f32")
    opened, tokenizer = open_folder(folder, silence(), torch.float32)
    theirs = torch_logits(opened, ids)
    text = PROMPTS[0]
    return {
        "folder_model": type(opened).__name__,
        "folder_difference": largest_difference(theirs, adapted, "merged folder"),
        "folder_ids_equal": tokenizer is not None
        and tokenizer(text, add_special_tokens=False)["input_ids"] == json.loads(run(
            [options.gpt, "tokenize", "--model", folder, "--no-special", "--json", "--text", text],
            "gpt tokenize"))["ids"],
    }


def misses(report, tolerance):
    result = [f"{key} above {tolerance:.0e}"
              for key in ("base_difference", "peft_difference", "folder_difference")
              if report.get(key, 0) > tolerance]
    if report["adapter_effect"] <= tolerance:
        result.append("the adapter changes nothing")
    if report.get("parted"):
        result.append("greedy texts part")
    if report.get("folder_ids_equal") is False:
        result.append("token ids of the merged folder differ")
    return result


def describe(report):
    print(f"peft {report['peft']}: logits of {report['tokens']} tokens differ by at most "
          f"{report['peft_difference']:.1e} (without the adapter {report['base_difference']:.1e}); "
          f"the adapter changes them by up to {report['adapter_effect']:.1f}, their range is "
          f"{report['range']:.0f}")
    if "parted" in report:
        print(f"llama.cpp, merged to {report['type']} ({report['merged_bytes'] / 1e6:.0f} MB): "
              f"{report['prompts']} prompts, {report['tokens_written']} greedy tokens: "
              f"{'; '.join(report['parted']) or 'equal'}")
        print(f"its text: {report['sample']!r}")
        print(f"transformers, {report['folder_model']} of the merged folder: logits differ by at "
              f"most {report['folder_difference']:.1e}, token ids "
              f"{'equal' if report['folder_ids_equal'] else 'differ'}")


def parse():
    parser = argparse.ArgumentParser(
        prog="tools/check-adapter", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adapter", type=Path, metavar="RUN_FOLDER",
                        help="what gpt finetune wrote, or a folder with adapter_config.json")
    parser.add_argument("--model", help="the base, a .gguf or a folder (default: SmolLM2)")
    parser.add_argument("--tokens", type=int, default=256, help="to compare logits of")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    parser.add_argument("--prompt", action="append", help="repeatable (default: four of ours)")
    parser.add_argument("--generate-tokens", type=int, default=48)
    parser.add_argument("--type", default="f32", help="of the merged GGUF (default f32)")
    parser.add_argument("--peft-only", action="store_true", help="leave gpt merge out")
    parser.add_argument("--gpt", help="the gpt binary (default: built from this folder)")
    parser.add_argument("--json", action="store_true")
    for name in ("--llama-python", "--default-model", "--cache"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if min(options.tokens, options.generate_tokens) < 1:
        parser.error("--tokens and --generate-tokens must be at least 1")
    options.model = options.model or options.default_model
    if not options.adapter.is_dir():
        sys.exit(f"error: {options.adapter}: no such folder")
    options.adapter = adapter_folder(options.adapter)
    return options


def main():
    options = parse()
    model = ["--model", options.model]
    with tempfile.TemporaryDirectory(prefix="check-adapter.") as scratch:
        ours = Ours(options, scratch)
        text = (LIB.parent.parent / "README.md").read_text(encoding="utf-8")
        ids = json.loads(run([options.gpt, "tokenize", *model, "--no-special", "--json"],
                             "gpt tokenize", given=text))["ids"][:options.tokens]
        adapted = ours.logits(ids, *model, "--adapter", options.adapter)
        report = {"adapter": str(options.adapter), "model": Path(options.model).name,
                  **check_peft(options, ours, ids, adapted)}
        if not options.peft_only:
            report |= check_llama(options, ours, options.prompt or PROMPTS, model)
            report |= check_merged_folder(options, ours, ids, adapted, model)
    report["tolerance"] = options.tolerance
    report["misses"] = misses(report, options.tolerance)
    print(json.dumps(report, indent=2)) if options.json else describe(report)
    if report["misses"]:
        sys.exit(f"error: not met: {', '.join(report['misses'])}")


if __name__ == "__main__":
    main()
