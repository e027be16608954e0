"""The problem statement: the text of the issue, if any, else the commit's message."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.history.git import Clone
from seqswe.errors import UsageError
from seqswe.manifests.parse import moment

CLOSES = re.compile(r"(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\s*:?\s+#(\d+)")
TRAILER = re.compile(r"^[A-Z][A-Za-z]*(?:-[A-Za-z]+)+: \S")
"""`Co-authored-by: x` and the like. One word before the colon is prose ("Fix: ...")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """An issue as it was first written; later comments would show the future."""

    title: str
    body: str
    created_at: datetime


def load_issues(path: str) -> Mapping[int, Issue]:
    """Read issues by number from JSON lines `{"number", "title", "body", "created_at"}`.

    path: of the file; "" for none. Raises UsageError for one that cannot be read, or a line of
    another form.
    """
    if not path:
        return {}
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}", "Give a file of issue texts.") from None
    issues = {}
    for number, line in enumerate(lines, 1):
        try:
            data = json.loads(line)
            issues[int(data["number"])] = Issue(
                title=data["title"],
                body=data["body"] or "",
                created_at=moment(data["created_at"], f"{path}, line {number}"),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{path}, line {number}: {error!r}",
                'Each line is {"number", "title", "body", "created_at"}.',
            ) from None
    return issues


def statement_of(
    clone: Clone, base: str, commit: str, issues: Mapping[int, Issue]
) -> tuple[str, str]:
    """Return the statement of a commit's task and its source: `issue:<number>` or `commit`."""
    message = clone.run("log", "-1", "--format=%B", "--end-of-options", commit, "--")
    date = clone.run("log", "-1", "--format=%cI", "--end-of-options", base, "--").strip()
    return statement_from(message, datetime.fromisoformat(date), issues)


def statement_from(message: str, clock: datetime, issues: Mapping[int, Issue]) -> tuple[str, str]:
    """Return the statement that a commit message leads to, and its source.

    An issue counts only if it was written before `clock`, the date of the base commit.
    """
    for number in map(int, CLOSES.findall(message)):
        issue = issues.get(number)
        if issue and issue.created_at <= clock:
            return f"{issue.title}\n\n{issue.body}".strip() + "\n", f"issue:{number}"
    return without_trailers(message), "commit"


def without_trailers(message: str) -> str:
    """Remove sign-offs and co-authors, which only name people, from a commit message."""
    lines = [line.rstrip() for line in message.strip().splitlines()]
    return "\n".join(line for line in lines if not TRAILER.match(line)).strip() + "\n"
