#!/usr/bin/env python3
"""Times umbel beside its peers on the same workloads, all taking turns, and prints a table for each.

usage: bench.py --model DIR --data DIR [--peers DIR] [--onnx DIR] [--work w1,w2,w3,w4] [--precision f32,bf16,int8]
                [--runs R] [--rows N] [--out FILE]

--model  folder of all-MiniLM-L6-v2, or of another BERT
--data   folder with w1_ragged.jsonl, w2_uniform.jsonl, w3_train.jsonl, w4_single.jsonl (text, n_tokens; to train
         label, score)
--peers  folder with bench_embed.py and bench_train.py, the peers' side; without it umbel runs alone
--onnx   folder of exported ONNX graphs, to include ONNX Runtime

Build first: cargo bench -p umbel --bench workloads --no-run. Each variant runs in a process of its own, so that its
peak memory is its own; they take turns A B C A B C ..., after a run each that does not count. Figures are medians.
Useful GFLOP/s count real tokens only, none of padding: forward 2 x weights of matrix products x tokens +
layers x 4 x hidden x n^2 a text; training three times that. The peak they are held against is the fastest of some
large products of umbel's own kernels, measured again before each workload.
"""
import argparse
import datetime
import glob
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = ["torch", "transformers", "sentence-transformers", "onnxruntime"]
PAUSE = 0.2  # Seconds in which the threads of the variant before stop spinning.


class Work(NamedTuple):
    file: str
    n_rows: int
    kind: str
    peers: dict  # Names of variants, by precision.


EMBED = {"f32": ["torch_sorted", "st_encode", "ort_fused"], "bf16": ["torch_sorted_bf16"], "int8": ["ort_int8_fused_pc"]}
WORKS = {
    "w1": Work("w1_ragged", 1024, "embed", EMBED),
    "w2": Work("w2_uniform", 256, "embed", EMBED),
    "w3": Work("w3_train", 512, "train", {"f32": ["bucket", "plain"], "bf16": ["bucket_bf16"]}),
    "w4": Work("w4_single", 1, "latency", {**EMBED, "f32": ["torch_plain", "st_encode", "ort_fused"]}),
}


def forward_flops(model, lengths):
    config = json.loads((Path(model) / "config.json").read_text(encoding="utf-8"))
    layers, hidden, ffn = (config[key] for key in ("num_hidden_layers", "hidden_size", "intermediate_size"))
    weights = layers * (4 * hidden * hidden + 2 * hidden * ffn)
    return sum(2 * weights * n + layers * 4 * hidden * n * n for n in lengths)


def binary():
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    built = [p for p in glob.glob(f"{target}/release/deps/workloads-*") if os.access(p, os.X_OK) and not Path(p).suffix]
    if not built:
        sys.exit("build first: cargo bench -p umbel --bench workloads --no-run")
    return max(built, key=os.path.getmtime)


class Variant:
    """A process that runs a workload each time it is told to."""

    def __init__(self, name, precision, command):
        self.name, self.precision = name, precision
        self.seconds, self.peak_rss_mb = [], 0
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.alive = self.process.stdout.readline().strip() == "ready"

    def run(self):
        """The seconds of one run; none if the process is gone."""
        try:
            self.process.stdin.write("run\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            self.alive = False
            return None
        self.peak_rss_mb = answer["peak_rss_mb"]
        return answer["seconds"]

    def end(self):
        self.process.stdin.close()
        self.process.wait()

    @property
    def is_ours(self):
        return self.name == "umbel"

    @property
    def median(self):
        return statistics.median(self.seconds)


def commands(work, args, path, n_rows):
    """(name, precision, command) of every variant; a precision that a workload lacks has none."""
    model = args.model
    for precision in [p for p in args.precision.split(",") if p in work.peers]:
        yield "umbel", precision, [binary(), work.kind, model, path, str(n_rows), precision]
        for name in work.peers[precision] if args.peers else []:
            if name.startswith("ort") and not args.onnx:
                print(f"{name} is left out: it needs --onnx", file=sys.stderr)
                continue
            onnx = [args.onnx] if args.onnx else []
            worker = [sys.executable, str(ROOT / "tools/bench_peer.py"), args.peers]
            yield name, precision, [*worker, work.kind, name, model, path, str(n_rows), *onnx]


def take_turns(variants, runs):
    """Runs all, in turns; gives those that ran to the end."""
    for turn in range(runs + 1):
        for variant in [v for v in variants if v.alive]:
            time.sleep(PAUSE)
            seconds = variant.run()
            if seconds is not None and turn > 0:
                variant.seconds.append(seconds)
                print(f"  {variant.name} {variant.precision}: {duration(seconds)}", file=sys.stderr, flush=True)
    for variant in variants:
        variant.end()
        if not variant.alive:
            print(f"{variant.name} {variant.precision} is left out: it failed", file=sys.stderr)
    return [v for v in variants if v.alive]


def duration(seconds):
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1e3:.3f} ms"


