#!/usr/bin/env python3
"""Times umbel beside its peers on the same workloads, all taking turns, and prints a table.

usage: bench.py --model DIR --data DIR [--peers DIR] [--work w1,w2,w3] [--runs R] [--rows N] [--out FILE]

--model  folder of all-MiniLM-L6-v2
--data   folder with w1_ragged.jsonl, w2_uniform.jsonl, w3_train.jsonl (text, n_tokens; to train label, score)
--peers  folder with bench_embed.py and bench_train.py, the peers' side; without it umbel runs alone
--onnx   folder of exported ONNX graphs, to include ONNX Runtime

Build first: cargo bench -p umbel --bench workloads --no-run. A run is A B C A B C ...; figures are medians.
Useful GFLOP/s count real tokens only, none of padding: forward 2 x weights of matrix products x tokens +
layers x 4 x hidden x n^2 a text; training three times that.
"""
import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

LAYERS, HIDDEN, FFN = 6, 384, 1536
MATMUL_WEIGHTS = LAYERS * (4 * HIDDEN * HIDDEN + 2 * HIDDEN * FFN)
ROOT = Path(__file__).resolve().parent.parent
WORKS = {
    "w1": ("w1_ragged", 1024, "embed", ["torch_sorted", "st_encode", "ort_fused"]),
    "w2": ("w2_uniform", 256, "embed", ["torch_sorted", "st_encode", "ort_fused"]),
    "w3": ("w3_train", 512, "train", ["plain", "bucket"]),
}


def forward_flops(lengths):
    return sum(2 * MATMUL_WEIGHTS * n + LAYERS * 4 * HIDDEN * n * n for n in lengths)


def umbel(kind, args, file, rows):
    """A function that runs umbel's side once and gives its seconds."""
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    binaries = [p for p in glob.glob(f"{target}/release/deps/workloads-*") if os.access(p, os.X_OK) and "." not in Path(p).name]
    if not binaries:
        sys.exit("build first: cargo bench -p umbel --bench workloads --no-run")
    binary = max(binaries, key=os.path.getmtime)
    process = subprocess.Popen([binary, kind, args.model, file, str(rows)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().strip() == "ready"
    peak = {}

    def run():
        process.stdin.write("run\n")
        process.stdin.flush()
        line = json.loads(process.stdout.readline())
        peak["mb"] = line["peak_rss_mb"]
        return line["seconds"]

    return run, peak


def timed(fn):
    def run():
        start = time.perf_counter()
        fn()
        return time.perf_counter() - start
    return run


def peers(kind, names, args, rows):
    """The peers' functions, by name; those that cannot be built are left out with a word on stderr."""
    if not args.peers:
        return {}
    sys.path.insert(0, args.peers)
    found = {}
    for name in names:
        if name.startswith("ort") and not args.onnx:
            print(f"{name} is left out: it needs --onnx", file=sys.stderr)
            continue
        try:
            if kind == "embed":
                import bench_embed
                a = SimpleNamespace(model=args.model, onnx=args.onnx, st_onnx=None, threads=None)
                embed, texts = bench_embed.build(name, a), [row["text"] for row in rows]
                found[name] = timed(lambda embed=embed: embed(texts))
            else:
                import bench_train
                a = SimpleNamespace(model=args.model)
                epoch = bench_train.loop(a, rows, bucket=name.startswith("bucket"))
                found[name] = timed(epoch)
        except Exception as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return found


def measure(work, args):
    file, n_rows, kind, names = WORKS[work]
    path = Path(args.data) / f"{file}.jsonl"
    rows = [json.loads(line) for line in open(path, encoding="utf-8")][:args.rows or n_rows]
    run, peak = umbel(kind, args, str(path), len(rows))
    variants = {"umbel": run, **peers(kind, names, args, rows)}
    seconds = {name: [] for name in variants}
    if not args.cold:
        run()
    for turn in range(args.runs):
        for name, fn in variants.items():
            seconds[name].append(fn())
            print(f"  {work} {name}: {seconds[name][-1]:.2f} s", file=sys.stderr, flush=True)
    lengths = [row["n_tokens"] for row in rows]
    flops = forward_flops(lengths) * (3 if kind == "train" else 1)
    best = min((statistics.median(s) for name, s in seconds.items() if name != "umbel"), default=None)
    ours = statistics.median(seconds["umbel"])
    lines = [f"### {file}, {len(rows)} rows, {sum(lengths)} tokens, {args.runs} runs", "",
             "| variant | s (min..max) | rows/s | useful GFLOP/s | umbel is faster by |", "|---|---|---|---|---|"]
    for name, s in seconds.items():
        m = statistics.median(s)
        ratio = "" if name == "umbel" else f"{m / ours:.2f}x"
        lines.append(f"| {name} | {m:.2f} ({min(s):.2f}..{max(s):.2f}) | {len(rows) / m:.1f} | {flops / m / 1e9:.0f} | {ratio} |")
    lines += ["", f"umbel's peak memory: {peak['mb']} MB.", ""]
    if best:
        print(f"{work}: {best / ours:.2f}x the best peer here", file=sys.stderr)
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--peers")
    parser.add_argument("--onnx")
    parser.add_argument("--work", default="w1,w2,w3")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rows", type=int, help="only so many rows of each workload")
    parser.add_argument("--cold", action="store_true", help="without a run before the first that counts")
    parser.add_argument("--out", help="a Markdown file for the tables")
    args = parser.parse_args()
    tables = "\n".join(measure(work, args) for work in args.work.split(","))
    print(tables)
    if args.out:
        Path(args.out).write_text(tables + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
