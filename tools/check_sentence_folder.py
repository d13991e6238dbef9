#!/usr/bin/env python3
"""Holds the embeddings of a model folder against those that sentence-transformers computes from it.

    python check_sentence_folder.py MODEL TEXTS EXPECTED [--tolerance 1e-5] [--normalize]

MODEL is the folder. TEXTS has one text a line, or JSON lines with a `text`, or is a JSON file with a list
of texts under `texts`. EXPECTED has one embedding a text: an .npy file of shape [texts, width], or JSON
lines that are a list or an object with an `embedding`. Without EXPECTED (`-`) the embeddings are written
to standard output as JSON lines.

Prints the largest absolute difference; exits with 1 if that is above the tolerance.
"""

import argparse
import json
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import numpy
from sentence_transformers import SentenceTransformer


def read_texts(path):
    if path.endswith(".json"):
        with open(path, encoding="utf-8") as f:
            return json.load(f)["texts"]
    with open(path, encoding="utf-8", newline="\n") as f:
        lines = [line.rstrip("\n") for line in f]
    return [json.loads(line)["text"] for line in lines] if path.endswith(".jsonl") else lines


def read_embeddings(path):
    if path.endswith(".npy"):
        return numpy.load(path)
    with open(path, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    return numpy.array([row if isinstance(row, list) else row["embedding"] for row in rows], dtype=numpy.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("texts")
    parser.add_argument("expected")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    parser.add_argument("--normalize", action="store_true", help="scale the embeddings to length 1 first")
    args = parser.parse_args()

    texts = read_texts(args.texts)
    model = SentenceTransformer(args.model, device="cpu", model_kwargs={"dtype": "float32"})
    found = model.encode(texts, normalize_embeddings=args.normalize)
    if args.expected == "-":
        for row in found:
            print(json.dumps([float(value) for value in row]))
        return 0
    expected = read_embeddings(args.expected)
    if expected.shape != found.shape:
        print(f"shapes differ: expected {expected.shape}, found {found.shape}", file=sys.stderr)
        return 1
    difference = float(numpy.abs(expected - found).max()) if found.size else 0.0
    print(f"{len(texts)} texts, max_seq_length {model.max_seq_length}, max abs difference {difference:.3g}")
    return 0 if difference <= args.tolerance else 1


if __name__ == "__main__":
    sys.exit(main())
