#!/usr/bin/env python3
"""Writes the golden files of GPTTokenizerTests beside itself; the same bytes every time.

  pip install tokenizers==0.23.3 sentencepiece==0.2.3 jinja2==3.1.6
  python make.py

lines.jsonl      texts, a JSON string a line
<name>.json      tokenizer.json files that share one small vocabulary and differ in the pre-tokeniser
spm-*.model      small SentencePiece models
<name>.hashes    for each line, FNV-1a (32 bit, hex) of its ids as little-endian 32-bit numbers
templates/       chat templates written for these tests in the manner of published ones
chat.jsonl       what jinja2 makes of them
manifest.json    versions and SHA-256 of every file
"""
import hashlib, importlib.metadata, io, json, os, random
from jinja2.sandbox import ImmutableSandboxedEnvironment
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers as pre, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = os.path.join(HERE, "../../../../shared/tokenizers/unigram-1000.model")
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def lines():
    rng = random.Random(20)
    fixed = [
        "def f(x):\n    return x  # 'tis\n", "\t\tif (a!=b){ i++; }\r\n", "#include <stdio.h>\n\n\n",
        "x  =  1;", "   leading", "trailing   ", "a\u00a0b\u3000c", "\u2028\u2029\x85", "",
        "I'm we've they'll he'd it's don't you're I'M WE'VE", "'S 'T 'ſ 'ſx it'ſ",
        "12345 6789 ½ ² Ⅷ ٣٤٥ 1,234.56", "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪", "日本語のテキスト、中文文本。한국어",
        "العربية نص مُشَكَّل", "שלום עולם", "हिन्दी में पाठ", "e\u0301 a\u0308\u0323 Ä Å \u212b",
        "\x00\x01\x1f\x7f", "\n", " ", "  ", "   \n  \n x", "\u200b\u200d\ufeff", "ﬁ ﬂ ½ Å ﷺ",
        "!!!???...---", "<|endoftext|> <s> </s> <unk>", "<|im_start|>user\nhi<|im_end|>",
        "http://x.y/z?q=1&r=2", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈", "▁under▁", "ĠGPT Ċ", "x" * 300, " " * 200, "\n" * 100,
        "ab " * 60, "HTTPServer camelCaseWord SQLQuery iPhone ÉCOLE Éa", "a/b//c\n/", "ǅungla ǅ",
    ]
    pool = list("      \n\r\t'abcdefghXYZ019.,!?/-_sStTdDmM$+^") + [
        "'re", "'LL", "é", "e\u0301", "日", "ع", "\u0301", "\u20e3", "🙂", "\u200d", "\ufe0f", "Ⅷ",
        "²", "½", "٣", "\u00a0", "\u3000", "\u2028", "\x0b", "\x1c", "\x85", "\u1680", "\u180e",
        "ǅ", "ʰ", "ª", "ſ", "ß", "İ", "𐐀", "“", "—", "\0", "▁", "क्षि", "각", "the ", "river", "house"]
    some = ["".join(rng.choice(pool) for _ in range(rng.randrange(1, 28))) for _ in range(1800)]
    ranges = [(0x20, 0x250), (0x250, 0x3000), (0x3000, 0xD800), (0xE000, 0x20000)]
    wild = ["".join(chr(rng.randrange(*rng.choice(ranges))) for _ in range(rng.randrange(1, 14)))
            for _ in range(300)]
    return fixed + some + wild


def corpus():
    rng = random.Random(21)
    words = ("the a one this that old small river stone house garden child letter engine window "
             "holds finds carries moves turns don't it's we're 12 days 1999 é ñ über 日本 x=1; "
             "return def if (a) { } // http \n   \t").split(" ")
    return [" ".join(rng.choice(words) for _ in range(12)) + rng.choice(".!?") for _ in range(400)]


def variants():
    contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    spaces = r"\s+(?!\S)|\s+"
    upper, lower = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
    lead = r"[^\r\n\p{L}\p{N}]?"
    rest = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|" + spaces

    def plain(digits):
        return contractions + r"|[^\r\n\p{L}\p{N}]?\p{L}+|" + digits + rest

    def cased(tail, digits):
        return (f"{lead}{upper}*{lower}+{tail}|{lead}{upper}+{lower}*{tail}|{digits}"
                + rest.replace(r"[\r\n]*", r"[\r\n/]*", 1))

    def split(pattern):
        return pre.Sequence([pre.Split(Regex(pattern), "isolated"),
                             pre.ByteLevel(add_prefix_space=False, use_regex=False)])
    byte_level = pre.ByteLevel(add_prefix_space=False)
    return {
        "gpt-2": byte_level, "prefix-space": pre.ByteLevel(add_prefix_space=True),
        "smollm": pre.Sequence([pre.Digits(True), byte_level]),
        "llama-bpe": split(plain(r"\p{N}{1,3}")), "qwen2": split(plain(r"\p{N}")),
        "gpt-4o": split(cased(contractions + "?", r"\p{N}{1,3}")),
        "tekken": split(cased("", r"\p{N}")),
    }


