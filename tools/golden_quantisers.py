#!/usr/bin/env python3
"""Makes numbers and what the reference quantisers make of them.

    LLAMA_VENV/bin/python tools/golden_quantisers.py Tests/Fixtures/quantisers

(with tools/requirements-llama.txt). In the folder:

    inputs.bin      float32, little endian: rows of 256
    TYPE.bin        the rows' blocks by PyPI gguf's `quants.quantize`, for the types of 32 elements
    golden.json     groups of rows by name; for Q4_K and Q6_K the sum of squared errors of each
                    group by ggml's `ggml_quantize_chunk` without weights, decoded by gguf

and, beside the folder, manifest.json: command, versions, SHA-256 of each file.
"""

import argparse
import ctypes
import hashlib
import importlib.metadata
import json
from pathlib import Path

import gguf
import llama_cpp
import numpy as np
from gguf import GGMLQuantizationType as Type

SEED = 20261126
ROW = 256
LEGACY = ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]
K_TYPES = ["Q4_K", "Q6_K"]


def groups():
    """Names and rows. Legacy types are compared bit by bit, so every number is finite."""
    random = np.random.default_rng(SEED)
    yield "normal", random.normal(0, 0.02, (24, ROW))
    yield "heavy tails", random.standard_t(3, (12, ROW)) * 0.02
    yield "uniform", random.uniform(-1, 1, (8, ROW))
    yield "positive", random.gamma(2, 0.1, (4, ROW))
    yield "negative", -random.gamma(2, 0.1, (4, ROW)) - 0.3
    yield "offset", random.normal(0.4, 0.05, (4, ROW))
    yield "sparse", random.normal(0, 0.02, (4, ROW)) * (random.random((4, ROW)) < 0.1) + 0.0
    yield "outliers", random.normal(0, 0.02, (4, ROW)) * np.where(random.random((4, ROW)) < 0.02, 30, 1)
    yield "scales apart", random.normal(0, 1, (4, ROW)) * np.repeat(10.0 ** -np.arange(8), 32)
    yield "tiny", random.normal(0, 1e-6, (2, ROW))
    yield "huge", random.uniform(-6e4, 6e4, (2, ROW))
    yield "zeros", np.zeros((1, ROW))
    yield "constant", np.repeat([[0.7], [-0.3]], ROW, axis=1)
    yield "one number", np.eye(3, ROW, 100) * [[0.5], [-0.5], [1e-3]] + 0.0
    # Halves of steps: every format rounds some of them.
    yield "ties", np.stack([np.tile(np.arange(-8, 8, 0.5), 8), np.tile(np.arange(-127, 129, 8) / 2, 8),
                            np.tile(np.arange(32) * 0.5, 8), np.tile(np.arange(-16, 16), 8)])
    yield "both signs", np.tile([1.0, -1.0, 0.5, -0.5], (1, ROW // 4))


def ggml_quantised(rows, name):
    library = ctypes.CDLL(str(Path(llama_cpp.__file__).parent / "lib" / "libggml-base.so"))
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [
        ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64,
        ctypes.c_int64, ctypes.c_void_p]
    length, size = gguf.GGML_QUANT_SIZES[Type[name]]
    result = np.empty((len(rows), ROW // length * size), np.uint8)
    values = np.ascontiguousarray(rows, np.float32)
    library.ggml_quantize_chunk(
        int(Type[name]), values.ctypes.data, result.ctypes.data, 0, len(rows), ROW, None)
    return result


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_manifest(folder):
    """Replaces the key `quantisers` of the manifest beside the folder."""
    path = folder.parent / "manifest.json"
    manifest = json.loads(path.read_text()) if path.exists() else {}
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    manifest["quantisers"] = {
        "command": "python tools/golden_quantisers.py Tests/Fixtures/quantisers",
        "requirements": "tools/requirements-llama.txt",
        "seed": SEED,
        "versions": {
            "gguf": importlib.metadata.version("gguf"),
            "llama-cpp-python": importlib.metadata.version("llama-cpp-python"),
            "numpy": np.__version__,
        },
        "tolerance": "legacy types bit-equal; K types: squared error no larger",
        "files": {str(p.relative_to(folder.parent)): sha256(p) for p in files},
    }
    path.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    names, parts = zip(*groups())
    rows = np.concatenate(parts).astype("<f4")
    rows.tofile(folder / "inputs.bin")
    for name in LEGACY:
        blocks = gguf.quants.quantize(rows, Type[name])
        blocks.tofile(folder / f"{name}.bin")
        wrong = int((blocks != ggml_quantised(rows, name)).sum())
        print(f"{name}: {wrong} of {blocks.size} bytes differ from this build of ggml")
    errors = {}
    for name in K_TYPES:
        decoded = gguf.quants.dequantize(ggml_quantised(rows, name), Type[name])
        squares = ((decoded.astype(np.float64) - rows) ** 2).sum(axis=1)
        ends = np.cumsum([len(part) for part in parts])
        errors[name] = [float(part.sum()) for part in np.split(squares, ends[:-1])]
    golden = dict(rowLength=ROW, groups=[dict(name=n, rows=len(p)) for n, p in zip(names, parts)],
                  squaredErrors=errors)
    (folder / "golden.json").write_text(json.dumps(golden, indent=1) + "\n", encoding="ascii")
    write_manifest(folder)


if __name__ == "__main__":
    main()
