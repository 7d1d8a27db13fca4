#!/usr/bin/env python3
"""Opens a model folder with Python's transformers and compares its logits with `gpt logits`.

The model is opened with AutoModelForCausalLM and the tokenizer, where the folder has one, with
AutoTokenizer; both sides compute in fp32. With --text the ids of both tokenizers are compared, too,
and the text's first tokens are the input; else it is random.

Exit status: 0 the largest difference of a logit is at most --tolerance, and ids are equal;
1 not so; 2 wrong usage.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from processes import run

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model")


def our_logits(gpt, folder, ids):
    import numpy as np
    with tempfile.TemporaryDirectory() as scratch:
        windows, output = Path(scratch) / "ids", Path(scratch) / "logits.bin"
        windows.write_text(" ".join(map(str, ids)) + "\n")
        run([gpt, "logits", "--model", folder, "--precision", "fp32", "--ids-file", windows,
             "--output", output], "gpt logits")
        return np.fromfile(output, "<f4").reshape(len(ids), -1)


def our_ids(gpt, folder, text):
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "text"
        file.write_text(text, encoding="utf-8")
        line = run([gpt, "tokenize", "--model", folder, "--file", file, "--no-special",
                    "--json"], "gpt tokenize")
    return json.loads(line)["ids"]


def main():
    parser = argparse.ArgumentParser(
        prog="tools/check-transformers", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="RUN_FOLDER")
    parser.add_argument("--tokens", type=int, default=64, help="of the input (default 64)")
    parser.add_argument("--text", type=Path, help="file to take the input from")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--gpt", help="the gpt binary (default: built from this folder)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not (options.folder / "config.json").is_file():
        sys.exit(f"error: {options.folder}: no config.json, expected a model folder")
    report = check(options)
    print(json.dumps(report) if options.json else describe(report))
    if not report["passed"]:
        sys.exit(1)


def open_folder(folder, transformers, dtype):
    """Model and tokenizer, or the end of this process with what transformers says."""
    tokenizer = None
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, attn_implementation="eager", local_files_only=True)
        if any((folder / name).exists() for name in TOKENIZER_FILES):
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # transformers lets every library's errors through
        sys.exit(f"error: {folder}: transformers cannot open it: {type(error).__name__}: {error}")
    return model.eval(), tokenizer


def check(options):
    os.environ["HF_HUB_OFFLINE"] = "1"
    import numpy as np
    import torch
    import transformers
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    model, tokenizer = open_folder(options.folder, transformers, torch.float32)
    vocabulary = model.config.vocab_size
    count = min(options.tokens, model.config.max_position_embeddings)
    ids = np.random.default_rng(1).integers(0, vocabulary, count).tolist()
    report = {"model": type(model).__name__, "parameters": model.num_parameters(),
              "vocabulary": vocabulary, "tokenizer": None, "ids_equal": None}
    if tokenizer:
        report["tokenizer"] = type(tokenizer).__name__
    if tokenizer and options.text:
        text = options.text.read_bytes()[:20000].decode("utf-8", errors="replace")
        theirs = tokenizer(text, add_special_tokens=False)["input_ids"]
        report["ids_equal"] = our_ids(options.gpt, options.folder, text) == theirs
        ids = theirs[:count] or ids
    with torch.no_grad():
        theirs = model(torch.tensor([ids]), use_cache=False).logits[0].numpy()
    ours = our_logits(options.gpt, options.folder, ids)
    if ours.shape != theirs.shape:
        sys.exit(f"error: our logits are {list(ours.shape)}, theirs {list(theirs.shape)}")
    report["tokens"] = len(ids)
    report["largest_difference"] = float(np.abs(ours - theirs).max())
    report["range"] = float(theirs.max() - theirs.min())
    report["passed"] = bool(report["largest_difference"] <= options.tolerance
                            and report["ids_equal"] is not False)
    return report


def describe(report):
    ids = {None: "not compared", True: "equal ids", False: "different ids"}[report["ids_equal"]]
    return (f"{report['model']}, {report['parameters']} parameters, vocabulary "
            f"{report['vocabulary']}; tokenizer {report['tokenizer'] or 'none'} ({ids})\n"
            f"logits of {report['tokens']} tokens differ by at most "
            f"{report['largest_difference']:.1e} (range {report['range']:.1f})\n"
            f"{'passed' if report['passed'] else 'not passed'}")


if __name__ == "__main__":
    main()
