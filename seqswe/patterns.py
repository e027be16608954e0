"""What a field of outside data may look like: names become paths, and words of commands.

Write `name: Annotated[str, NAME]` in a dataclass; `seqswe.manifests.convert` checks it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

NO_WAY_UP = r"(?!.*\.\.)"


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A text that an expression fits as a whole."""

    expression: str
    meaning: str
    """What is expected, in words that follow "must be"."""
    longest: int = 200

    def fits(self, value: object) -> bool:
        """Whether a value is such a text."""
        return (
            isinstance(value, str)
            and len(value) <= self.longest
            and _compiled(self.expression).fullmatch(value) is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """A number within bounds, both included."""

    least: float
    most: float

    @property
    def meaning(self) -> str:
        """What is expected, in words that follow "must be"."""
        return f"from {self.least:,} to {self.most:,}"

    def fits(self, value: object) -> bool:
        """Whether a value is such a number; "not a number" is not."""
        return isinstance(value, int | float) and self.least <= value <= self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class RegularExpression:
    """A text that `re` understands."""

    meaning: str = "a regular expression"

    def fits(self, value: object) -> bool:
        """Whether a value is such a text."""
        try:
            re.compile(str(value)[:10_000])
        except (re.error, RecursionError, OverflowError):
            return False
        return True


NAME = Pattern(
    expression=NO_WAY_UP + r"[a-z0-9][a-z0-9._-]*",
    meaning="lower-case letters, digits, '.', '_' and '-'",
    longest=100,
)
REPO = Pattern(
    expression=NO_WAY_UP + r"[A-Za-z0-9_][A-Za-z0-9._-]*/(?!\.$)[A-Za-z0-9._-]+",
    meaning="owner/name",
    longest=150,
)
INSTANCE_ID = Pattern(
    expression=NO_WAY_UP + r"[A-Za-z0-9_][A-Za-z0-9._-]*",
    meaning="at most 200 letters, digits, '.', '_' and '-'",
)
ARM = Pattern(
    expression=r"[a-z][a-z0-9-]*", meaning="lower-case letters, digits and '-'", longest=64
)
DIGEST = Pattern(expression=r"sha256:[0-9a-f]{64}", meaning="a digest such as sha256:0123…")
COMMIT = Pattern(expression=r"[0-9a-f]{40}|[0-9a-f]{64}", meaning="the 40 or 64 digits of a commit")
COMMIT_OR_NONE = Pattern(
    expression=rf"(?:{COMMIT.expression})?", meaning="the digits of a commit, or empty"
)
HEAD = Pattern(
    expression=NO_WAY_UP + r"(?:[A-Za-z0-9_][A-Za-z0-9._/+@-]*)?",
    meaning="a commit, a branch or a tag",
)
KEY = Pattern(
    expression=NO_WAY_UP + r"[A-Za-z0-9_][A-Za-z0-9._-]*",
    meaning="letters, digits, '.', '_' and '-'",
    longest=64,
)
VERSION = Pattern(expression=r"\d{1,2}\.\d{1,3}", meaning="a version such as 3.11", longest=6)
DAY = Pattern(expression=r"(?:\d{4}-\d{2}-\d{2})?", meaning="a date such as 2024-03-31")
REQUIREMENT = Pattern(
    expression=r"[A-Za-z0-9][^\r\n\0]*", meaning="a requirement such as 'attrs>=20'", longest=500
)
PATH = Pattern(
    expression=r"(?![/-])(?!(?:.*/)?\.\.(?:/|$))[^\0]+",
    meaning="a path below the top folder",
    longest=4096,
)
URL = Pattern(
    expression=r"(?:(?:https?|ssh|git|file)://(?!-)\S+|/[^\r\n\0]*|[\w.+][\w.+-]*@[\w.][^\s:]*:\S+)?",
    meaning="the address of a git repository or an absolute path",
    longest=4096,
)
SHARE = Between(least=0, most=1)
COUNT = Between(least=0, most=1_000_000_000)
AMOUNT = Between(least=0, most=10**15)
"""What a rollout may have spent of anything: neither infinity nor "not a number" is within."""
EXPRESSION = RegularExpression()
