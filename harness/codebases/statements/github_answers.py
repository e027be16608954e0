"""What GitHub's GraphQL API says of issues, read whatever its form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from harness.codebases.statements.issues import HALF, Issue
from seqswe.errors import ManifestError
from seqswe.manifests.convert import parse
from seqswe.visible import one_line

NOT_THERE = "NOT_FOUND"
"""The type of an error that says of a name, for good, that nothing has it."""
ANY = "any"
"""Stands for every name in the query."""
AT_CREATION = timedelta(minutes=5)
"""The first of the versions that are told is the original if it is as old as the issue."""
FIELDS = """
fragment first on Issue {
  title body created_at: createdAt edited_at: lastEditedAt
  newest: userContentEdits(first: 1) { nodes { edited_at: editedAt text: diff } }
  oldest: userContentEdits(last: 1) { nodes { edited_at: editedAt text: diff } }
  renamed: timelineItems(itemTypes: [RENAMED_TITLE_EVENT], first: 1) {
    nodes { ... on RenamedTitleEvent { title: previousTitle } }
  }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What GitHub says of a number: an issue, why there is none, or why it did not say."""

    number: int
    issue: Issue | None = None
    absent: str = ""
    untold: str = ""
    """It may say something else later, so this is nothing to keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit:
    edited_at: datetime
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edits:
    nodes: tuple[_Edit | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Renaming:
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Renamings:
    nodes: tuple[_Renaming | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """One issue as the query has it."""

    title: str
    body: str
    created_at: datetime
    edited_at: datetime | None
    newest: _Edits | None
    oldest: _Edits | None
    renamed: _Renamings


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What an answer holds."""

    repository: Mapping[str, Any] | None
    """Issues by their names in the query."""
    failed: Mapping[str, str]
    """Names in the query that could not be answered, ANY for all, with what was said of them."""
    kinds: frozenset[str]
    """Types of all errors."""
    said: str
    """All errors, for a message."""


def content_of(answer: Any) -> Content:
    """What of an answer can be read, whatever its form."""
    tables = answer if isinstance(answer, dict) else {}
    listed = tables.get("errors")
    errors = [e for e in listed if isinstance(e, dict)] if isinstance(listed, list) else []
    data = tables.get("data")
    repository = data.get("repository") if isinstance(data, dict) else None
    failed = {}
    for error in errors:
        path = error.get("path")
        if error.get("type") != NOT_THERE:
            place = str(path[1]) if isinstance(path, list) and path[1:] else ANY
            failed[place] = one_line(str(error.get("message")), 100)
    return Content(
        repository=repository if isinstance(repository, dict) else None,
        failed=failed,
        kinds=frozenset(str(e.get("type")) for e in errors),
        said=one_line(str(listed), 200),
    )


def answer_of(number: int, content: Content) -> Answer:
    """What it says of one number; nothing to keep where something else may be said later."""
    data = (content.repository or {}).get(f"i{number}")
    untold = content.failed.get(f"i{number}", content.failed.get(ANY))
    if data is None and untold is not None:
        return Answer(number=number, untold=untold)
    if data is None:
        return Answer(number=number, absent="no issue")  # a pull request, moved or deleted
    try:
        told: _Told = parse(_Told, data, f"issue {number}")
    except ManifestError as error:
        return Answer(number=number, untold=error.message)
    body = _first_body(told)
    if body is None:
        return Answer(number=number, absent="edited, and its first text is not told")
    title = next((event.title for event in told.renamed.nodes if event), told.title)
    if HALF.search(title) or HALF.search(body):
        return Answer(number=number, absent="holds half a character")
    return Answer(number=number, issue=Issue(title=title, body=body, created_at=told.created_at))


def _first_body(told: _Told) -> str | None:
    """The body as it was first written; None if only later ones are known."""
    if told.edited_at is None:
        return told.body
    nodes = [node for edits in (told.newest, told.oldest) if edits for node in edits.nodes]
    versions = [(node.edited_at, node.text) for node in nodes if node and node.text is not None]
    when, text = min(versions, default=(None, None))
    if when is None or when - told.created_at > AT_CREATION:
        return None
    return text
