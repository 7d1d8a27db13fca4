#!/usr/bin/env python3
"""Writes the novels of Debian's r-cran-janeaustenr as text files, without R.

    austen.py PACKAGE_FOLDER OUTPUT_FOLDER
    austen.py --check OUTPUT_FOLDER      exit 1 unless all of it is there, with the right checksums

PACKAGE_FOLDER is the unpacked .deb. OUTPUT_FOLDER gets austen/TITLE.txt, the text as it stands in
the package, and austen-chapters/TITLE-NN.txt, made for training: a chapter a file, a paragraph a
line, one blank line between paragraphs, without title pages, notes of editors and printers' rules.

A novel is an R character vector, an element a printed line,
blank lines between paragraphs. R keeps the vectors in Rdata.rdb one after another, each four bytes
of length (big endian) and a zlib stream of R's serialisation; Rdata.rdx (gzip) is a serialised list
of where each begins and how long it is. See "R Internals", sections 1.8 (serialization formats) and
1.9 (lazyload databases).
"""

import gzip
import hashlib
import itertools
import re
import struct
import sys
import zlib
from pathlib import Path

DATA = "usr/lib/R/site-library/janeaustenr/data"
# variable: title (file name), chapters, SHA-256 of the text file
NOVELS = {
    "sensesensibility": ("sense-and-sensibility", 50,
        "105e1651fe93bed7130078578efd31e0c557d68667ba672ddc876f735b30fe09"),
    "prideprejudice": ("pride-and-prejudice", 61,
        "dfc684d4f857fa938268f9ab9c5567b64bd0691251eca959644adeabe6287a4d"),
    "mansfieldpark": ("mansfield-park", 48,
        "98bc90519cdf4ef663ad7de2734bb529435ef24f7abbde6bb1a50898871dafe9"),
    "emma": ("emma", 55,
        "7c67b5985c6d0de1efaeb5d342d52cb82c38083c40e2295129e30e87ee690ebe"),
    "northangerabbey": ("northanger-abbey", 31,
        "51f91bbe0517db8e65cff009b097ce0a1836124c4e0532ac19e6c0cad982abed"),
    "persuasion": ("persuasion", 24,
        "8061549557aebd2fd6e353d18d9197cb707029112bd52d4d8b174583a925848a"),
}
# Of all files of chapters together, in the order of their names.
CHAPTERS_SHA256 = "00e59d75ef328f0a4a3e25e6ee171ba6ba3878a662f4a0873d3aee5df8c692bc"

# Types of items, and bits beside the type, in R's serialisation.
SYMBOL, PAIRS, CHARACTERS, LOGICALS, INTEGERS, REALS, STRINGS, LIST = 1, 2, 9, 10, 13, 14, 16, 19
NIL, REFERENCE = 254, 255
HAS_ATTRIBUTES, HAS_TAG = 1 << 9, 1 << 10
MISSING_STRING = -1


class Reader:
    """The items of R's serialisation, XDR format, versions 2 and 3, that vectors are made of."""

    def __init__(self, data):
        self.data = data
        self.position = 0
        self.symbols = []
        if self.take(2) != b"X\n":
            raise ValueError("not R's XDR serialisation")
        version = self.integer()
        self.integer()  # the version of R that wrote it
        self.integer()  # the oldest that can read it
        if version == 3:
            self.take(self.integer())  # the native encoding
        elif version != 2:
            raise ValueError(f"serialisation version {version}, expected 2 or 3")

    def take(self, count):
        end = self.position + count
        if count < 0 or end > len(self.data):
            raise ValueError(f"ends at {len(self.data)}, expected {end} bytes")
        part = self.data[self.position:end]
        self.position = end
        return part

    def integer(self):
        return struct.unpack(">i", self.take(4))[0]

    def item(self):
        """A value; the names of a list become a dictionary's keys, other attributes are dropped."""
        flags = self.integer()
        kind = flags & 0xFF
        if kind == NIL:
            return None
        if kind == REFERENCE:
            return self.symbols[(flags >> 8) - 1]
        if kind == SYMBOL:
            self.symbols.append(self.item())
            return self.symbols[-1]
        if kind == CHARACTERS:
            length = self.integer()
            return None if length == MISSING_STRING else self.take(length).decode("utf-8")
        if kind == PAIRS:
            return self.pairs(flags)
        count = self.integer()
        if kind in (LOGICALS, INTEGERS):
            value = list(struct.unpack(f">{count}i", self.take(4 * count)))
        elif kind == REALS:
            value = list(struct.unpack(f">{count}d", self.take(8 * count)))
        elif kind in (STRINGS, LIST):
            value = [self.item() for _ in range(count)]
        else:
            raise ValueError(f"item of type {kind} at byte {self.position}, not one of a vector's")
        attributes = self.item() if flags & HAS_ATTRIBUTES else {}
        return dict(zip(attributes["names"], value)) if "names" in attributes else value

    def pairs(self, flags):
        """A pair list, as a dictionary."""
        result = {}
        while flags & 0xFF == PAIRS:
            if flags & HAS_ATTRIBUTES:
                self.item()
            tag = self.item() if flags & HAS_TAG else len(result)
            result[tag] = self.item()
            flags = self.integer()
        if flags & 0xFF != NIL:
            raise ValueError("a pair list without its end")
        return result


