"""Texts of issues: a file with one issue a line, each as it was first written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.codebases.statements.clean import bounded
from seqswe.errors import UsageError
from seqswe.manifests.convert import moment
from seqswe.manifests.read import Entry, read_json_lines

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
