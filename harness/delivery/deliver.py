"""Hands a recall to an agent by one of the ways of `Experiment.delivery`, and collects its use.

The way does not change what is remembered: every way shows the same items of the same recall.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness.delivery import texts
from harness.delivery.http import serve
from harness.delivery.inside.memory import CALLS, WRITE_BYTES, Store
from seqswe import plugins
from seqswe.agent import Attempt
from seqswe.errors import RolloutError, UsageError
from seqswe.experiment import Experiment
from seqswe.memory import OWN_MEMORY, Recall
from seqswe.runs.rollout import CAUSES, Delivered
from seqswe.sandbox import Sandbox

SECONDS = 60.0
"""Limit for writing a memory's files and for collecting; both take a fraction of a second."""
MAX_COUNT = 10**9
"""Above every plausible count."""


@dataclass
class Handover:
    """What an agent is given of a recall and, after its work, how it used it."""

    recall: Recall
    delivered: Delivered | None = None
    """None if the recall went into the prompt: the journal has its bytes anyway."""
    written: tuple[str, ...] = ()

    def noted(self, attempt: Attempt) -> Attempt:
        """Add what the agent wrote to its memory to the attempt's notes, as `written`."""
        if not self.written:
            return attempt
        return replace(attempt, notes={**attempt.notes, "written": list(self.written)})

    def used(self, calls: Mapping[str, int] | None, written: tuple[str, ...] = ()) -> None:
        """Note how the agent used the memory."""
        assert self.delivered is not None
        size = sum(len(note.encode()) for note in written)
        self.delivered = replace(self.delivered, used=calls, written_bytes=size)
        self.written = written


def check(experiment: Experiment, ways: Sequence[str], *, inside: bool) -> None:
    """Check that this agent in this sandbox can be reached this way.

    ways: those by which the agent can be given a memory, if it names any; inside: whether it runs
    within the sandbox. Raises UsageError or MissingError.
    """
    way, name = experiment.delivery, experiment.agent
    if way == "prompt":
        return
    ways = ways or ("prompt",)
    if way not in ways:
        raise UsageError(
            f"agent {name!r} does not look for its memory by --delivery {way}",
            f"Choose one of: {', '.join(ways)}.",
        )
    if way == "mcp-http":
        plugins.require("mcp", "mcp", "--delivery mcp-http")
        sandbox = plugins.resolve("sandbox", experiment.sandbox)
        if inside and getattr(sandbox, "isolates", True):
            raise UsageError(
                f"agent {name!r} runs inside --sandbox {experiment.sandbox}, which has no network: "
                "it cannot reach a memory on the host",
                "Use --delivery mcp, which is served inside; or --sandbox local.",
            )
        if not inside and experiment.plugin_network == "closed":
            raise UsageError(
                f"agent {name!r} has no network: it cannot reach a memory by --delivery mcp-http",
                "Give --plugin-network open, or use --delivery mcp.",
            )


@contextmanager
def deliver(way: str, recall: Recall, sandbox: Sandbox) -> Iterator[Handover]:
    """Deliver for as long as the agent works in the sandbox.

    Raises RolloutError("sandbox_failed") if the memory's files cannot be written.
    """
    if way == "prompt":
        yield Handover(recall)
        return
    if way == "native":  # the agent itself puts its files where they were
        yield Handover(replace(recall, env={OWN_MEMORY: "1"}))
        return
    with {"file": _file, "folder": _folder, "mcp": _mcp, "mcp-http": _http}[way](
        recall, sandbox
    ) as handover:
        yield handover


@contextmanager
def _file(recall: Recall, sandbox: Sandbox) -> Iterator[Handover]:
    files, cut = texts.instructions(recall)
    job = {"files": files, "programs": {}}
    _write_files(sandbox, job)
    size = max((len(text.encode()) for text in files.values()), default=0)
    handover = Handover(Recall(), Delivered(way="file", bytes=size, truncated=cut))
    yield handover
    answer = _ask(sandbox, "home", ["opened"], job) if files else {"opened": 0}
    handover.used(_counts(answer, ("opened",)))