def read_vectors(folder):
    """The variables of a lazy-load database, by name."""
    index = Reader(gzip.decompress((folder / "Rdata.rdx").read_bytes())).item()
    base = (folder / "Rdata.rdb").read_bytes()
    result = {}
    for name, (offset, length) in index["variables"].items():
        part = base[offset:offset + length]
        data = zlib.decompress(part[4:])
        if len(data) != struct.unpack(">I", part[:4])[0]:
            raise ValueError(f"{name}: unpacks to {len(data)} bytes, not what its header says")
        result[name] = Reader(data).item()
    return result


HEADING = re.compile(r"(?:CHAPTER|Chapter) (?:[IVXL]+|[0-9]+)$")
END = re.compile(r"FINIS|Finis|THE END|\*Vide|A NOTE ON THE TEXT")
EDITOR = re.compile(r" *(?:\[End volume|Printed by T\. and A|Printers to Her|the Edinburgh Univ)")
RULE = re.compile(r"[ *]*$|VOLUME ")


def chapters(lines):
    """The lines of each chapter, its heading first."""
    result = []
    for line in lines:
        if HEADING.match(line):
            result.append([line])
        elif END.match(line):
            break
        elif result:
            result[-1].append("" if RULE.match(line) or EDITOR.match(line) else line)
    return result


def paragraphs(lines):
    """Runs of lines between blank ones, each made one line, except verse, which keeps its lines."""
    for blank, group in itertools.groupby(lines, key=lambda line: not line):
        if blank:
            continue
        group = list(group)
        verse = len(group) > 1 and all(re.match(r" +\W*[A-Z]", line) for line in group)
        group = [" ".join(line.split()) for line in group]
        yield ("\n" if verse else " ").join(group)


def expect(what, found, expected):
    if found != expected:
        sys.exit(f"error: {what}: found {found}, expected {expected}")


def write(package, output):
    try:
        vectors = read_vectors(package / DATA)
    except (OSError, EOFError, ValueError, KeyError, IndexError, struct.error, zlib.error) as error:
        sys.exit(f"error: {package / DATA}: {error}")
    for folder in (output / "austen", output / "austen-chapters"):
        folder.mkdir(parents=True, exist_ok=True)
    for variable, (title, count, _) in NOVELS.items():
        lines = vectors[variable]
        (output / "austen" / f"{title}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        parts = chapters(lines)
        expect(f"chapters of {title}", len(parts), count)
        for number, chapter in enumerate(parts, start=1):
            path = output / "austen-chapters" / f"{title}-{number:02}.txt"
            path.write_text("\n\n".join(paragraphs(chapter)) + "\n", encoding="utf-8")


def check(output):
    for title, _, expected in NOVELS.values():
        data = (output / "austen" / f"{title}.txt").read_bytes()
        found = hashlib.sha256(data).hexdigest()
        print(f"{found}  {title}.txt  {len(data)} bytes", file=sys.stderr)
        expect(f"SHA-256 of {title}.txt", found, expected)
    files = sorted((output / "austen-chapters").iterdir())
    found = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    print(f"{found}  {len(files)} chapters together", file=sys.stderr)
    expect("SHA-256 of all chapters", found, CHAPTERS_SHA256)


def main():
    if len(sys.argv) != 3 or {"-h", "--help"} & set(sys.argv):
        print(__doc__)
        sys.exit(0 if {"-h", "--help"} & set(sys.argv) else 64)
    if sys.argv[1] != "--check":
        write(*map(Path, sys.argv[1:]))
    try:
        check(Path(sys.argv[2]))
    except OSError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
