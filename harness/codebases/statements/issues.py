"""Texts of issues: a file with one issue a line, each as it was first written."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.codebases.statements.clean import bounded
from seqswe.errors import UsageError
from seqswe.manifests.convert import moment
from seqswe.manifests.read import Entry, parse_json, read_json_lines, read_lines

FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "number": int,
    "title": str,
    "body": (str, type(None)),
    "created_at": str,
}
"""Fields of an issue's line, and their types."""
HALF = re.compile("[\ud800-\udfff]")
"""Half of a pair of code units: JSON may name one alone, no encoding can write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """An issue as it was first written; later comments would show the future."""

    title: str
    body: str
    created_at: datetime

    @property
    def text(self) -> str:
        """Title and body as one text; "" if both are empty."""
        return bounded(f"{self.title}\n\n{self.body}".replace("\r\n", "\n"))


def load_issues(path: str) -> Mapping[int, Issue]:
    """Read issues by number from JSON lines `{"number", "title", "body", "created_at"}`.

    path: of the file; "" for none. Raises UsageError for one that cannot be read, or a line of
    another form.
    """
    if not path:
        return {}
    hint = 'Each line is {"number", "title", "body", "created_at"}.'
    issues: dict[int, Issue] = {}
    for entry in read_json_lines(Path(path), hint):
        number, issue = _issue(entry, hint)
        if issues.setdefault(number, issue) != issue:
            raise UsageError(
                f"{entry.where}: field 'number': {number} stands for another issue above",
                "Keep one of the two lines.",
            )
    return issues


def _issue(entry: Entry, hint: str) -> tuple[int, Issue]:
    """An issue and its number, from a line that may hold more."""
    data = entry.value if isinstance(entry.value, dict) else {}
    for name, kinds in FIELDS.items():
        if name not in data:
            raise UsageError(f"{entry.where}: field {name!r} is missing", hint)
        if not isinstance(data[name], kinds) or isinstance(data[name], bool):
            raise UsageError(f"{entry.where}: field {name!r} is of the wrong type", hint)
        if isinstance(data[name], str) and HALF.search(data[name]):
            raise UsageError(f"{entry.where}: field {name!r} holds half a character", hint)
    return data["number"], Issue(
        title=data["title"],
        body=data["body"] or "",
        created_at=moment(data["created_at"], f"{entry.where}: field 'created_at'"),
    )


class KnownIssues:
    """What was once asked of a repository's issues: a file that only grows, a line for each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.issues: dict[int, Issue] = {}
        self.absent: dict[int, str] = {}
        for number, issue, absent in self._read():
            self._keep(number, issue, absent)

    def missing(self, numbers: Iterable[int]) -> list[int]:
        """Those of some numbers that were never asked for, in order."""
        return sorted({n for n in numbers if n not in self.issues and n not in self.absent})

    def add(self, answers: Iterable[tuple[int, Issue | None, str]]) -> None:
        """Keep number, issue and, without one, the reason; on the disk on return."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            for number, issue, absent in answers:
                self._keep(number, issue, absent)
                line = as_line(number, issue) if issue else {"number": number, "absent": absent}
                file.write(json.dumps(line) + "\n")

    def _keep(self, number: int, issue: Issue | None, absent: str) -> None:
        if issue:
            self.issues[number] = issue
        else:
            self.absent[number] = absent

    def _read(self) -> Iterator[tuple[int, Issue | None, str]]:
        hint = f"Remove {self._path}: its issues are fetched again."
        whole = 0
        for line in read_lines(self._path, hint) if self._path.exists() else ():
            if not line.whole:
                os.truncate(self._path, whole)  # by a kill; or the next would be written behind it
                return
            whole += len(line.data) + 1
            entry = Entry(value=parse_json(line.data, line.where, hint), where=line.where)
            data = entry.value if isinstance(entry.value, dict) else {}
            if isinstance(data.get("absent"), str) and isinstance(data.get("number"), int):
                yield data["number"], None, data["absent"]
            else:
                yield *_issue(entry, hint), ""


def as_line(number: int, issue: Issue) -> dict[str, Any]:
    """An issue as `load_issues` reads it."""
    return {
        "number": number,
        "title": issue.title,
        "body": issue.body,
        "created_at": issue.created_at.isoformat(),
    }
