"""Lines that tokenizers get wrong, as bytes; for tools/compare-tokenizers."""

import random

CODE = [
    "for (int i = 0; i < n; ++i) { sum += a[i] * b[i]; }", "\tif (x == nullptr) return -1;",
    "def __init__(self, *args, **kwargs) -> None:", "        return {k: v for k, v in d.items()}",
    "let x = y ?? z!.w?[0] as! [String: Int]", "SELECT * FROM t WHERE a <> 'b''c' -- note",
    "#include <stdio.h>\t\t// why\t", "<div class=\"a b\">&nbsp;&amp;</div>", "$HOME/.config/**/*.{js,ts}",
    "0x7fff_ffff 1e-9 1_000_000 .5 5. 0b1010 1,234,567.89", "a->b::c..d...e/*f*/g\\n\\t\\\\",
    "}}}}}}))))];;;;", "@@ -1,7 +1,9 @@ +++---", "C:\\Users\\x\\y.txt", "{\"k\":[1,2,{\"z\":null}]}",
]
WORDS = [
    "I'm", "you're", "they'VE", "we'll", "IT'S", "don't", "o'clock", "'tis", "rock'n'roll", "'s", "'S",
    "\u2019s", "can\u2019t", "Hello", "world", "the", "The", "THE", "camelCase", "snake_case", "x1y2z3",
    "e-mail", "na\u00efve", "Stra\u00dfe", "\u0130stanbul", "\u01c5", "\ufb01n", "\u00bd", "x\u00b2", "\u2167",
    "\u0663\u0664\u0665", "\uff11\uff12\uff13", "\u4e00\u4e8c\u4e09", "12345", "3.14", "2024-02-29", "100%", "$5.00",
]
CJK = "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8\u3092\u5206\u5272\u3059\u308b\u4f60\u597d\u4e16\u754c\uff0c\u8fd9\u662f\u3002\ud55c\uad6d\uc5b4\u3000\uff01\u300c\u300d\u30fc\uff76\uff9e\U00020000\U0002f800"
ARABIC = "\u0627\u0644\u0633\u0644\u0627\u0645 \u0639\u0644\u064a\u0643\u0645\u060c \u0645\u064e\u0631\u0652\u062d\u064e\u0628\u064b\u0627\u061f \u05e9\u05c1\u05dc\u05d5\u05b9\u05dd \u200f\u200e\u0640\u0640\ufdfa"
INDIC = "\u0928\u092e\u0938\u094d\u0924\u0947 \u0915\u094d\u0937\u0924\u094d\u0930\u093f\u092f \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 \u0ba8\u0bbf \u1019\u103c\u1014\u103a\u1019\u102c \u0f56\u0f7c\u0f51\u0f0b"
EMOJI = [
    "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", "\U0001f44d\U0001f3fd", "\U0001f1e9\U0001f1ea\U0001f1eb", "\u2764\ufe0f",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "1\ufe0f\u20e3", "\U0001f9d1\u200d\U0001f4bb", "\u263a", "\U0001fae0", "\u200d", "\ufe0f",
]
COMBINING = [
    "e\u0301", "\u00e9", "a\u0308\u0323", "\u1e69", "s\u0323\u0307", "s\u0307\u0323", "Z\u0351\u036b\u0343\u036a\u0302\u0360", "\u1100\u1161\u11a8", "\uac01",
    "\u212b", "\u2126", "\u0958", "\u0340", "\u0344", "\u0301", "o\u0328\u0304", "\u09c7\u09be",
]
SPACES = [" ", "  ", "   ", "\t", "\t\t", "\u00a0", "\u3000", "\u2003", "\u200b", "\u2028", "\u2029", "\u0085", "\r", "\v", "\f", "\ufeff", "\u180e", "\u1680", "\u202f"]
CONTROL = [chr(c) for c in range(0x20) if c != 0x0A] + ["\x7f", "\x80", "\x9f", "\u00ad", "\u202e", "\u2066", "\ufff9", "\ufffd", "\uffff", "\ue000", "\U0010ffff", "\u0378"]
MARKS = ["\u2581", "\u0120", "\u010a", "\u0100", "\u0143", "<0x41>", "<unk", "##ing", "\u00c3\u00a9", "@@", "</w>"]
INVALID = [
    b"\x80", b"\xbf\xbf", b"\xc0\x80", b"\xc3", b"\xe2\x82", b"\xe2\x28\xa1", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"\xf0\x9f", b"\xf0",
    b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfe", b"\xff\xff\xff", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xef\xbf",
]


