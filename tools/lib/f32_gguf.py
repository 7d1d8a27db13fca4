#!/usr/bin/env python3
"""f32_gguf.py IN.gguf OUT.gguf: the same model with every tensor dequantised to F32.

From such a file llama.cpp computes with float32 activations; from a quantised one it rounds them
to 8 bits first. Metadata is kept, but for the file's type.
"""

import os
import sys

import gguf
import numpy as np

OWN = ("GGUF.", "general.architecture", "general.file_type", "general.quantization_version")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = sys.argv[1:]
    reader = gguf.GGUFReader(source)
    architecture = reader.get_field("general.architecture").contents()
    scratch = f"{target}.{os.getpid()}"
    writer = gguf.GGUFWriter(scratch, architecture)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    for field in reader.fields.values():
        if not field.name.startswith(OWN):
            kind, *inner = field.types
            writer.add_key_value(field.name, field.contents(), kind, inner[0] if inner else None)
    for tensor in reader.tensors:
        writer.add_tensor_info(
            tensor.name, [int(n) for n in reversed(tensor.shape)], np.dtype(np.float32),
            int(tensor.n_elements) * 4)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for tensor in reader.tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)
        writer.write_tensor_data(np.ascontiguousarray(values))
    writer.close()
    os.replace(scratch, target)


if __name__ == "__main__":
    main()
