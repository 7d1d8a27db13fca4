"""The PyPI packages' tokenizer for a model: a function from a text to ids; for
tools/compare-tokenizers."""

import sys
from pathlib import Path

import gguf
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

import golden_tokenizers

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6


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
    return processor.encode, name


def with_tokenizers(tokenizer, name):
    tokenizer.no_truncation()
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids, name


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
    proto = sentencepiece_model_pb2.ModelProto()
    for token, score, kind in zip(tokens, scores, types):
        proto.pieces.add(piece=token, score=score, type=kind)
    proto.trainer_spec.model_type = proto.trainer_spec.BPE
    proto.trainer_spec.byte_fallback = BYTE in types
    proto.normalizer_spec.name = "identity"
    proto.normalizer_spec.add_dummy_prefix = bool(add_prefix)
    proto.normalizer_spec.remove_extra_whitespaces = False
    proto.normalizer_spec.escape_whitespaces = True
    return proto.SerializeToString()


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