def lines(count, seed=1, invalid=True):
    """At least `count` lines, none with a line feed, the same for the same seed."""
    rng = random.Random(seed)
    made = [line.encode() for line in fixed()]
    makers = [code, prose, run, spaces, mixture, mixture, letters, points, digits, script]
    while len(made) < count:
        made.append(rng.choice(makers)(rng).encode())
        if invalid and rng.random() < 0.08:
            made.append(broken(rng, made[-1]))
    return made


def fixed():
    """One line for each single item, and the long ones."""
    singles = CODE + WORDS + EMOJI + COMBINING + SPACES + CONTROL + MARKS + [CJK, ARABIC, INDIC]
    long = ["a" * 5000, " " * 3000, "\t" * 500, "ab" * 2000, "\U0001f600" * 400, "1" * 2000,
            "\u65e5" * 1000, "-" * 3000, "e" + "\u0301" * 300, "a b " * 500, "." * 64 + " " * 64]
    edges = [f"{a}{w}{b}" for w in ("word", "7", "\u65e5", "'s", "!") for a in SPACES[:8]
             for b in ("", " ", "  ")]
    return [""] + singles + long + edges


def code(rng):
    return " " * rng.choice([0, 1, 2, 3, 4, 7, 8, 16]) + rng.choice(CODE) + rng.choice(
        ["", " ", "\t", "  ", "\r"])


def prose(rng):
    return rng.choice([" ", "  ", " "]).join(
        rng.choice(WORDS) + rng.choice(["", "", ",", ".", "!?", "...", ":", "\"", ")"])
        for _ in range(rng.randint(1, 14)))


def run(rng):
    return "".join(rng.choice(list("aZ .-=_#*~\t\u00a0") + ["\u65e5", "\u00e9"]) * rng.randint(1, 40)
                   for _ in range(rng.randint(1, 5)))


def spaces(rng):
    return "".join(rng.choice(SPACES) * rng.randint(1, 5) + rng.choice(WORDS + [""])
                   for _ in range(rng.randint(1, 6)))


def mixture(rng):
    pool = [rng.choice(WORDS), rng.choice(EMOJI), rng.choice(COMBINING), rng.choice(SPACES),
            rng.choice(CONTROL), rng.choice(MARKS), rng.choice(CJK), rng.choice(ARABIC),
            rng.choice(INDIC), rng.choice(CODE)]
    rng.shuffle(pool)
    return "".join(pool[:rng.randint(1, len(pool))])


def letters(rng):
    return "".join(chr(rng.choice([rng.randint(0x20, 0x7e), rng.randint(0xa0, 0x24f),
                                   rng.randint(0x370, 0x52f), rng.randint(0x20, 0x7e)]))
                   for _ in range(rng.randint(1, 60)))


def points(rng):
    """Any code points, assigned or not."""
    made = []
    while len(made) < rng.randint(1, 24):
        point = rng.choice([rng.randint(0x20, 0xffff), rng.randint(0x10000, 0x1ffff),
                            rng.randint(0x20, 0x2fff)])
        if not 0xd800 <= point <= 0xdfff:
            made.append(chr(point))
    return "".join(made)


def digits(rng):
    return rng.choice(["", " ", "  ", "x", "-", "$"]).join(
        str(rng.randint(0, 10 ** rng.randint(1, 15))) + rng.choice(["", "", ".", ",", "th", "%"])
        for _ in range(rng.randint(1, 8)))


def script(rng):
    source = rng.choice([CJK, ARABIC, INDIC])
    start = rng.randint(0, len(source) - 2)
    return rng.choice(["", " ", "a", "1", "\u3000"]) + source[start:start + rng.randint(1, 30)]


def broken(rng, line):
    """Bytes that are no UTF-8 at an edge of the line, or a character of it cut in two."""
    junk = rng.choice(INVALID)
    return rng.choice([junk + line, line + junk, line[1:] + junk, line[:-1], junk]).replace(b"\n", b"")
