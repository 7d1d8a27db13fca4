"""The table of tools/compare-llama: models × formats × figures × threads, beside llama.cpp."""

import json
import os
import statistics
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from processes import computing_environment, cpu_name, run, run_json, warn_of_neighbours

LIB = Path(__file__).resolve().parent
FORMATS = ("q4_0", "q8_0", "q4_k", "bf16")
DEEP_FORMATS = ("q4_0", "q8_0")
SMOLLM2, GPT2 = "smollm2-135m", "gpt2-124m"
DEPTHS = {SMOLLM2: 2048, GPT2: 896}
SEQUENCES = 8
# figure → key of a run's report, and whether more is better
KEYS = {
    "decode": ("decode_tokens_per_second", True),
    "decode-deep": ("decode_tokens_per_second", True),
    "prefill": ("prefill_tokens_per_second", True),
    "transformers-prefill": ("prefill_tokens_per_second", True),
    "sequences-8": ("total_tokens_per_second", True),
    "first-token": ("new_process_first_token_seconds", False),
    "memory": ("peak_bytes", False),
}


def goal(figure, model, kind):
    """What issue 5 asks for; of seconds and bytes the inverse, as every ratio is of how much better
    gpt is: half the time is a ratio of 2."""
    if figure == "decode-deep":
        return 2.0 if model == SMOLLM2 else 1.5
    if figure == "prefill" and kind == "bf16":
        return 4.0
    if figure == "prefill":
        return 2.5 if model == SMOLLM2 else 1.75
    return {"decode": 1.3, "transformers-prefill": 1.5, "sequences-8": 1.5, "first-token": 2.0,
            "memory": 1.0}[figure]


@dataclass(frozen=True)
class Cell:
    """Runs that are paired, and the figures that come out of them."""
    model: str
    kind: str
    threads: int
    figures: tuple

    def name(self, figure):
        return f"{figure}/{self.model}/{self.kind}/{self.threads}"


def cells(options):
    models = (SMOLLM2, GPT2) if options.full or options.kernels else (SMOLLM2,)
    main = (("decode", "prefill", "first-token", "memory") if options.full
            else ("decode", "prefill"))
    for threads in options.threads or [1, 2]:
        for model in models:
            for kind in FORMATS:
                yield Cell(model, kind, threads, main)
            if options.kernels:
                continue
            for kind in DEEP_FORMATS:
                yield Cell(model, kind, threads, ("decode-deep",))
            if options.full:
                for kind in DEEP_FORMATS:
                    yield Cell(model, kind, threads, (f"sequences-{SEQUENCES}",))
        if options.full and not options.kernels:
            yield Cell(GPT2, "bf16", threads, ("transformers-prefill",))


class Files:
    """The models in every format, each written once."""

    def __init__(self, options):
        self.options = options
        self.folder = options.cache / "compare-llama"
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, model, kind):
        target = self.folder / f"{model}.{kind}.gguf"
        if target.exists():
            return target
        print(f"writing {target.name}", file=sys.stderr)
        scratch = self.folder / f"{model}.{kind}.{os.getpid()}.gguf"
        source = self.source(model)
        verb = "convert" if kind == "bf16" else "quantize"
        run([self.options.gpt, verb, "--model", source, "--type", kind, "--output", scratch],
            f"gpt {verb}")
        os.replace(scratch, target)
        return target

    def source(self, model):
        """What the formats are made of: the published file, or the random one in float32."""
        if model == SMOLLM2:
            return self.options.default_model
        target = self.folder / f"{model}.f32.gguf"
        if not target.exists():
            run([self.options.writing_python, LIB / "gpt2_gguf.py", target], "gpt2_gguf.py")
        return target


