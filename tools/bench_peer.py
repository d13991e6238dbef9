#!/usr/bin/env python3
"""One peer's side of a workload, in a process of its own: what tools/bench.py starts.

usage: bench_peer.py PEERS KIND NAME MODEL DATA ROWS [ONNX]

PEERS is a folder with bench_embed.py and bench_train.py; KIND is embed, latency or train; NAME is a variant there.
Prints `ready`, then for each line on stdin a JSON object with the seconds of one run, or of `latency` with the
median of the seconds of a text alone, and the most memory that this process has had.
"""
import json
import os
import statistics
import sys
import time
from types import SimpleNamespace

CALLS = 300  # As many as umbel's side makes.


def peak_rss_mb():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM:"))


def seconds(fn, *args):
    start = time.perf_counter()
    fn(*args)
    return time.perf_counter() - start


def build(kind, name, model, rows, onnx):
    """A function that runs the workload once and gives its seconds."""
    args = SimpleNamespace(model=model, onnx=onnx, st_onnx=None, threads=None)
    if kind == "train":
        import bench_train
        epoch = bench_train.loop(args, rows, bucket=name.startswith("bucket"), autocast=name.endswith("bf16"))
        return lambda: seconds(epoch)
    import bench_embed
    embed, texts = bench_embed.build(name, args), [row["text"] for row in rows]
    if kind == "embed":
        return lambda: seconds(embed, texts)
    return lambda: statistics.median(seconds(embed, [texts[i % len(texts)]]) for i in range(CALLS))


def main():
    peers, kind, name, model, data, n_rows, *onnx = sys.argv[1:]
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # What libraries print is not ours.
    sys.path.insert(0, peers)
    with open(data, encoding="utf-8") as lines:
        rows = [json.loads(line) for line, _ in zip(lines, range(int(n_rows)))]
    try:
        run = build(kind, name, model, rows, onnx[0] if onnx else None)
    except Exception as error:
        sys.exit(f"{name}: {type(error).__name__}: {error}")
    print("ready", file=out, flush=True)
    for _ in sys.stdin:
        print(json.dumps({"seconds": run(), "peak_rss_mb": peak_rss_mb()}), file=out, flush=True)


if __name__ == "__main__":
    main()
