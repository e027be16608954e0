"""The journal of a validation: what was proved stays proved, also after a kill."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType

from harness.codebases.validate import Validation
from seqswe.manifests.convert import parse
from seqswe.manifests.manifest import InstanceRecord, record_json
from seqswe.manifests.read import parse_json, read_lines
from seqswe.runs.rollout import CAUSES

PASSING = (
    *(f"{name}:" for name, cause in CAUSES.items() if cause.retry),
    "environment:",
    "its env",
)
"""How problems of the machine begin: they are tried again at the next call."""


PROVED = ("patch", "test_patch", "bug_patch")
"""Texts that a proof depends on."""
HINT = "Restore the file, or remove it: then everything is proved again."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proof:
    """One line of the journal."""

    record: InstanceRecord
    problem: str
    """Why the candidate is no instance; "" if it is one."""
    state: str = ""


def same_patches(one: InstanceRecord, other: InstanceRecord) -> bool:
    """Whether what was proved of one holds for the other: no statement is part of a proof."""
    return all(one.digests.get(name) == other.digests.get(name) for name in PROVED)


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
        if entry is None or not same_patches(entry.record, record):
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
                log.write_text(f"{result.problem}\n\n{result.log}", "utf-8", "backslashreplace")
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
        """Read every whole line; a half-written last one is cut off. Raises ManifestError."""
        known: dict[str, Validation] = {}
        kept = 0
        for line in read_lines(self._path, HINT) if self._path.exists() else ():
            if not line.whole:
                os.truncate(self._path, kept)  # or the next line would be written behind it
                break
            kept += len(line.data) + 1
            proof = parse(_Proof, parse_json(line.data, line.where, HINT), line.where)
            known[proof.record.instance_id] = Validation(
                record=proof.record, problem=proof.problem, state=proof.state
            )
        return known