def row(variant, ours, n_rows, flops, peak):
    median, seconds = variant.median, variant.seconds
    gflops = flops / median / 1e9
    faster = "" if variant.is_ours or not ours else f"{median / ours.median:.2f}x"
    cells = [variant.name, variant.precision, f"{duration(median)} ({duration(min(seconds))}..{duration(max(seconds))})",
             f"{n_rows / median:.1f}", f"{gflops:.0f}", f"{gflops / peak:.0%}", str(variant.peak_rss_mb), faster]
    return f"| {' | '.join(cells)} |"


def summary(variants, precision):
    """How umbel compares with the best peer of a precision; nothing if one of them did not run."""
    ours = next((v for v in variants if v.is_ours and v.precision == precision), None)
    best = min((v for v in variants if not v.is_ours and v.precision == precision), key=lambda v: v.median, default=None)
    return f"{precision} {best.median / ours.median:.2f}x {best.name}" if ours and best else None


def measure(work, args, peaks):
    path = str(Path(args.data) / f"{work.file}.jsonl")
    with open(path, encoding="utf-8") as file:
        lengths = [json.loads(line)["n_tokens"] for line, _ in zip(file, range(args.rows or work.n_rows))]
    variants = take_turns([Variant(*found) for found in commands(work, args, path, len(lengths))], args.runs)
    flops = forward_flops(args.model, lengths) * (3 if work.kind == "train" else 1)
    ours = {v.precision: v for v in variants if v.is_ours}
    lines = [f"### {work.file}: {work.kind}, {len(lengths)} rows, {sum(lengths)} tokens, {args.runs} runs", "",
             "| variant | precision | median (min..max) | rows/s | useful GFLOP/s | of GEMM peak | peak memory, MB "
             "| umbel is faster by |", "|---|---|---|---|---|---|---|---|"]
    lines += [row(v, ours.get(v.precision), len(lengths), flops, peaks[v.precision]) for v in variants]
    best = [line for line in (summary(variants, precision) for precision in ours) if line]
    if best:
        lines += ["", f"umbel beside the best peer of its precision: {', '.join(best)}."]
    return "\n".join(lines) + "\n"


def machine(peaks):
    """What the figures were measured on."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpu = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown CPU")
    versions = []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            pass
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    peak = ", ".join(f"{precision} {gflops:.0f}" for precision, gflops in peaks.items())
    lines = [f"{datetime.date.today()}, umbel {commit.stdout.strip()}; {cpu}, {len(os.sched_getaffinity(0))} CPUs.",
             f"GEMM peak, GFLOP/s: {peak}.", f"Installed: {', '.join(versions) or 'no peers'}."]
    return "\n\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--peers")
    parser.add_argument("--onnx")
    parser.add_argument("--work", default="w1,w2,w3,w4")
    parser.add_argument("--precision", default="f32,bf16,int8")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rows", type=int, help="only so many rows of each workload")
    parser.add_argument("--out", help="a Markdown file for the tables")
    args = parser.parse_args()
    peaks, tables = {}, []
    for name in args.work.split(","):
        for precision, gflops in json.loads(subprocess.check_output([binary(), "peak"], text=True)).items():
            peaks[precision] = max(gflops, peaks.get(precision, 0))
        tables.append(measure(WORKS[name], args, peaks))
        print(tables[-1], flush=True)
    print(machine(peaks))
    if args.out:
        Path(args.out).write_text("\n".join([machine(peaks), *tables]), encoding="utf-8")


if __name__ == "__main__":
    main()
