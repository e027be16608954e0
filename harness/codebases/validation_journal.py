"""The journal of a validation: what was proved stays proved, also after a kill."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from types import TracebackType

from harness.codebases.validate import Validation
from seqswe.manifests.convert import parse
from seqswe.manifests.manifest import InstanceRecord, record_json
from seqswe.runs.rollout import CAUSES

PASSING = (
    *(f"{name}:" for name, cause in CAUSES.items() if cause.retry),
    "environment:",
    "its env",
)
"""How problems of the machine begin: they are tried again at the next call."""


class ValidationJournal:
    """validation.jsonl and the logs of rejected candidates beside it. Safe between threads."""

    def __init__(self, path: Path) -> None:
        self._path, self._logs = path, path.with_name("validation")
        self._lock = Lock()
        self._known = self._read()
        self._out = path.open("a", encoding="utf-8")

    def __enter__(self) -> ValidationJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        with self._lock:
            self._out.close()

    def known(self, record: InstanceRecord, state: str) -> Validation | None:
        """What an earlier call proved of a candidate, by the same rules and environment."""
        entry = self._known.get(record.instance_id)
        if entry is None or entry.record.digests != record.digests:
            return None
        return entry if entry.state in ("", state) else None

    def append(self, result: Validation) -> None:
        """Keep a result, durable on return; problems of the machine are not kept."""
        if result.problem.startswith(PASSING):
            return
        line = {"record": record_json(result.record), "problem": result.problem}
        line["state"] = result.state
        with self._lock:
            if self._out.closed:  # a stop: it will be proved again
                return
            if result.log:
                self._logs.mkdir(exist_ok=True)
                log = self._logs / f"{result.record.instance_id}.log"
                log.write_text(f"{result.problem}\n\n{result.log}", encoding="utf-8")
            self._out.write(json.dumps(line, sort_keys=True) + "\n")
            self._out.flush()
            os.fsync(self._out.fileno())
            self._known[result.record.instance_id] = result

    def all(self) -> Mapping[str, Validation]:
        """Everything that is known, by instance id."""
        return dict(self._known)

    def log_of(self, record: InstanceRecord) -> Path:
        """Where the log of a rejected candidate is kept."""
        return self._logs / f"{record.instance_id}.log"

    def _read(self) -> dict[str, Validation]:
        data = self._path.read_bytes() if self._path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            os.truncate(self._path, len(whole))  # or the next line would be written behind it
        known = {}
        for number, line in enumerate(whole.decode("utf-8").split("\n")[:-1], 1):
            entry = json.loads(line)
            record = parse(InstanceRecord, entry["record"], f"{self._path}, line {number}")
            known[record.instance_id] = Validation(
                record=record, problem=entry["problem"], state=entry.get("state", "")
            )
        return known
