"""Small tokenizers for tools/golden.py, trained on a few lines, laid out as published ones are."""

import io
import json

import sentencepiece
import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

TEXT = """\
It was a bright cold day in April, and the clocks were striking thirteen.
The quick brown fox jumps over the lazy dog; the dog doesn't mind, and we'll see why.
for (int i = 0; i < 10; i++) { total += values[i] * 2.5; }
She said: "I'm here, you're there, they've gone - that's all there is to it."
A model reads the words before it and says which word comes next, and next, and next.
1234567890 times 42 is 51851851380; 7 + 8 = 15 and 3.14159 is not quite pi.
"""
SAMPLES = [
    "The quick brown fox",
    "It was a bright cold day,  and the dog's   there.\n\nNext: 12345 words\n",
    "we'll see WHY they've gone",
    " leading and trailing ",
    "for (int i = 0; i < 10; i++) {\n    total += 2;\n}",
    "na\u00efve caf\u00e9 \u2014 \u65e5\u672c\u8a9e \U0001f600 e\u0301",
    "",
]

# As in the published tokenizer.json files of these models.
LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2_SPLIT = LLAMA3_SPLIT.replace(r"\p{N}{1,3}", r"\p{N}")
SPECIAL = {
    "gpt2": ["<|endoftext|>"],
    "llama3": ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"],
    "qwen2": ["<|im_start|>", "<|endoftext|>", "<|im_end|>"],
}


def versions():
    return {"sentencepiece": sentencepiece.__version__, "tokenizers": tokenizers.__version__}


def write(folder, kind, vocab_size):
    """Writes the tokenizer's files; returns sample texts with their ids."""
    if kind == "sentencepiece":
        return write_sentencepiece(folder, vocab_size)
    tokenizer = train_byte_level(kind, vocab_size)
    tokenizer.save(str(folder / "tokenizer.json"))
    special = SPECIAL[kind]
    write_config(folder, {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": special[0],
        "eos_token": special[min(1, len(special) - 1)],
        "add_bos_token": False,
        "clean_up_tokenization_spaces": False,
    })
    texts = SAMPLES + [f"{special[0]}The dog{special[-1]} next"]
    return [{"text": t, "ids": tokenizer.encode(t, add_special_tokens=False).ids} for t in texts]


def train_byte_level(kind, vocab_size):
    """The special tokens come last, as added tokens. Small gpt2 vocabularies have no room for all
    256 bytes: they hold those of the text, and drop others."""
    special = SPECIAL[kind]
    tokenizer = Tokenizer(models.BPE())
    if kind == "gpt2":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        pattern = LLAMA3_SPLIT if kind == "llama3" else QWEN2_SPLIT
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ])
    if kind == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    all_bytes = [] if kind == "gpt2" else sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(special), initial_alphabet=all_bytes, show_progress=False)
    tokenizer.train_from_iterator(TEXT.splitlines(keepends=True), trainer)
    tokenizer.add_special_tokens(special)
    assert tokenizer.get_vocab_size() == vocab_size, tokenizer.get_vocab_size()
    return tokenizer


def write_sentencepiece(folder, vocab_size):
    """As Mistral's: BPE, byte fallback, no normaliser, digits apart, a space put before the text."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT.splitlines()), model_writer=model, vocab_size=vocab_size,
        model_type="bpe", byte_fallback=True, split_digits=True, character_coverage=0.98,
        normalization_rule_name="identity", remove_extra_whitespaces=False, num_threads=1,
        allow_whitespace_only_pieces=True, minloglevel=2, hard_vocab_limit=True)
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    write_config(folder, {
        "tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>",
        "unk_token": "<unk>", "add_bos_token": True, "add_eos_token": False,
        "clean_up_tokenization_spaces": False, "legacy": False,
    })
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    assert processor.get_piece_size() == vocab_size
    return [{"text": t, "ids": processor.encode(t)} for t in SAMPLES]


def write_config(folder, config):
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
