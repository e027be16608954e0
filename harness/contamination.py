"""The contamination audit: what a memory learned must not hold what nobody could know yet.

After every record the text of what changed in the memory's saved state is searched for lines of
fixes and hidden tests, names of hidden tests and ids of later tasks, and for dates after the
stream's clock. Something found is a leak unless the memory came by it honestly: it was told so
under the feedback policy, it held it before, or it stands in the checkout of the task at hand.

A fix that lies before the base commit is public and not searched for. What cannot be seen:
compressed or encrypted state, vectors, paraphrases, lines under 20 characters, names of files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from string import whitespace
from typing import Any

from seqswe.arms import Cell
from seqswe.errors import LeakError
from seqswe.experiment import Feedback
from seqswe.feedback import RELEASED
from seqswe.instance import Instance
from seqswe.memory import Experience
from seqswe.snapshots import Files

LEAST = 20
"""Characters of a line that is worth searching for, in its plain form; also of a search key."""
LEAST_NAME = 12
"""Characters of a test's name or an instance's id that cannot be there by chance."""
MARGIN = 1000
"""Bytes searched on both sides of a change, for what straddles its edges."""
PLAIN = str.maketrans("", "", whitespace + "\"'`\\")
WORD = re.compile(r"\w+")
NAME = re.compile(r"\w+(?:[.-]\w+)*")
TEST = re.compile(r"\bdef (test_\w+)")
DATE = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
DATED = re.compile(
    r"\w*(?:created|updated|modified|merged|committed|closed|timestamp|date|time)\w*"
    rf"""[\\"']*\s*[:=]\s*[\\"']*({DATE})""",
    re.IGNORECASE,
)
"""A field that holds a date, in JSON, in YAML or as a keyword."""

Lines = Callable[[str, str], Iterable[str]]
"""The lines of a commit's files that hold a word."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that becomes known with the task at `position`."""

    position: int
    what: str
    text: str
    plain: str
    gold: bool = True
    """Whether gold feedback releases it; an id is known once its task was worked on."""


class Contamination:
    """Audits the memories of a run. `lines` looks into the checkouts; safe between threads."""

    def __init__(self, instances: Sequence[Instance], feedback: Feedback, lines: Lines) -> None:
        self._instances, self._feedback, self._lines = instances, feedback, lines
        self._texts: dict[str, list[Secret]] = {}
        self._names: dict[str, list[Secret]] = {}
        self._holders: dict[str, list[Secret]] = {}
        for position, instance in enumerate(instances):
            for secret in secrets_of(instance, position):
                # The end tells more: ids of tests begin with the same folders.
                whole = secret.plain if is_name(secret) else secret.plain[-LEAST:]
                where = self._names if is_name(secret) else self._texts
                where.setdefault(whole, []).append(secret)
                self._holders.setdefault(secret.plain, []).append(secret)

    def check(self, cell: Cell, told: Experience, before: Files, after: Files) -> None:
        """Search what `told` changed in a memory's saved files. Raises LeakError at a find."""
        for name, content in after.items():
            text = changed(before.get(name, b""), content).decode("utf-8", "replace")
            for secret in self._found(text):
                if self._withheld(secret, cell, told) and not self._honest(secret, told, before):
                    raise self._leak(name, content, told, secret.plain, self._said(secret))
            for date in self._later_dates(text, cell, told):
                if not self._told_before(plain(date), told, before):
                    raise self._leak(
                        name, content, told, plain(date), f"the date {date}, after that task's"
                    )

    def _found(self, text: str) -> Iterator[Secret]:
        squeezed = plain(text)
        ends = range(LEAST, len(squeezed) + 1)
        for end in [end for end in ends if squeezed[end - LEAST : end] in self._texts]:
            for secret in self._texts[squeezed[end - LEAST : end]]:
                if squeezed.endswith(secret.plain, 0, end):
                    yield secret
        names = set(NAME.findall(text)).union(WORD.findall(text))
        for name in names & self._names.keys():
            yield from self._names[name]

    def _withheld(self, secret: Secret, cell: Cell, told: Experience) -> bool:
        """Whether nobody could know it yet, from this task or from another with the same text."""
        here, taught = told.task.position, cell.taught(told.task.position)
        for holder in self._holders[secret.plain]:
            worked_on = holder.position == here or holder.position in taught
            released = worked_on and (self._feedback == "gold" or not holder.gold)
            if holder.position < here or released:
                return False
        return True

    def _honest(self, secret: Secret, told: Experience, before: Files) -> bool:
        return self._told_before(secret.plain, told, before) or self._visible(secret, told)

    def _told_before(self, text: str, told: Experience, before: Files) -> bool:
        if text in plain(released(told, self._feedback)):
            return True
        return any(text in plain(old.decode("utf-8", "replace")) for old in before.values())

    def _visible(self, secret: Secret, told: Experience) -> bool:
        """Whether it stands in the checkout that the agent had, bug and all."""
        words = WORD.findall(secret.text)
        commit = told.task.base_commit
        there = sum(secret.plain in plain(x) for x in self._lines(commit, max(words, key=len)))
        instance = self._instances[secret.position]
        if instance.bug_patch and secret.position == told.task.position:
            # An injected bug took these lines out of the commit; the fix puts them back.
            there -= sum(secret.plain in plain(line) for line in added(instance.patch))
        return there > 0

    def _later_dates(self, text: str, cell: Cell, told: Experience) -> Iterator[str]:
        dates = DATED.findall(text)
        if not dates:
            return
        known = [self._instances[p].created_at for p in cell.taught(told.task.position)]
        clock = max([told.task.created_at, *known])
        for date in dates:
            if _moment(date) > (clock if len(date) > 10 else clock.replace(hour=23, minute=59)):
                yield date

    def _said(self, secret: Secret) -> str:
        return f"{secret.what} of {self._instances[secret.position].instance_id}"

    def _leak(self, name: str, content: bytes, told: Experience, text: str, what: str) -> LeakError:
        numbered = enumerate(content.decode("utf-8", "replace").split("\n"), 1)
        line = next((number for number, line in numbered if text in plain(line)), None)
        where = f"{name}, line {line}," if line else name
        return LeakError(
            f"after {told.task.instance_id} the memory's {where} holds {what}, which it could "
            f"not know under feedback {self._feedback!r}",
            "Find where the memory has it from; the snapshot is kept in the run directory.",
        )


