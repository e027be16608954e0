"""What the model gateway adds to a request, and how many it passes in a second.

    python -m benchmarks.gateway

The same requests go to a provider that answers at once, in turn directly and by the way that an
agent's have: the relay's port, the gateway's socket, the gateway. Provider, relay and client are
processes of their own, the gateway is a thread, as in a run. Ratios are of pairs, so a busy machine
hurts both sides alike; its load is printed beside them. Exits 1 if a target is missed.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import click

from harness.gateway import GatewaySettings, RolloutId
from harness.gateway.gateway import Gateway
from harness.gateway.limits import Spending
from harness.sandboxes.relay import RelayThread

BODY_BYTES = 20_000
EVENTS = 20
MOST_MS = 5.0
LEAST_PER_SECOND = 200.0
CLIENTS = 8
KINDS = {
    "chat": ("/v1/chat/completions", False),
    "chat, streamed": ("/v1/chat/completions", True),
    "messages": ("/v1/messages", False),
    "messages, streamed": ("/v1/messages", True),
}
USAGE = {"input_tokens": 9, "output_tokens": 9, "prompt_tokens": 9, "completion_tokens": 9}


@click.command()
@click.option("--pairs", default=200, show_default=True, help="Pairs of requests of each kind.")
@click.option("--seconds", default=5.0, show_default=True, help="Of load, on each way.")
def main(pairs: int, seconds: float) -> None:
    """Print the median of what is added, in ms, and requests per second on both ways."""
    context = multiprocessing.get_context("spawn")
    provider_port = _child(context, _provide)
    with tempfile.TemporaryDirectory() as folder:
        url = f"http://127.0.0.1:{provider_port}"
        settings = GatewaySettings(
            model="m",
            apis=("chat", "messages"),
            allow_unpriced=True,
            environ={
                "OPENAI_BASE_URL": f"{url}/v1",
                "ANTHROPIC_BASE_URL": url,
                "OPENAI_API_KEY": "sk-0123456789",
                "ANTHROPIC_API_KEY": "sk-0123456789",
            },
        )
        gateway = Gateway(settings, Path(folder), Spending(), lambda line: None)
        door = gateway.open_door()
        rollout = RolloutId(arm="iid", seed=0, position=0, instance_id="none__1")
        with gateway.session(door, rollout) as session:
            relay_port = _child(context, _relay, str(door.access.socket))
            ports = (provider_port, relay_port)
            measured = _child(context, _measure, ports, session.token, pairs, seconds)
        gateway.close()
    sys.exit(_report(measured))


def _report(measured: dict[str, Any]) -> int:
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(f"{'':20}{'direct, ms':>12}{'gateway, ms':>13}{'added, ms':>11}")
    missed = 0
    for kind, (direct, by_gateway, added) in measured["latency"].items():
        missed += added > MOST_MS
        print(f"{kind:20}{direct:12.2f}{by_gateway:13.2f}{added:11.2f}")
    for kind, (direct, by_gateway) in measured["load"].items():
        missed += by_gateway < LEAST_PER_SECOND
        share = by_gateway / direct
        print(
            f"{kind}, {CLIENTS} clients: {by_gateway:.0f}/s, {share:.2f} of {direct:.0f}/s direct"
        )
    print(f"targets: under {MOST_MS:g} ms added, at least {LEAST_PER_SECOND:g}/s; missed {missed}")
    return 1 if missed else 0


def _child(context: Any, work: Any, *arguments: Any) -> Any:
    """Start a process and return the first thing that it sends."""
    ours, theirs = context.Pipe()
    context.Process(target=work, args=(theirs, *arguments), daemon=True).start()
    return ours.recv()


def _provide(tell: Connection) -> None:
    """Answer at once: reads a request to its end, writes what was made beforehand."""
    event = {"type": "content_block_delta", "delta": {"text": "word " * 8}, "choices": [1]}
    last = {"type": "message_delta", "usage": USAGE, "choices": []}
    events = [*[event] * EVENTS, last, {"type": "message_stop", "choices": [1]}]
    pieces = [f"data: {json.dumps(e)}\n\n".encode() for e in events] + [b"data: [DONE]\n\n"]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    stream = head % b"text/event-stream" + b"transfer-encoding: chunked\r\n\r\n" + chunks
    answer = json.dumps({"content": "word " * 100, "usage": USAGE}).encode()
    whole = head % b"application/json" + b"content-length: %d\r\n\r\n%s" % (len(answer), answer)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(lines.partition(b"content-length:")[2].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                writer.write(stream if b'"stream":true' in body else whole)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        tell.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def _relay(tell: Connection, socket: str) -> None:
    tell.send(int(RelayThread(socket).url.rpartition(":")[2]))
    threading.Event().wait()


def _measure(
    tell: Connection, ports: tuple[int, int], token: str, pairs: int, seconds: float
) -> None:
    latency = {kind: _latency(kind, ports, token, pairs) for kind in KINDS}
    load = {
        kind: tuple(_load(kind, port, token, seconds) for port in ports)
        for kind in ("chat", "messages, streamed")
    }
    tell.send({"latency": latency, "load": load})


def _latency(kind: str, ports: Sequence[int], token: str, pairs: int) -> tuple[float, float, float]:
    """Medians of both ways and of the differences of pairs, in ms."""
    ways = [http.client.HTTPConnection("127.0.0.1", port) for port in ports]
    times: list[list[float]] = [[], []]
    for number in range(pairs + 10):
        for side in (0, 1) if number % 2 else (1, 0):
            started = time.perf_counter()
            _ask(ways[side], kind, token)
            if number >= 10:  # the first ones open connections
                times[side].append(1000 * (time.perf_counter() - started))
    added = [b - a for a, b in zip(*times, strict=True)]
    return statistics.median(times[0]), statistics.median(times[1]), statistics.median(added)


def _load(kind: str, port: int, token: str, seconds: float) -> float:
    """Requests per second of all clients together."""
    counts = [0] * CLIENTS
    until = time.monotonic() + seconds

    def client(number: int) -> None:
        way = http.client.HTTPConnection("127.0.0.1", port)
        while time.monotonic() < until:
            _ask(way, kind, token)
            counts[number] += 1

    threads = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def _ask(way: http.client.HTTPConnection, kind: str, token: str) -> None:
    target, streamed = KINDS[kind]
    messages = [{"role": "user", "content": "word " * (BODY_BYTES // 50)}] * 10
    body = json.dumps({"model": "m", "stream": streamed, "messages": messages})
    headers = {"content-type": "application/json", "x-api-key": token}
    way.request("POST", target, body.replace(": ", ":"), headers)
    response = way.getresponse()
    response.read()
    assert response.status == 200, response.status


if __name__ == "__main__":
    main()
