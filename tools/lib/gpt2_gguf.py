#!/usr/bin/env python3
"""gpt2_gguf.py OUT.gguf: a model of GPT-2's 124M shape with random weights, in float32.

Speed does not depend on what the weights are, and the published ones need a download. Deviations
are those of GPT-2 (0.02, seed 1). The tokenizer has the right size and works, but its merges are
made up: every pair of bytes in turn.
"""

import os
import sys

import gguf
import numpy as np

WIDTH, HIDDEN, BLOCKS, HEADS, CONTEXT, VOCABULARY = 768, 3072, 12, 12, 1024, 50257


def byte_alphabet():
    """GPT-2's printable stand-ins of the 256 bytes (Radford et al. 2019, encoder.py)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]


def add_tokenizer(writer):
    alphabet = byte_alphabet()
    merges = [f"{a} {b}" for a in alphabet for b in alphabet][:VOCABULARY - 257]
    tokens = alphabet + [merge.replace(" ", "") for merge in merges] + ["<|endoftext|>"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(
        [gguf.TokenType.NORMAL] * (VOCABULARY - 1) + [gguf.TokenType.CONTROL])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(VOCABULARY - 1)
    writer.add_eos_token_id(VOCABULARY - 1)
    writer.add_add_bos_token(False)


def add_tensors(writer):
    random = np.random.default_rng(1)

    def matrix(name, *shape):
        values = random.standard_normal(shape, dtype=np.float32) * np.float32(0.02)
        writer.add_tensor(f"{name}.weight", values)

    def vector(name, count, kind="bias", value=0.0):
        writer.add_tensor(f"{name}.{kind}", np.full(count, value, np.float32))

    def norm(name):
        vector(name, WIDTH, "weight", 1.0)
        vector(name, WIDTH)

    matrix("token_embd", VOCABULARY, WIDTH)
    matrix("position_embd", CONTEXT, WIDTH)
    norm("output_norm")
    for block in range(BLOCKS):
        norm(f"blk.{block}.attn_norm")
        norm(f"blk.{block}.ffn_norm")
        for name, outputs, inputs in (("attn_qkv", 3 * WIDTH, WIDTH), ("attn_output", WIDTH, WIDTH),
                                      ("ffn_up", HIDDEN, WIDTH), ("ffn_down", WIDTH, HIDDEN)):
            matrix(f"blk.{block}.{name}", outputs, inputs)
            vector(f"blk.{block}.{name}", outputs)


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    target = sys.argv[1]
    scratch = f"{target}.{os.getpid()}"
    writer = gguf.GGUFWriter(scratch, "gpt2")
    writer.add_name("GPT-2 124M shape, random weights")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_block_count(BLOCKS)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(1e-5)
    writer.add_vocab_size(VOCABULARY)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    add_tokenizer(writer)
    add_tensors(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(scratch, target)


if __name__ == "__main__":
    main()
