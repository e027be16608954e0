"""A plug-in's process: builds one memory or agent and answers the harness until it is ended."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import tempfile
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from threading import Lock
from typing import Any

from harness.plugin_host.confinement import confine_worker
from harness.plugin_host.landlock import LIBC
from harness.plugin_host.proxies import RemoteModel, RemoteSandbox, gold_of, services_of
from harness.plugin_host.wire import Connection
from seqswe import plugins
from seqswe.agent import Agent, Attempt, Usage
from seqswe.errors import RolloutError, SeqSWEError
from seqswe.instance import Task
from seqswe.memory import Experience, Memory, Recall, Recalled, build_memory

HOME, TEMPORARY, STATE, OUTPUT = "home", "tmp", "state", "output.txt"
"""What lies in the folder of a plug-in's process."""
PARENT_DEATH = 1
FILE_BYTES = 4 << 30
TRACE_CHARACTERS = 20_000
FACTS = (
    *("needs", "uses", "sources", "deliveries"),
    *("apis", "side_models", "replay_drop", "replay_blank"),
)
"""Attributes of a plug-in's class that are lists of names."""
FLAGS = (
    *("reads_gold", "inside", "model_optional", "coupled"),
    *("ignores_scores", "own_memory"),
)


def main(
    handle: int, folder: Path, reads: Iterable[Path], plugin: tuple[plugins.Kind, str]
) -> None:
    """Serve the harness; does not return before the connection is closed."""
    os.setsid()
    LIBC.prctl(PARENT_DEATH, signal.SIGKILL, 0, 0, 0)
    _settle(folder)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    confine_worker(reads, folder)
    Worker(Connection(socket.socket(fileno=handle)), folder, *plugin).serve()


def _settle(folder: Path) -> None:
    """Take HOME, the folder for temporary files and the standard streams in `folder`."""
    home, temporary = str(folder / HOME), str(folder / TEMPORARY)
    os.environ.update(HOME=home, TMPDIR=temporary, TEMP=temporary, TMP=temporary)
    tempfile.tempdir = None
    output = os.open(folder / OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for stream, number in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(stream, number)
    os.close(output)
    os.close(nothing)


class Worker:
    """Answers each request with what the plug-in returned, or with what it raised."""

    def __init__(self, connection: Connection, folder: Path, kind: plugins.Kind, name: str) -> None:
        self._connection, self._folder = connection, folder
        self._kind, self._name = kind, name
        self._plugin: Any = None
        self._asking = Lock()
        self._answering = False

    def serve(self) -> None:
        """Answer until the harness closes the connection."""
        while True:
            request, arguments = self._connection.told()
            answer: Callable[..., Any] = getattr(self, f"_{request}")
            self._answering = True
            try:
                reply = {"value": answer(*arguments)}
                self._answering = False
                self._connection.answer(reply)
            except BaseException as error:  # noqa: BLE001  (SystemExit and KeyboardInterrupt too)
                self._answering = False
                self._connection.answer(_described(error))

    def ask(self, what: str, **how: Any) -> Any:
        """Ask the harness, which is listening while it waits for an answer, and only then."""
        with self._asking:
            if not self._answering:
                raise RuntimeError("services are for the calls of the harness only")
            self._connection.answer({"ask": what, "with": how})
            failed, reply = self._connection.told()
        if failed:
            raise reply
        return reply

    def _facts(self) -> dict[str, Any]:
        """What the plug-in's class says of itself."""
        factory = plugins.resolve(self._kind, self._name)
        names = {fact: list(map(str, getattr(factory, fact, ()))) for fact in FACTS}
        flags = {fact: bool(getattr(factory, fact, False)) for fact in FLAGS}
        flags["takes_model"] = "model" in {p.name for p in plugins.parameters(factory)}
        uses_if = {str(k): str(v) for k, v in dict(getattr(factory, "uses_if", {})).items()}
        texts = {fact: str(getattr(factory, fact, "")) for fact in ("version", "digest")}
        return {**names, **flags, "uses_if": uses_if, **texts}

    def _build_memory(self, options: Sequence[str], services: Iterable[str]) -> None:
        given = plugins.options("memory", self._name, options)
        home = self._folder / HOME
        self._plugin = build_memory(self._name, home, services_of(self.ask, services), **given)
        os.chdir(home)

    def _build_agent(self, options: Sequence[str], seed: int, model: str) -> None:
        given = plugins.options("agent", self._name, options)
        factory = plugins.resolve("agent", self._name)
        if getattr(factory, "reads_gold", False):
            given["gold"] = gold_of(self.ask)
        if model and not getattr(factory, "apis", ()):
            given["model"] = model  # it asks by a way of its own, which --plugin-network opens
        elif model and not getattr(factory, "inside", False):
            given["model"] = RemoteModel(self.ask, model)
        self._plugin = plugins.build("agent", self._name, seed=seed, **given)
        os.chdir(self._folder / HOME)

    def _recall(self, task: Task) -> dict[str, Any]:
        memory: Memory = self._plugin
        return recall_data(memory.recall(task))

    def _record(self, experience: Experience) -> None:
        self._plugin.record(experience)

    def _save(self) -> None:
        self._plugin.save(self._new_folder())

    def _load(self, files: Mapping[str, bytes]) -> None:
        folder = self._new_folder()
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self._plugin.load(folder)
        shutil.rmtree(folder)

    def _new_folder(self) -> Path:
        folder = self._folder / STATE
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def _solve(self, task: Task, recall: Recall, root: str, objects: str) -> dict[str, Any]:
        agent: Agent = self._plugin
        sandbox = RemoteSandbox(self.ask, root, objects)
        return attempt_data(agent.solve(task, recall, sandbox))


def recall_data(recall: object) -> dict[str, Any]:
    """A recall as plain data. Raises TypeError for anything else."""
    if not isinstance(recall, Recall):
        raise TypeError(f"recall returned {recall!r:.100}, not a Recall")
    items = [_values(Recalled, item) for item in recall.items]
    return {**_values(Recall, recall), "items": items}


def attempt_data(attempt: object) -> dict[str, Any]:
    """An attempt as plain data. Raises TypeError for anything else."""
    if not isinstance(attempt, Attempt):
        raise TypeError(f"solve returned {attempt!r:.100}, not an Attempt")
    return {**_values(Attempt, attempt), "usage": _values(Usage, attempt.usage)}


def _values(cls: type, value: object) -> dict[str, Any]:
    """The fields of a dataclass by name; mappings as dictionaries."""
    found = {spec.name: getattr(value, spec.name) for spec in fields(cls)}
    return {n: dict(v) if isinstance(v, Mapping) else v for n, v in found.items()}


def _described(error: BaseException) -> dict[str, Any]:
    """An error as plain data, with its trace but for the frames of this module."""
    own = error.__traceback__.tb_next if error.__traceback__ else None
    trace = "".join(traceback.format_exception(type(error), error, own))
    described = {"error": type(error).__name__, "trace": trace[-TRACE_CHARACTERS:]}
    try:
        text = str(error)
    except Exception as failed:  # noqa: BLE001  (even its text is the plug-in's)
        text = f"its text raised {type(failed).__name__}"
    described["message"] = text[:1000]
    if isinstance(error, SeqSWEError):
        described["hint"] = str(error.hint)[:1000]
    if isinstance(error, RolloutError):
        described["cause"] = str(error.cause)[:100]
    return described
