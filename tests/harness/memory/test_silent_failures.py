"""Memories that would fail without a word: a model nobody asks, bad vectors, stores that lose."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from seqswe.cli import main
from tests.harness.memory import dishonest

SERVER = Path(__file__).parents[2] / "memory_backends" / "stores" / "mcp_server.py"
URL = ("--memory-model-url", "http://127.0.0.1:1/v1")
ENDPOINT = ("--memory-option", "embedding=endpoint")


@pytest.mark.parametrize(
    ("memory", "given", "hint"),
    [
        ("vectors", ("--embedding", "e"), "Add --memory-option embedding=endpoint"),
        ("chroma", ("--embedding", "e"), "Add --memory-option embedding=endpoint"),
        ("vectors", ("--embedding", "e", "--memory-option", "embedding="), "embedding=endpoint"),
        ("episodic", ("--embedding", "e"), "Leave --embedding out"),
        ("git_history", ("--embedding", "e"), "Leave --embedding out"),
        ("episodic", ("--memory-model", "m"), "Leave --memory-model out"),
        (
            "vectors",
            ("--memory-model", "m", "--embedding", "e", *ENDPOINT),
            "Leave --memory-model out",
        ),
        ("none", ("--memory-model", "m"), "Leave --memory-model out"),
        ("awm", ("--memory-model", "m", "--embedding", "e"), "Leave --embedding out"),
        (f"{dishonest.__name__}:Told", ("--memory-model", "m"), "Leave --memory-model out"),
    ],
)
def test_a_model_that_the_memory_never_asks_is_refused(tmp_path, capsys, memory, given, hint):
    out = tmp_path / "run"
    short = ("--agent", "noop", "--arm", "iid", "--seeds", "1", "--limit", "1")
    with pytest.raises(SystemExit) as ended:
        main(
            [
                "run",
                "--memory",
                memory,
                *given,
                *URL,
                *short,
                "--sandbox",
                "local",
                "--out",
                str(out),
            ]
        )
    error, advice = capsys.readouterr().err.splitlines()[-2:]
    assert ended.value.code == 2, error
    assert f"memory {memory!r} does not ask" in error
    assert hint in advice
    assert not out.exists()


class Bad(BaseHTTPRequestHandler):
    """An endpoint for embeddings; its first path component says what is wrong with it."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["input"]
        self.server.calls += 1
        rows = [self._row(i, text) for i, text in enumerate(asked)]
        data = json.dumps({"data": rows, "usage": {"prompt_tokens": 1}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _row(self, index, text):
        good = [1.0, float(len(text)), 3.0]
        calls = self.server.calls
        vectors = {
            "nan": [float("nan")] * 3,
            "one-nan": [1.0, float("nan") if calls % 2 else 2.0, 3.0],
            "infinity": [float("inf"), 1.0, 2.0],
            "huge": [10**400, 1, 2],
            "zeros": [0.0] * 3,
            "empty": [],
            "shorter": good[:2] if calls > 2 else good,
            "text": ["x"] * 3,
            "numbers": good,
            "good": good,
        }
        mode = self.path.split("/")[1]
        return {"index": 7 if mode == "numbers" else index, "embedding": vectors[mode]}

    def log_message(self, *_):
        pass


@pytest.fixture
def endpoint():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bad)
    server.calls = 0
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def embedded(run, endpoint, mode, memory="vectors"):
    asks = ("--memory", memory, *ENDPOINT, "--embedding", "e", "--embedding-url")
    return run("--agent", "noop", *asks, f"{endpoint}/{mode}", "--retries", "0", limit=4)


@pytest.mark.parametrize(
    "mode",
    ["nan", "one-nan", "infinity", "huge", "zeros", "empty", "shorter", "text", "numbers"],
)
def test_vectors_that_cannot_be_compared_are_a_failure_of_the_provider(run, endpoint, mode):
    ended = embedded(run, endpoint, mode)
    assert ended.code == 5, ended.err
    assert ended.causes("sequential")[-1] == "provider_failed"


def test_good_vectors_are_none(run, endpoint):
    ended = embedded(run, endpoint, "good")
    assert ended.code == 0, ended.err
    assert [r.recalled for r in ended.store.journal().rollouts] == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", ["locked", "json_error", "half", "nothing", "not_ready"])
def test_a_memory_server_that_fails_without_saying_so_is_a_failure(run, kind):
    pytest.importorskip("mcp", reason="needs the extra seqswe[mcp]")
    command = f"command={sys.executable} {SERVER} {kind}"
    given = ("--memory", "mcp", "--memory-option", command, "--retries", "0")
    ended = run("--agent", "noop", *given, limit=4)
    assert ended.code == 5, ended.err
    assert ended.causes("sequential")[-1] == "memory_failed"


@pytest.mark.parametrize(
    ("memory", "arms", "warned"),
    [
        (f"{dishonest.__name__}:Told", ("sequential", "iid"), ["sequential"]),
        (f"{dishonest.__name__}:Told", ("sequential", "frozen-2"), ["sequential", "frozen-2"]),
        ("recency", ("sequential", "iid"), []),
        ("none", ("sequential", "iid"), []),
    ],
)
def test_a_report_begins_with_a_memory_that_recalled_nothing(run, capsys, memory, arms, warned):
    ended = run("--agent", "noop", "--memory", memory, limit=3, arms=arms)
    assert ended.code == 0, ended.err
    page = ended.store.root / "report.md"
    with pytest.raises(SystemExit):
        main(["report", str(ended.store.root), "--format", "markdown", "--out", str(page)])
    text = (page if page.is_file() else next(page.rglob("*.md"))).read_text()
    first = text.split("\n## ")[0]
    assert [arm for arm in (*arms,) if f"NOTHING RECALLED: in arm {arm}," in first] == warned