class Runner:
    def __init__(self, options):
        self.options = options
        self.files = Files(options)
        self.versions = {}
        self.sample = ""

    def shape(self, cell):
        """Options that both sides know."""
        tokens = self.options.generate_tokens or 64
        result = ["--model", self.files.path(cell.model, cell.kind), "--threads", cell.threads,
                  "--generate-tokens", tokens]
        if cell.figures == ("decode-deep",):
            return [*result, "--prompt-tokens", 16, "--depth", DEPTHS[cell.model]]
        if self.is_together(cell):
            return [*result, "--sequences", SEQUENCES]
        return [*result, "--prompt-tokens", self.options.prompt_tokens]

    @staticmethod
    def is_together(cell):
        return cell.figures[0].startswith("sequences")

    def ours(self, cell):
        more = {"GPT_KERNELS": self.options.kernels} if self.options.kernels else {}
        command = [self.options.gpt, "bench", *self.shape(cell), "--repetitions", 1, "--no-limits",
                   "--json", *self.options.gpt_option]
        return run_json(command, "gpt bench", computing_environment(cell.threads, **more))

    def theirs(self, cell, setting):
        environment = computing_environment(cell.threads)
        if cell.figures == ("transformers-prefill",):
            result = run_json(
                [self.options.peft_python, LIB / "transformers_prefill.py", "--threads",
                 cell.threads, "--prompt-tokens", self.options.prompt_tokens,
                 "--attention", setting], "transformers", environment)
            self.versions["transformers"] = f"{result['version']} (torch {result['torch']})"
            return result
        script = "llama_sequences.py" if self.is_together(cell) else "llama_bench.py"
        result = run_json([self.options.llama_python, LIB / script, *self.shape(cell),
                           "--flash-attention", setting], "llama.cpp", environment)
        self.versions["llama_cpp_python"] = result["version"]
        # Its clock starts when Python's imports are done: its own start counts, not Python's.
        result["new_process_first_token_seconds"] = result.get("first_token_seconds")
        if cell.model == SMOLLM2:
            self.sample = result.get("sample", self.sample)
        return result

    def measure(self, cell):
        """Pairs of runs: the first tells which attention of theirs is better, figure by figure."""
        settings = (("sdpa", "eager") if cell.figures == ("transformers-prefill",)
                    else ("on", "off"))
        ours, theirs = [], {setting: [] for setting in settings}
        best = {}
        for pair in range(self.options.pairs or 5):
            print(f"{cell.name('+'.join(cell.figures))}: pair {pair + 1}", file=sys.stderr,
                  flush=True)
            ours.append(self.ours(cell))
            for setting in settings:
                theirs[setting].append(self.theirs(cell, setting))
            if not best:
                best = {figure: better(figure, theirs) for figure in cell.figures}
                settings = sorted(set(best.values()))
        return [row(cell, figure, ours, theirs[best[figure]], best[figure], self.options)
                for figure in cell.figures]


def better(figure, theirs):
    key, more = KEYS[figure]
    return (max if more else min)(theirs, key=lambda setting: theirs[setting][0][key])


def row(cell, figure, ours, theirs, setting, options):
    key, more = KEYS[figure]
    a, b = [r[key] for r in ours], [r[key] for r in theirs]
    pairs = [x / y if more else y / x for x, y in zip(a, b)]
    return {
        "name": cell.name(figure), "ratio": statistics.median(pairs),
        "goal": 1.0 if options.kernels else goal(figure, cell.model, cell.kind),
        "ours": statistics.median(a), "theirs": statistics.median(b),
        "lowest": min(pairs), "highest": max(pairs), "pairs": len(pairs),
        "ours_spread": (max(a) - min(a)) / statistics.median(a),
        "theirs_spread": (max(b) - min(b)) / statistics.median(b), "attention": setting,
    }


def shown(figure, value):
    if figure == "memory":
        return f"{value / 2**20:.0f} MiB"
    return f"{value:.3f} s" if figure == "first-token" else f"{value:.1f}"


def print_table(report):
    print(f"{report['cpu']}, {report['date']}, pairs: {report['pairs']}, "
          f"kernels: {report['kernels'] or 'all'}")
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    print(f"{versions}; llama.cpp built by {report['compiler']}; its text: {report['sample']!r}")
    print()
    print("| figure | model | format | threads | gpt | theirs (attention) | ratio | goal | "
          "pairs' ratios | spread gpt/theirs |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for r in report["ratios"]:
        figure, model, kind, threads = r["name"].split("/")
        print(f"| {figure} | {model} | {kind} | {threads} | {shown(figure, r['ours'])} | "
              f"{shown(figure, r['theirs'])} ({r['attention']}) | {r['ratio']:.2f} | "
              f"{r['goal']:.2f} | {r['lowest']:.2f}–{r['highest']:.2f} | "
              f"{r['ours_spread']:.0%}/{r['theirs_spread']:.0%} |")


def chosen(cell, options):
    """The cell with the figures that --only leaves, or None."""
    figures = tuple(f for f in cell.figures
                    if not options.only or any(text in cell.name(f) for text in options.only))
    return Cell(cell.model, cell.kind, cell.threads, figures) if figures else None


def main(options):
    load = warn_of_neighbours()
    runner = Runner(options)
    todo = [cell for cell in (chosen(cell, options) for cell in cells(options)) if cell]
    if not todo:
        sys.exit(f"error: --only {' '.join(options.only)}: no row has that in its name")
    # Before anything is measured.
    for cell in todo:
        runner.files.path(cell.model, cell.kind)
    rows = [r for cell in todo for r in runner.measure(cell)]
    compiler = Path(options.llama_python).parent.parent / "compiler.txt"
    report = {
        "cpu": cpu_name(), "date": date.today().isoformat(), "load_before": load,
        "pairs": options.pairs or 5, "kernels": options.kernels, "versions": runner.versions,
        "compiler": compiler.read_text().strip() if compiler.exists() else "unknown",
        "sample": runner.sample, "ratios": rows,
    }
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print_table(report)
    missed = [r["name"] for r in rows if r["ratio"] < r["goal"]]
    if options.check and missed:
        sys.exit(f"error: below their goal: {', '.join(missed)}")