@contextmanager
def _folder(recall: Recall, sandbox: Sandbox, way: str = "folder") -> Iterator[Handover]:
    home, path = _write_memory(sandbox, recall, texts.programs())
    command = f"{home}/{texts.COMMAND}"
    env = {"SEQSWE_MEMORY_COMMAND": command}
    if way == "folder":
        env |= {"PATH": f"{home}/{texts.FOLDER}/bin:{path}"}
        env |= {"SEQSWE_MEMORY_DIR": f"{home}/{texts.FOLDER}/memory"}
    else:
        env |= {"SEQSWE_MEMORY_MCP": f"{home}/{texts.CONFIG}"}
    hint = texts.SHELL_HINT if way == "folder" else texts.TOOL_HINT
    handover = Handover(Recall(hint=hint, env=env), _delivered(way, recall))
    yield handover
    answer = _ask(sandbox, "memory", ["collect", f"{home}/{texts.FOLDER}/memory"], {})
    handover.used(_counts(answer.get("calls"), CALLS), _notes(answer.get("notes")))


def _mcp(recall: Recall, sandbox: Sandbox) -> Any:
    return _folder(recall, sandbox, "mcp")


@contextmanager
def _http(recall: Recall, sandbox: Sandbox) -> Iterator[Handover]:
    with TemporaryDirectory(prefix="seqswe-memory-") as folder:
        for name, text in texts.entries(recall).items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text.encode("utf-8", "replace"))
        store = Store(folder)
        with serve(store) as (url, token):
            header = {"Authorization": f"Bearer {token}"}
            server = {"type": "http", "url": url, "headers": header}
            home, _ = _write_memory(sandbox, Recall(), {texts.CONFIG: texts.config(server)})
            env = {
                "SEQSWE_MEMORY_URL": url,
                "SEQSWE_MEMORY_TOKEN": token,
                "SEQSWE_MEMORY_MCP": f"{home}/{texts.CONFIG}",
            }
            handover = Handover(
                Recall(hint=texts.TOOL_HINT, env=env), _delivered("mcp-http", recall)
            )
            yield handover
        handover.used(store.calls(), tuple(store.notes()))


def _delivered(way: str, recall: Recall) -> Delivered:
    size = sum(len(item.text.encode("utf-8", "replace")) for item in recall.items)
    return Delivered(way=way, bytes=size)


def _write_memory(sandbox: Sandbox, recall: Recall, programs: Mapping[str, str]) -> tuple[str, str]:
    """Write the folder and programs; returns HOME and PATH of the sandbox."""
    memory = f"{texts.FOLDER}/memory"
    files = {f"{memory}/{name}": text for name, text in texts.entries(recall).items()}
    return _write_files(sandbox, {"files": {f"{memory}/calls": "", **files}, "programs": programs})


def _write_files(sandbox: Sandbox, job: Mapping[str, Any]) -> tuple[str, str]:
    answer = _ask(sandbox, "home", ["write"], job)
    if not answer:
        raise RolloutError("sandbox_failed", "the memory could not be laid out below HOME")
    return str(answer["home"]), str(answer["path"])


def _ask(
    sandbox: Sandbox, name: str, arguments: list[str], job: Mapping[str, Any]
) -> dict[str, Any]:
    """Run a program of ours inside; {} if that fails, which only the agent can have caused."""
    command = ["python3", "-I", "-c", texts.source(name), *arguments]
    try:
        done = sandbox.run(command, timeout=SECONDS, stdin=json.dumps(job).encode())
    except RolloutError as error:
        if not CAUSES[error.cause].grade:
            raise
        return {}
    try:
        answer = json.loads(done.stdout) if done.ok else {}
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _counts(answer: Any, names: Sequence[str]) -> dict[str, Any] | None:
    """Read counts from a sandbox's answer; None if they are not counts.

    The agent can change the sandbox's python3, so the answer may be anything.
    """
    if not isinstance(answer, dict):
        return None
    counts = [answer.get(name) for name in names]
    valid = all(type(count) is int and count in range(MAX_COUNT) for count in counts)
    return dict(zip(names, counts, strict=True)) if valid else None


def _notes(answer: Any) -> tuple[str, ...]:
    """Read notes from a sandbox's answer, within their budget."""
    kept, left = [], WRITE_BYTES
    for note in answer if isinstance(answer, list) else []:
        data = note.encode("utf-8", "replace")[:left] if isinstance(note, str) else b""
        left -= len(data)
        kept.append(data.decode("utf-8", "ignore"))
    return tuple(filter(str.strip, kept))
