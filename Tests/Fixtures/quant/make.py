#!/usr/bin/env python3
"""Writes random blocks of every tensor type and the floats that PyPI `gguf` makes of them.

    python -m venv v && v/bin/pip install gguf==0.19.0 numpy==2.4.6 && v/bin/python make.py

TYPE.blocks holds blocks, TYPE.floats the expected fp32 values (little-endian), manifest.json the
versions, the seed and the SHA-256 of each file. Where a block has half-precision factors, some
are replaced by extreme ones: zeros, subnormals, the largest, infinities, NaN.
"""
import hashlib, json, pathlib
import gguf, numpy
from gguf import GGMLQuantizationType as Type

SEED = 20261121
# Type: byte offsets of the half-precision factors in a block.
FACTORS = {"F32": [], "F16": [], "BF16": [], "Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0],
           "Q5_1": [0, 2], "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
EXTREMES = [0x0000, 0x8000, 0x0001, 0x83ff, 0x0400, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00]

folder = pathlib.Path(__file__).parent
random = numpy.random.default_rng(SEED)
manifest = {"command": "make.py", "seed": SEED, "tolerance": "bit-equal, any NaN equals any NaN",
            "versions": {"gguf": "0.19.0", "numpy": numpy.__version__}, "files": {}}
for name, offsets in FACTORS.items():
    length, size = gguf.GGML_QUANT_SIZES[Type[name]]
    count = 512 if length == 1 else 40 if length == 32 else 20
    blocks = random.integers(0, 256, (count, size), numpy.uint8)
    for index, offset in enumerate(offsets):
        for row, extreme in enumerate(EXTREMES):
            # The second factor is extreme in other blocks than the first, but for a few.
            blocks[(row + 7 * index) % count, offset:offset + 2] = [extreme & 255, extreme >> 8]
        # Scales of the size that real models have.
        usual = random.normal(0, 0.02, count - 18).astype(numpy.float16)
        blocks[18:, offset:offset + 2] = usual.view(numpy.uint8).reshape(-1, 2)
    with numpy.errstate(all="ignore"):
        floats = gguf.quants.dequantize(blocks.reshape(1, -1), Type[name]).astype("<f4")
    for suffix, data in (("blocks", blocks.tobytes()), ("floats", floats.tobytes())):
        (folder / f"{name}.{suffix}").write_bytes(data)
        manifest["files"][f"{name}.{suffix}"] = hashlib.sha256(data).hexdigest()
(folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