def fingerprint(ids):
    value = 0x811C9DC5
    for byte in b"".join(i.to_bytes(4, "little") for i in ids):
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return f"{value:08x}"


def write(name, data):
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)


def hashes(name, texts, encode):
    write(name + ".hashes", "".join(fingerprint(encode(text)) + "\n" for text in texts))


def byte_level(texts):
    base = Tokenizer(models.BPE())
    base.pre_tokenizer = pre.ByteLevel(add_prefix_space=False)
    base.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=420, special_tokens=SPECIAL, show_progress=False,
        initial_alphabet=sorted(pre.ByteLevel.alphabet())))
    model = json.loads(base.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    for name, pre_tokenizer in variants().items():
        tokenizer = Tokenizer(models.BPE(
            vocab=model["vocab"], merges=merges, ignore_merges=name in ("llama-bpe", "tekken")))
        tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizer, decoders.ByteLevel()
        if name == "qwen2":
            tokenizer.normalizer = normalizers.NFC()
        tokenizer.add_special_tokens([AddedToken(
            text, special=True, lstrip=name == "gpt-4o", rstrip=name == "tekken",
            single_word=name == "prefix-space") for text in SPECIAL])
        if name == "llama-bpe":
            tokenizer.post_processor = processors.TemplateProcessing(
                single="<|im_start|> $A", special_tokens=[("<|im_start|>", 1)])
        write(name + ".json", tokenizer.to_str())
        hashes(name, texts, lambda text: tokenizer.encode(text).ids)


def sentence_piece(texts):
    for kind in ("bpe", "unigram"):
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(corpus()), model_writer=model, vocab_size=380, model_type=kind,
            byte_fallback=True, normalization_rule_name="identity", num_threads=1, minloglevel=2,
            remove_extra_whitespaces=kind == "unigram", hard_vocab_limit=False,
            user_defined_symbols=["<sep>"], control_symbols=["<pad>"])
        write(f"spm-{kind}.model", model.getvalue())
        hashes(f"spm-{kind}", texts,
               sentencepiece.SentencePieceProcessor(model_proto=model.getvalue()).encode)
    if os.path.exists(SHARED):
        shared = sentencepiece.SentencePieceProcessor(model_file=SHARED)
        hashes("shared-unigram-1000", texts, shared.encode)


CONVERSATIONS = [
    [("user", "Hi")],
    [("system", " Be brief. "), ("user", "What's 2+2?\n"), ("assistant", "<think>hm</think>\n\n4"),
     ("user", "日本 <|im_end|> é")],
    [("user", "weather?"), ("assistant", ""), ("tool", '18 "C"'), ("assistant", "It is 18"),
     ("user", "ok")],
]
TOOLS = [{"type": "function", "function": {
    "name": "w", "description": "Weather é <b>",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]
CALL = [{"id": "c12345678", "type": "function", "function": {
    "name": "w", "arguments": {"city": "Paris", "n": [1, 2.5, None, True]}}}]


def chat():
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])

    def fail(message):
        raise ValueError(message)
    environment.filters["tojson"] = lambda value, indent=None: json.dumps(
        value, ensure_ascii=False, indent=indent)
    environment.globals["raise_exception"] = fail
    rows = []
    for name in sorted(os.listdir(os.path.join(HERE, "templates"))):
        with open(os.path.join(HERE, "templates", name), encoding="utf-8", newline="") as file:
            template = environment.from_string(file.read())
        for conversation in CONVERSATIONS:
            messages = [{"role": role, "content": content} for role, content in conversation]
            for message in messages:
                if message["content"] == "":
                    message["tool_calls"] = CALL
            for tools, prompt in ((None, True), (TOOLS, False)):
                row = {"template": name, "messages": messages, "prompt": prompt, "tools": tools}
                try:
                    row["text"] = template.render(
                        messages=messages, add_generation_prompt=prompt, bos_token="<s>",
                        eos_token="</s>", tools=tools, documents=None, date_string="26 Jul 2024")
                except Exception:
                    row["text"] = None
                rows.append(row)
    write("chat.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def manifest():
    versions = {p: importlib.metadata.version(p) for p in ("tokenizers", "sentencepiece", "jinja2")}
    files = {}
    for folder, _, names in os.walk(HERE):
        for name in names:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, HERE)
            if relative not in ("manifest.json", "make.py"):
                files[relative] = hashlib.sha256(open(path, "rb").read()).hexdigest()
    write("manifest.json", json.dumps({
        "command": "python make.py", "versions": versions, "tolerance": "exact",
        "sha256": dict(sorted(files.items()))}, indent=1) + "\n")


if __name__ == "__main__":
    TEXTS = lines()
    write("lines.jsonl", "".join(json.dumps(text) + "\n" for text in TEXTS))
    byte_level(TEXTS)
    sentence_piece(TEXTS)
    chat()
    manifest()
