#!/usr/bin/env python3
"""Compares the ids of `gpt tokenize` with those of the PyPI packages sentencepiece and tokenizers.

At least 2,000 lines: code, emoji, CJK, Arabic, combining marks, control characters, long runs of
spaces, bytes that are no UTF-8. Such bytes are replaced by U+FFFD, as Python's
decode(errors='replace') does, a mark for each maximal part of a character. Without MODEL, all
that are at hand: SmolLM2, the fixtures, ../shared/tokenizers, and mistral-common's.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nasty_text
import reference_tokenizers

ROOT = Path(__file__).resolve().parent.parent.parent
SHOWN = 5


def models_at_hand(default_model, scratch):
    """Models to compare; GPT-2's vocabulary gets the file names that a folder has."""
    import mistral_common

    found = [Path(default_model)] if default_model else []
    fixtures = ROOT / "Tests" / "Fixtures" / "models"
    found += [fixtures / name for name in ("gpt2", "llama", "mistral", "qwen2", "llama.gguf")]
    shared = ROOT.parent / "shared" / "tokenizers"
    found += [shared / "unigram-1000.model", shared / "ggml-vocab-llama-spm.gguf",
              shared / "ggml-vocab-gpt-2.gguf"]
    if (shared / "gpt2-vocab.bpe").exists():
        folder = scratch / "gpt2-published"
        folder.mkdir()
        shutil.copyfile(shared / "gpt2-encoder.json", folder / "vocab.json")
        shutil.copyfile(shared / "gpt2-vocab.bpe", folder / "merges.txt")
        found.append(folder)
    data = Path(mistral_common.__file__).parent / "data"
    for pattern in ("tokenizer.model.v1", "*240323.model.v3"):
        for path in data.glob(pattern):
            target = scratch / f"mistral-{path.suffix[1:]}.model"
            shutil.copyfile(path, target)
            found.append(target)
    return [path for path in found if path.exists()]


def ours(options, model, file):
    """What gpt tokenize says to each line: a list of ids, or a complaint."""
    command = [options.gpt, "tokenize", "--model", str(model), "--lines", "--json",
               "--file", str(file), *options.gpt_option]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        return f"gpt tokenize ended with {done.returncode}: {done.stderr.decode()[-500:].strip()}"
    result = []
    for number, line in enumerate(done.stdout.decode().removesuffix("\n").split("\n"), 1):
        try:
            answer = json.loads(line)
            if len(answer["pieces"]) != len(answer["ids"]):
                return f"line {number}: {len(answer['pieces'])} pieces, {len(answer['ids'])} ids"
            result.append(answer["ids"])
        except (ValueError, KeyError, TypeError) as error:
            return f"line {number} of gpt tokenize: {error}: {line[:200]!r}"
    return result


def first_difference(a, b):
    for index, (x, y) in enumerate(zip(a, b)):
        if x != y:
            return index
    return min(len(a), len(b))


def compare(options, model, lines, file):
    encode, what = reference_tokenizers.of(model)
    report = {"model": model.name, "reference": what, "lines": len(lines), "mismatches": 0,
              "tokens": 0, "first": []}
    answers = ours(options, model, file)
    if isinstance(answers, str) or len(answers) != len(lines):
        report["error"] = answers if isinstance(answers, str) else (
            f"gpt tokenize answered {len(answers)} lines, expected {len(lines)}")
        return report
    for number, (line, found) in enumerate(zip(lines, answers), 1):
        text = line.decode("utf-8", errors="replace")
        expected = encode(text)
        report["tokens"] += len(expected)
        if found == expected:
            continue
        report["mismatches"] += 1
        if len(report["first"]) < SHOWN:
            at = first_difference(found, expected)
            report["first"].append({
                "line": number, "bytes": repr(line[:200]), "at_token": at,
                "found": found[at:at + 8], "expected": expected[at:at + 8]})
    return report


def print_report(report):
    if "error" in report:
        print(f"FAILED {report['model']}: {report['error']}")
        return
    word = "same  " if not report["mismatches"] else "FAILED"
    print(f"{word} {report['model']}: {report['lines']} lines, {report['tokens']} tokens, "
          f"{report['mismatches']} mismatches ({report['reference']})")
    for miss in report["first"]:
        print(f"  line {miss['line']}: {miss['bytes']}\n    from token {miss['at_token']}: "
              f"found {miss['found']}, expected {miss['expected']}")


def main():
    parser = argparse.ArgumentParser(
        prog="tools/compare-tokenizers", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="*", type=Path, metavar="MODEL",
                        help="a .gguf, a .model, a tokenizer.json or a folder")
    parser.add_argument("--lines", type=int, default=2500, help="at least so many (default 2500)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", type=Path, help="these lines instead")
    parser.add_argument("--valid-only", action="store_true", help="no bytes that are no UTF-8")
    parser.add_argument("--gpt", help="the gpt binary (default: built from this folder)")
    parser.add_argument("--gpt-option", action="append", metavar="OPTION",
                        help="passed on to gpt tokenize; repeatable (default: --no-special)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--default-model", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.gpt_option is None:
        options.gpt_option = ["--no-special"]
    if options.file:
        lines = options.file.read_bytes().removesuffix(b"\n").split(b"\n")
    else:
        lines = nasty_text.lines(options.lines, options.seed, invalid=not options.valid_only)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "lines"
        file.write_bytes(b"\n".join(lines) + b"\n")
        reports = []
        for model in options.model or models_at_hand(options.default_model, Path(scratch)):
            if not model.exists():
                sys.exit(f"error: {model}: no such file or folder")
            reports.append(compare(options, model, lines, file))
            if not options.json:
                print_report(reports[-1])
    if options.json:
        print(json.dumps(reports, indent=2))
    sys.exit(1 if any(r["mismatches"] or "error" in r for r in reports) else 0)


if __name__ == "__main__":
    main()
