"""Where a statement comes from: the first source that has something to say, and the same again.

Mining chooses; from then on a manifest names the source, and only that one is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from harness.codebases.statements.clean import bounded, clean_message, closed_issues
from harness.codebases.statements.issues import Issue
from harness.codebases.statements.news import (
    MOST_ENTRIES,
    changelog_of,
    fragment_of,
    issues_in_news,
)
from harness.codebases.statements.rules import Rules
from harness.grading.patch import Part
from harness.history.git import Clone

MOST_MERGED = 20
"""Commits that a merge may bring in to be one task."""
SQUASHED = re.compile(r"\A[^\n]*\(#\d{1,9}\)\s*$", re.MULTILINE)
PULL = re.compile(r"Merge (?:pull request|PR)\b")
ISSUE = "issue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A text and what it comes from."""

    text: str
    source: str
    """`issue:<number>`, or a key of MAKERS."""


@dataclass(frozen=True, kw_only=True)
class Fix:
    """What statements are made from: a commit's message, what it merges, and its changes."""

    clone: Clone
    base: str
    parents: tuple[str, ...]
    message: str
    parts: Sequence[Part]
    """Its changes, file by file."""
    rules: Rules

    @classmethod
    def of(cls, clone: Clone, base: str, commit: str, parts: Sequence[Part], rules: Rules) -> Fix:
        """Read the fix of a commit whose changes are known. Raises GitError."""
        shown = clone.run("log", "-1", "--format=%P%x00%B", "--end-of-options", commit, "--")
        parents, _, message = shown.partition("\0")
        return cls(
            clone=clone,
            base=base,
            parents=tuple(parents.split()),
            message=message,
            parts=parts,
            rules=rules,
        )

    @property
    def report(self) -> str:
        """Its message as somebody would report it; "" if that says nothing."""
        return clean_message(self.message, self.rules, merges=len(self.parents) > 1)

    @cached_property
    def merged(self) -> tuple[str, ...]:
        """Messages of the commits that a merge brings in, oldest first; none of too many."""
        if len(self.parents) < 2:
            return ()
        shape = ("--no-merges", "--topo-order", "--reverse", "--format=%B%x00")
        end = ("--end-of-options", *self.parents[1:], f"^{self.base}", "--")
        texts = self.clone.run("log", *shape, *end).split("\0")
        messages = tuple(text for text in texts if text.strip())
        return messages if len(messages) <= MOST_MERGED else ()

    @property
    def named_issues(self) -> list[int]:
        """Numbers that may be of the issue that it closes, the likeliest first."""
        messages = (self.message, *self.merged)
        closed = [number for text in messages for number in closed_issues(text)]
        return list(dict.fromkeys([*closed, *issues_in_news(self.parts, self.rules)]))


def choose(fix: Fix, clock: datetime, issues: Mapping[int, Issue]) -> Statement | None:
    """The statement of a task, by the first source that has one; None if none says anything.

    An issue counts only if it was written before `clock`, the date of the base commit.
    """
    return next(_statements(fix, clock, issues), None)


def read(fix: Fix, source: str, issues: Mapping[int, Issue]) -> str:
    """The statement that a source gives; "" if it gives none."""
    kind, _, number = source.partition(":")
    if kind == ISSUE and number.isdecimal():
        issue = issues.get(int(number[:9]))
        return issue.text if issue else ""
    maker = MAKERS.get(source)
    return maker(fix) if maker else ""


def _statements(fix: Fix, clock: datetime, issues: Mapping[int, Issue]) -> Iterator[Statement]:
    for number in fix.named_issues if issues else ():
        issue = issues.get(number)
        if issue and issue.created_at <= clock and issue.text:
            yield Statement(text=issue.text, source=f"{ISSUE}:{number}")
    for source, make in MAKERS.items():
        if text := make(fix):
            yield Statement(text=text, source=source)


def _pull(fix: Fix) -> str:
    """A pull request that was squashed, with the text that its author gave it."""
    text = fix.report
    return text if SQUASHED.match(fix.message.strip()) and "\n\n" in text else ""


def _merge(fix: Fix) -> str:
    """A merge: the title that its author gave it, and the messages of what it brings in."""
    if len(fix.parents) < 2:
        return ""
    own = fix.report
    texts = [text for m in fix.merged if (text := clean_message(m, fix.rules))]
    if own or PULL.match(fix.message):
        # One change: of its commits, the titles alone are the list of how it was made.
        texts = [own or next(iter(texts), ""), *(text for text in texts if "\n\n" in text)]
    elif len(texts) > MOST_ENTRIES:  # a branch of many changes
        return ""
    unique = dict.fromkeys(block for text in texts for block in _blocks(text))
    return bounded("\n\n".join(unique))


def _blocks(text: str) -> list[str]:
    return [block.strip() for block in text.split("\n\n") if block.strip()]


def _commit(fix: Fix) -> str:
    return "" if len(fix.parents) > 1 else fix.report


MAKERS: Mapping[str, Callable[[Fix], str]] = {
    "fragment": lambda fix: fragment_of(fix.parts, fix.rules),
    "changelog": lambda fix: changelog_of(fix.parts, fix.rules),
    "pull": _pull,
    "merge": _merge,
    "commit": _commit,
}
"""Sources beside issues, in the order in which they are asked."""
