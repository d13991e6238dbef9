#!/usr/bin/env python3
"""Load on a server of umbel (or of text-embeddings-inference), from this machine only.

  serve_load.py --port P [--path /embed] [--data FILE.jsonl]   requests/s, p50 and p99 at 1, 8, 32, 128 clients

Clients are closed-loop with connections that are kept open, on raw sockets, as in the peers' scripts. FILE has one
JSON object with a `text` a line; without it, sentences of a few words are made. The server is expected at 127.0.0.1.
"""
import argparse
import asyncio
import json
import random
import time


def sentences(path, n):
    if path:
        with open(path, encoding="utf-8") as file:
            return [json.loads(line)["text"] for line, _ in zip(file, range(n))]
    words = "the a film hotel soup flight was very good bad slow and but near our we liked it never again".split()
    draw = random.Random(1)
    return [" ".join(draw.choices(words, k=draw.randint(4, 20))) for _ in range(n)]


def message(args, text):
    key = "texts" if args.path.startswith("/v1/predict") else "inputs"
    body = {key: text}
    if args.task:
        body["tasks"] = args.task
    data = json.dumps(body).encode()
    key = f"Authorization: Bearer {args.key}\r\n" if args.key else ""
    head = f"POST {args.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{key}Content-Type: application/json\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data


async def ask(reader, writer, sent):
    """Sends one request; gives its status and whether the connection stays open."""
    writer.write(sent)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = next((line for line in head.split(b"\r\n") if line.startswith(b"content-length:")), None)
    if length is not None:
        await reader.readexactly(int(length.split(b":")[1]))
    else:
        while (n := int(await reader.readuntil(b"\r\n"), 16)) > 0:
            await reader.readexactly(n + 2)
        await reader.readexactly(2)
    return int(head.split(b" ", 2)[1]), b"connection: close" not in head


async def client(args, take, done):
    """Sends what `take` gives until it gives nothing; `done` is told status and seconds of each."""
    connection = None
    while (sent := take()) is not None:
        begun = time.perf_counter()
        try:
            if connection is None:
                connection = await asyncio.open_connection("127.0.0.1", args.port)
            status, stays = await ask(*connection, sent)
        except (OSError, asyncio.IncompleteReadError):
            status, stays = 0, False
        done(status, time.perf_counter() - begun)
        if not stays and connection:
            connection[1].close()
            connection = None
    if connection:
        connection[1].close()


def quantile(sorted_values, part):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * part))] if sorted_values else float("nan")


async def steady(args, messages, n_clients):
    waiting, found = list(reversed(messages)), []
    begun = time.perf_counter()
    take = lambda: waiting.pop() if waiting else None
    await asyncio.gather(*[client(args, take, lambda *one: found.append(one)) for _ in range(n_clients)])
    took = time.perf_counter() - begun
    wrong = [status for status, _ in found if status != 200]
    if wrong:
        raise SystemExit(f"{len(wrong)} of {len(found)} requests were not answered: {sorted(set(wrong))}")
    seconds = sorted(second for _, second in found)
    return {"requests_per_second": len(found) / took, "p50_ms": 1e3 * quantile(seconds, 0.5),
            "p99_ms": 1e3 * quantile(seconds, 0.99)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/embed")
    parser.add_argument("--data")
    parser.add_argument("--requests", type=int, default=2048)
    parser.add_argument("--clients", default="1,8,32,128")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--task", action="append", help="of /v1/predict; may be given several times")
    parser.add_argument("--key")
    args = parser.parse_args()
    messages = [message(args, text) for text in sentences(args.data, args.requests)]
    asyncio.run(steady(args, messages[:128], 8))
    levels = [int(n) for n in args.clients.split(",")]
    for run in range(args.runs):
        for n_clients in levels:
            found = asyncio.run(steady(args, messages, n_clients))
            print(json.dumps({"run": run, "clients": n_clients} | {key: round(x, 2) for key, x in found.items()}), flush=True)


if __name__ == "__main__":
    main()
