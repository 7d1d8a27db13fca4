"""The PyPI packages' tokenizer for a model: a function from a text to ids; for
tools/compare-tokenizers."""

import struct
import sys
from pathlib import Path

import gguf
import sentencepiece
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

import golden_tokenizers

NORMAL, CONTROL, USER_DEFINED, BYTE = 1, 3, 4, 6


def of(path):
    """Returns (encode, what it is)."""
    path = Path(path)
    if path.is_dir():
        return of_folder(path)
    if path.suffix == ".gguf":
        return of_gguf(path)
    if path.suffix == ".json":
        return with_tokenizers(Tokenizer.from_file(str(path)), "tokenizers")
    return with_sentencepiece(path.read_bytes(), "sentencepiece")


def of_folder(path):
    if (path / "tokenizer.json").exists():
        return of(path / "tokenizer.json")
    if (path / "tokenizer.model").exists():
        return of(path / "tokenizer.model")
    if not (path / "vocab.json").exists():
        sys.exit(f"error: {path}: no tokenizer.json, tokenizer.model or vocab.json")
    tokenizer = Tokenizer(models.BPE.from_file(str(path / "vocab.json"), str(path / "merges.txt")))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return with_tokenizers(tokenizer, "tokenizers, gpt-2 from vocab.json and merges.txt")


def with_sentencepiece(model, name):
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return processor.encode, name.replace(
        "sentencepiece", f"sentencepiece {sentencepiece.__version__}", 1)


def with_tokenizers(tokenizer, name):
    tokenizer.no_truncation()
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids, name.replace(
        "tokenizers", f"tokenizers {tokenizers.__version__}", 1)


def of_gguf(path):
    reader = gguf.GGUFReader(path)

    def field(name, default=None):
        found = reader.get_field(f"tokenizer.ggml.{name}")
        return default if found is None else found.contents()

    kind = field("model")
    tokens, types = field("tokens"), field("token_type")
    types = types or [NORMAL] * len(tokens)
    if kind == "llama":
        return with_sentencepiece(
            sentencepiece_of(tokens, field("scores"), types, field("add_space_prefix", True)),
            "sentencepiece, BPE from the GGUF's pieces and scores")
    if kind != "gpt2":
        sys.exit(f"error: {path}: tokenizer.ggml.model is {kind}, expected llama or gpt2")
    return byte_level_of(tokens, types, field("merges"), field("pre", "gpt-2"))


def sentencepiece_of(tokens, scores, types, add_prefix):
    """A serialised ModelProto (sentencepiece_model.proto), with no normaliser."""
    pieces = b"".join(
        message(1, message(1, token.encode()) + b"\x15" + struct.pack("<f", score) + number(3, kind))
        for token, score, kind in zip(tokens, scores, types))
    trainer = number(3, 2) + number(35, int(BYTE in types))  # BPE, byte_fallback
    # add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces
    normalizer = message(1, b"identity") + number(3, int(add_prefix)) + number(4, 0) + number(5, 1)
    return pieces + message(2, trainer) + message(3, normalizer)


def varint(value):
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(made) + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def message(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


def pre_tokenizer_of(pre):
    """As in the published tokenizer.json of the models that llama.cpp gave these names to."""
    whole = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    bare = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    if pre in ("gpt-2", "default"):
        return whole
    if pre in ("smollm", "starcoder"):
        return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), whole])
    splits = {"llama-bpe": golden_tokenizers.LLAMA3_SPLIT, "qwen2": golden_tokenizers.QWEN2_SPLIT}
    if pre not in splits:
        sys.exit(f"error: no reference for tokenizer.ggml.pre {pre}")
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(splits[pre]), behavior="isolated"), bare])


def byte_level_of(tokens, types, merges, pre):
    vocab = {token: index for index, token in enumerate(tokens)}
    pairs = [tuple(merge.split(" ", 1)) for merge in merges]
    tokenizer = Tokenizer(models.BPE(vocab, pairs, ignore_merges=pre == "llama-bpe"))
    tokenizer.pre_tokenizer = pre_tokenizer_of(pre)
    if pre == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_special_tokens(
        [AddedToken(t, special=True, normalized=False) for t, k in zip(tokens, types)
         if k == CONTROL])
    tokenizer.add_tokens(
        [AddedToken(t, normalized=False) for t, k in zip(tokens, types) if k == USER_DEFINED])
    return with_tokenizers(tokenizer, f"tokenizers, {pre} from the GGUF's tokens and merges")
