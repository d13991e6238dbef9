#!/usr/bin/env python3
"""Writes fixtures/static: tiny static encoders with random tables, and the embeddings that Python gives.

    pip install sentence-transformers model2vec
    python make_static_fixtures.py [FOLDER]

Made with sentence-transformers 6.2, model2vec 0.10 and tokenizers 0.23. The same versions write the same bytes.
"""

import json
import os
import shutil
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import numpy as np
import torch
from model2vec import StaticModel
from safetensors.numpy import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, StaticEmbedding
from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parent.parent / "fixtures"
WIDTH = 16
TEXTS = [
    "A quiet harbour.",
    "The baker sends a short letter, and she would like to read it before Friday!",
    "The harbour was quiet before the first boats came home with the tide. " * 3,
    "",
    " \t\n ",
    "Naïve café 🙂👍🏽 costs 5€ – “really”…",
    "今天天气很好 🙂",
    "🙂",
    "[CLS] a letter [SEP] and a boat [UNK] [PAD]",
    "a " * 60,
]
PROMPTS = {"query": "a letter: ", "document": ""}


def tokenizer():
    """That of the tiny BERT; it puts [CLS] and [SEP] around texts if it is let."""
    return Tokenizer.from_file(str(ROOT / "families/bert/tokenizer.json"))


def table(seed, rows=None):
    rows = rows or tokenizer().get_vocab_size()
    return np.random.default_rng(seed).normal(size=(rows, WIDTH)).astype(np.float32)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def clean(folder):
    (folder / "README.md").unlink(missing_ok=True)


def sentence_transformers(folder):
    """As version 6 writes it, with prompts and a default one."""
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer(), embedding_weights=table(1))], device="cpu")
    model.prompts, model.default_prompt_name = dict(PROMPTS), None
    model.save_pretrained(str(folder))


def nested(folder):
    """As older versions wrote it: 0_StaticEmbedding, a dense layer, length one; the tokenizer cuts at 9 tokens."""
    cutting = tokenizer()
    cutting.enable_truncation(9)
    (folder / "0_StaticEmbedding").mkdir(parents=True)
    cutting.save(str(folder / "0_StaticEmbedding/tokenizer.json"))
    save_file({"embedding.weight": table(2)}, folder / "0_StaticEmbedding/model.safetensors")
    torch.manual_seed(2)
    (folder / "1_Dense").mkdir()
    Dense(WIDTH, 12, activation_function=torch.nn.Tanh()).save(str(folder / "1_Dense"))
    modules = [("0_StaticEmbedding", "StaticEmbedding"), ("1_Dense", "Dense"), ("2_Normalize", "Normalize")]
    write_json(folder / "modules.json", [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(modules)])
    write_json(folder / "config_sentence_transformers.json",
               {"prompts": PROMPTS, "default_prompt_name": "query", "similarity_fn_name": "cosine", "truncate_dim": 8})


def model2vec(folder):
    """As version 0.10 writes what it distils: unknown tokens do not count, length one."""
    config = {"model_type": "model2vec", "architectures": ["StaticModel"], "tokenizer_name": "tiny", "apply_pca": WIDTH,
              "hidden_dim": WIDTH, "seq_length": 1000000, "normalize": True}
    StaticModel(table(3), tokenizer(), config=config, normalize=True, max_length=20).save_pretrained(folder)


def model2vec_quantized(folder):
    """A mapping to few rows of 8-bit numbers, a weight for each token, no modules.json, no maximum length."""
    random = np.random.default_rng(4)
    n_tokens = tokenizer().get_vocab_size()
    rows = random.integers(-127, 128, size=(40, WIDTH)).astype(np.int8)
    mapping = random.integers(0, 40, size=n_tokens).astype(np.int32)
    weights = random.uniform(0.1, 1.0, size=n_tokens).astype(np.float32) / 100
    StaticModel(rows, tokenizer(), weights=weights, token_mapping=mapping, max_length=None).save_pretrained(folder)
    (folder / "modules.json").unlink()


def model2vec_half(folder):
    """16-bit numbers, and a config.json that does not say what it is of."""
    StaticModel(table(5).astype(np.float16), tokenizer()).save_pretrained(folder)
    (folder / "modules.json").unlink()


def embed(folder, name):
    """What Python gives, by the library that the folder is made for."""
    if not name.startswith("model2vec"):
        model = SentenceTransformer(str(folder), device="cpu")
        encode = lambda **options: model.encode(TEXTS, batch_size=64, **options)
        embeddings = {"embeddings": encode(), "truncated_5": encode(truncate_dim=5),
                      "truncated_5_normalized": encode(truncate_dim=5, normalize_embeddings=True)}
        return embeddings | {f"prompt.{prompt}": encode(prompt_name=prompt) for prompt in PROMPTS}
    model = StaticModel.from_pretrained(folder)
    if model.embedding.dtype == np.float16:
        model.embedding = model.embedding.astype(np.float32)  # else means are rounded to 16 bits
    embeddings = {"embeddings": model.encode(TEXTS)}
    if (folder / "modules.json").exists():
        known = [text for text in TEXTS if len(text) < 60 and model.unk_token_id not in model.tokenizer.encode(text).ids]
        theirs = SentenceTransformer(str(folder), device="cpu").encode(known)
        assert np.abs(theirs - model.encode(known)).max() < 1e-6, "both libraries agree where no token is unknown"
    return embeddings


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "static"
    shutil.rmtree(root, ignore_errors=True)
    golden = {}
    for make in [sentence_transformers, nested, model2vec, model2vec_quantized, model2vec_half]:
        name = make.__name__.replace("_", "-")
        make(root / name)
        clean(root / name)
        golden |= {f"{name}.{key}": np.ascontiguousarray(value, dtype=np.float32)
                   for key, value in embed(root / name, name).items()}
    save_file(golden, root / "golden.safetensors")
    write_json(root / "golden.json", {"texts": TEXTS})


if __name__ == "__main__":
    main()