def secrets_of(instance: Instance, position: int) -> Iterator[Secret]:
    """What becomes known with an instance, each text once."""
    found: dict[str, Secret] = {}
    for what, patch in (
        ("a line of the fix", instance.patch),
        ("a line of the hidden tests", instance.test_patch),
    ):
        for line in added(patch):
            squeezed = plain(line)
            if len(squeezed) >= LEAST and any(len(w) > 2 for w in WORD.findall(line)):
                found.setdefault(squeezed, Secret(position, what, line, squeezed))
    names = {name for line in added(instance.test_patch) for name in TEST.findall(line)}
    for test in (*instance.fail_to_pass, *sorted(names)):
        what = f"the hidden test {test}"
        if len(plain(test)) >= LEAST_NAME and WORD.search(test):
            found.setdefault(plain(test), Secret(position, what, test, plain(test)))
    name = instance.instance_id
    if len(name) >= LEAST_NAME:
        found.setdefault(name, Secret(position, "the id", name, name, gold=False))
    return iter(found.values())


def is_name(secret: Secret) -> bool:
    """Whether it is searched for as a whole word rather than anywhere in the text."""
    return len(secret.plain) < LEAST or NAME.fullmatch(secret.text) is not None


def added(patch: str) -> list[str]:
    """The lines that a patch adds, without their mark."""
    return [x[1:] for x in patch.split("\n") if x.startswith("+") and not x.startswith("+++ ")]


def plain(text: str) -> str:
    """The text without blanks, quotes and backslashes: the same in JSON, in a diff, indented."""
    return text.translate(PLAIN)


def released(told: Experience, feedback: Feedback) -> str:
    """Everything of an experience that the feedback policy allows, as one text."""
    withheld = {name for name, policies in RELEASED.items() if feedback not in policies}
    values = {f.name: getattr(told, f.name) for f in fields(told) if f.name not in withheld}
    return "\n".join(_strings(values))


def changed(old: bytes, new: bytes) -> bytes:
    """The part of `new` that differs from `old`, from the first difference to the last."""
    if new == old:
        return b""
    start = _same(old, new)
    rest = min(len(old), len(new)) - start
    end = len(new) - _same(old[::-1][:rest], new[::-1][:rest])
    return new[max(0, start - MARGIN) : end + MARGIN]


def _same(a: bytes, b: bytes) -> int:
    """How many bytes both begin with."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[low:middle] == b[low:middle] else (low, middle - 1)
    return low


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _strings(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _strings(item)
    elif hasattr(value, "__dataclass_fields__"):
        for spec in fields(value):
            yield from _strings(getattr(value, spec.name))
    elif value is not None:
        yield str(value)


def _moment(date: str) -> datetime:
    try:
        found = datetime.fromisoformat(date)
    except ValueError:  # no date after all, such as 2025-99-99
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
