"""The doors to other frameworks, tried: `noop` and `gold` through a framework's own client.

    python -m venv there && there/bin/pip install -e '.[openenv]'
    there/bin/python -m benchmarks.doors openenv --codebase tinydb --mirror DIR --limit 5

    python -m venv there && there/bin/pip install -e '.[verifiers]'
    there/bin/python -m benchmarks.doors verifiers --codebase tinydb --mirror DIR --limit 5

Each framework in an environment of its own, since they want other versions of the same packages.
`openenv` starts its server and plays over HTTP with its client; `verifiers` calls its evaluation
command, with a scripted server in place of a model. The rewards of `gold` must all be 1, those of
`noop` all 0, and the server must leave no temporary folder; otherwise the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from seqswe.env import Patch, SeqEnv
from seqswe.env.actions import line_of

AGENTS = ("noop", "gold")
KEY = "NO_KEY"
PORT = 8791
SECONDS = 600.0
BIN = Path(sys.executable).parent
Lines = Mapping[str, str]
"""The action that applies gold's patch, by issue."""


def play_openenv(settings: Mapping[str, Any], lines: Lines) -> dict[str, list[float]]:
    """Rewards by agent, task by task, in one session of OpenEnv's client."""
    from openenv.core import GenericEnvClient

    place = tempfile.mkdtemp()
    variables = {f"SEQSWE_{name.upper()}": str(value) for name, value in settings.items()}
    variables["TMPDIR"] = place
    command = ["uvicorn", "--factory", "harness.adapters.openenv:app", "--port", str(PORT)]
    server = subprocess.Popen(
        [sys.executable, "-m", *command, "--log-level", "warning"], env={**os.environ, **variables}
    )
    try:
        _wait(server, f"http://127.0.0.1:{PORT}/health")
        rewards: dict[str, list[float]] = {agent: [] for agent in AGENTS}
        url = f"http://127.0.0.1:{PORT}"
        with GenericEnvClient(base_url=url, message_timeout_s=SECONDS).sync() as env:
            for agent in AGENTS:
                for position in range(len(lines)):
                    begun = env.reset(position=position)
                    if agent == "gold":
                        env.step({"line": lines[begun.observation["issue"]]})
                    ended = env.step({"line": "submit"})
                    assert ended.done
                    rewards[agent].append(ended.reward)
        return rewards
    finally:
        server.terminate()
        server.wait()
        os.rmdir(place)  # of what it left, an OSError tells


def play_verifiers(settings: Mapping[str, Any], lines: Lines) -> dict[str, list[float]]:
    """Rewards by agent, as verifiers' evaluation command writes them; a failure is none."""
    codebase, others = settings["codebase"], {**settings}
    del others["codebase"]
    rewards = {}
    for agent in AGENTS:
        with tempfile.TemporaryDirectory() as out, scripted_model(lines) as url:
            command = [
                *(str(BIN / "vf-eval"), "seqswe-verifiers", "--env.taskset.codebase", codebase),
                *("--env.taskset.settings", json.dumps(others), "--model", agent),
                *("--client.base-url", url, "--client.api-key-var", KEY, "--max-concurrent", "2"),
                *("--no-push", "--no-rich", "--output-dir", out),
            ]
            path = f"{BIN}:{os.environ['PATH']}"
            environment = {**os.environ, KEY: "none", "PATH": path}
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
            [written] = Path(out).glob("*/traces.jsonl")
            episodes = [json.loads(line) for line in written.read_text().splitlines()]
        traces = [trace for episode in episodes if episode["ok"] for trace in episode["traces"]]
        rewards[agent] = [trace["rewards"]["resolved"]["score"] for trace in traces]
    return rewards


@contextmanager
def scripted_model(lines: Lines) -> Iterator[str]:
    """An OpenAI-compatible server, by its URL. Its model `gold` patches first; all submit."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = [m["content"] for m in asked["messages"] if m["role"] == "user"]
            patches = asked["model"] == "gold" and len(said) == 1
            message = {"role": "assistant", "content": lines[said[0]] if patches else "submit"}
            about = {"id": "scripted", "created": 0, "model": asked["model"]}
            usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
            choice = {"index": 0, "finish_reason": "stop"}
            if asked.get("stream"):
                part = about | {"object": "chat.completion.chunk", "usage": usage}
                part["choices"] = [choice | {"delta": message}]
                body, kind = f"data: {json.dumps(part)}\n\ndata: [DONE]\n\n", "text/event-stream"
            else:
                whole = about | {"object": "chat.completion", "usage": usage}
                body = json.dumps(whole | {"choices": [choice | {"message": message}]})
                kind = "application/json"
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    """Until the server answers. Raises SystemExit if it ended instead."""
    while server.poll() is None:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    raise SystemExit(f"the server ended with {server.returncode}")


DOORS: Mapping[str, Callable[[Mapping[str, Any], Lines], dict[str, list[float]]]] = {
    "openenv": play_openenv,
    "verifiers": play_verifiers,
}


def main() -> None:
    """Play, print the rewards, and say by the exit code whether they are right."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("door", choices=DOORS)
    parser.add_argument("--codebase", default="ledgerlite")
    parser.add_argument("--mirror", default="")
    parser.add_argument("--sandbox", default="docker")
    parser.add_argument("--limit", type=int, default=5)
    args = parser.parse_args()
    settings = {k: v for k, v in vars(args).items() if k != "door"}
    env = SeqEnv(**settings)
    instances = env.stage.context.instances  # type: ignore[attr-defined]  # of the harness
    lines = {i.problem_statement: line_of(Patch(i.patch)) for i in instances}
    env.close()
    rewards = DOORS[args.door](settings, lines)
    for agent, got in rewards.items():
        print(f"{args.door}, {args.codebase}, {agent}: {sum(got):.0f} of {len(got)}", flush=True)
    right = {"noop": [0.0] * len(lines), "gold": [1.0] * len(lines)}
    sys.exit(rewards != right)


if __name__ == "__main__":
    main()
