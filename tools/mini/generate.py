"""Sentences from a grammar: captions, headlines, opinions, reviews, questions and statements about words of WordNet.

A template is a text with {slots}; a slot's choices are in WORDS (written by hand: words.py, reviews.py), or words of WordNet that its
annotators met at least once. `sentences` yields the same ones for the same seed.
"""
import random
import re
from pathlib import Path

import reviews
import words as general

# WordNet's lexicographer files whose words fill a slot: (part of speech, number of the file).
LEXICON = {
    "wn_animal": ("noun", "05"), "wn_thing": ("noun", "06"), "wn_event": ("noun", "04"), "wn_food": ("noun", "13"),
    "wn_group": ("noun", "14"), "wn_person": ("noun", "18"), "wn_plant": ("noun", "20"), "wn_feeling": ("noun", "12"),
    "wn_idea": ("noun", "09"), "wn_trait": ("noun", "07"), "wn_state": ("noun", "26"), "wn_adj": ("adj", "00"),
}


def lexicon(folder: Path):
    """Lower-case single words of each slot, the ones that WordNet's annotators met."""
    met = {line.split("%")[0] for line in (folder / "cntlist.rev").read_text(encoding="latin-1").splitlines()}
    found = {}
    for slot, (kind, number) in LEXICON.items():
        words = set()
        for line in (folder / f"data.{kind}").read_text(encoding="latin-1").splitlines():
            fields = line.split(" | ")[0].split()
            if not line.startswith(" ") and fields[1] == number:
                lemma = fields[4].split("(")[0]
                if lemma.isalpha() and lemma.islower() and len(lemma) > 2 and lemma in met:
                    words.add(lemma)
        found[slot] = sorted(words)
    return found


def article(text):
    """a or an, as the next word wants it."""
    return re.sub(r"\b([Aa]) (?=[aeiouAEIOU])", r"\1n ", text)


def expand(template, words, draw):
    """The template with a choice for each slot; choices may have slots of their own."""
    while "{" in template:
        template = re.sub(r"\{(\w+)\}", lambda slot: draw.choice(words[slot[1]]), template, count=1)
    return template


def sentences(folder: Path, n: int, seed: int):
    """`n` sentences; kinds of template come by their weights."""
    words = {**general.WORDS, **reviews.WORDS, **lexicon(folder)}
    templates = {**general.TEMPLATES, **reviews.TEMPLATES}
    draw = random.Random(seed)
    kinds, weights = list(templates), [weight for weight, _ in templates.values()]
    for _ in range(n):
        (kind,) = draw.choices(kinds, weights)
        sentence = article(" ".join(expand(draw.choice(templates[kind][1]), words, draw).split()))
        if kind not in ("headline", "post") or draw.random() < 0.5:
            sentence = sentence[0].upper() + sentence[1:]
        yield sentence
