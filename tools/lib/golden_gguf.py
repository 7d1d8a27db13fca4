"""Writes GGUF files of tools/golden.py's models, laid out as llama.cpp's converter does."""

import json
from importlib import metadata

import gguf
import numpy as np
import torch

GPT2_NAMES = {
    "ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
}
LLAMA_NAMES = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
OUTER_NAMES = {
    "transformer.wte.weight": "token_embd.weight",
    "transformer.wpe.weight": "position_embd.weight",
    "transformer.ln_f.weight": "output_norm.weight",
    "transformer.ln_f.bias": "output_norm.bias",
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
PRE = {"gpt2": "gpt-2", "llama3": "llama-bpe", "qwen2": "qwen2"}


def versions():
    return {"gguf": metadata.version("gguf")}


def write(path, family, model, folder, tokenizer, dtype):
    writer = gguf.GGUFWriter(path, family)
    config = model.config
    writer.add_name(folder.name)
    writer.add_file_type({
        "float32": gguf.LlamaFileType.ALL_F32, "float16": gguf.LlamaFileType.MOSTLY_F16,
        "bfloat16": gguf.LlamaFileType.MOSTLY_BF16}[dtype])
    if family == "gpt2":
        add_gpt2(writer, config)
    else:
        add_llama(writer, config)
    add_tokenizer(writer, folder, tokenizer)
    tied = config.tie_word_embeddings
    for name, tensor in model.state_dict().items():
        if (tied and name == "lm_head.weight") or name.endswith(".attn.bias"):
            continue
        add_tensor(writer, rename(name), arranged(name, tensor, family, config), dtype)
    factors = rope_factors(config) if family == "llama" else None
    if factors is not None:
        writer.add_tensor("rope_freqs.weight", factors)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_gpt2(writer, config):
    writer.add_block_count(config.n_layer)
    writer.add_context_length(config.n_positions)
    writer.add_embedding_length(config.n_embd)
    writer.add_feed_forward_length(config.n_inner or 4 * config.n_embd)
    writer.add_head_count(config.n_head)
    writer.add_layer_norm_eps(config.layer_norm_epsilon)


def add_llama(writer, config):
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_vocab_size(config.vocab_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(head_dim)
    rope = config.rope_parameters
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])


def rope_factors(config):
    """What llama.cpp divides the frequencies by, for the llama3 scaling; nil for others."""
    rope = config.rope_parameters
    if rope["rope_type"] != "llama3":
        return None
    exponents = np.arange(0, config.head_dim, 2) / config.head_dim
    wavelengths = 2 * np.pi * rope["rope_theta"] ** exponents
    old = rope["original_max_position_embeddings"]
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    smooth = np.clip((old / wavelengths - low) / (high - low), 0, 1)
    return (1 / ((1 - smooth) / rope["factor"] + smooth)).astype(np.float32)


def add_tokenizer(writer, folder, kind):
    saved = json.loads((folder / "tokenizer.json").read_text())
    vocab = dict(saved["model"]["vocab"])
    added = {token["content"]: token["id"] for token in saved["added_tokens"]}
    vocab.update(added)
    tokens = sorted(vocab, key=vocab.get)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(PRE[kind])
    writer.add_token_list(tokens)
    writer.add_token_types([
        gguf.TokenType.CONTROL if token in added else gguf.TokenType.NORMAL for token in tokens])
    merges = saved["model"]["merges"]
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    special = [token["content"] for token in saved["added_tokens"]]
    writer.add_bos_token_id(vocab[special[0]])
    writer.add_eos_token_id(vocab[special[min(1, len(special) - 1)]])
    writer.add_add_bos_token(False)


def rename(name):
    if name in OUTER_NAMES:
        return OUTER_NAMES[name]
    parts = name.removeprefix("transformer.h.").removeprefix("model.layers.").split(".")
    inner, kind = ".".join(parts[1:-1]), parts[-1]
    return f"blk.{parts[0]}.{({**GPT2_NAMES, **LLAMA_NAMES})[inner]}.{kind}"


def arranged(name, tensor, family, config):
    """GPT-2's Conv1D weights are [in, out] and turn; Llama's query and key rows are reordered, as
    llama.cpp rotates neighbouring elements and transformers the two halves of a head."""
    if family == "gpt2" and ".c_" in name and name.endswith("weight"):
        return tensor.T
    if family == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
        query = name.endswith("q_proj.weight")
        heads = config.num_attention_heads if query else config.num_key_value_heads
        rows = tensor.reshape(heads, 2, tensor.shape[0] // heads // 2, tensor.shape[1])
        return rows.transpose(1, 2).reshape(tensor.shape)
    return tensor


def add_tensor(writer, name, tensor, dtype):
    """Norms and biases stay F32, as llama.cpp wants them."""
    if tensor.dim() == 1 or dtype == "float32":
        writer.add_tensor(name, tensor.to(torch.float32).contiguous().numpy())
    elif dtype == "float16":
        writer.add_tensor(name, tensor.to(torch.float16).contiguous().numpy())
    else:
        data = tensor.to(torch.bfloat16).contiguous().view(torch.uint8).numpy()
        writer.add_tensor(name, data, raw_dtype=gguf.GGMLQuantizationType.BF16)
