"""The contamination audit: a memory must not hold what could not be known yet.

After every record, the changed text of the memory's saved state is searched for lines of fixes and
hidden tests, names of hidden tests, ids of later tasks, and dates after the stream's clock. A match
is a leak unless the memory came by it honestly: the feedback policy released it, the memory held it
before, or it stands in the checkout of the task at hand.

A fix that lies before the base commit is public and is not searched for. The audit cannot see
compressed or encrypted state, vectors, paraphrases, lines under 20 characters, and names of files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cached_property, partial
from string import whitespace
from typing import Any

from seqswe.arms import Cell
from seqswe.errors import LeakError
from seqswe.experiment import Feedback
from seqswe.instance import Instance
from seqswe.memory import Experience
from seqswe.runs.feedback import RELEASED
from seqswe.runs.snapshots import Files

LEAST = 20
"""Characters of a line that is worth searching for, in its plain form; also of a search key."""
LEAST_NAME = 12
"""Characters of a test's name or an instance's id that cannot be there by chance."""
MARGIN = 300
"""Bytes searched on both sides of a change, for secrets that straddle its edges."""
PLAIN = str.maketrans("", "", whitespace + "\"'`\\")
HEX = "[0-9a-fA-F]"
ESCAPE = re.compile(rf"\\+(?:[nrt]|x({HEX}{{2}})|u({HEX}{{4}})|U(00(?:0{HEX}|10){HEX}{{4}}))")
"""As JSON, YAML and repr write line breaks, tabs and what is not ASCII, however often nested."""
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

Lines = Callable[[str, str, str], Iterable[str]]
"""Returns the lines of a commit that hold a word, in the file named last ("": in all files)."""


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

    def check(
        self, cell: Cell, experience: Experience, before: Files, after: Files, snapshot: str = ""
    ) -> None:
        """Search what an experience changed in a memory's saved files. Raises LeakError.

        snapshot: where `after` is kept, for the error's reader; "" if nowhere.
        """
        known = KnownByMemory(experience, self._feedback, before)
        leak = partial(self._leak, cell, experience, snapshot)
        for name, content in after.items():
            text = changed(before.get(name, b""), content).decode("utf-8", "replace")
            for secret in self._secrets_in(text):
                if not self._withheld(secret, cell, experience) or known.holds(secret.plain):
                    continue
                if not self._visible(secret, experience):
                    raise leak(_place(name, content, secret.plain), self._described(secret))
            for date in self._later_dates(unescaped(text), cell, experience):
                if not known.holds(plain(date)):
                    what = f"the date {date}, after that task's"
                    raise leak(_place(name, content, plain(date)), what)

    def _secrets_in(self, text: str) -> Iterator[Secret]:
        squeezed = plain(text)
        ends = range(LEAST, len(squeezed) + 1)
        for end in [end for end in ends if squeezed[end - LEAST : end] in self._texts]:
            for secret in self._texts[squeezed[end - LEAST : end]]:
                if squeezed.endswith(secret.plain, 0, end):
                    yield secret
        # As it is written, too: what looks like an escape may be the start of a name.
        names = {name for form in {text, unescaped(text)} for name in _words(form)}
        for name in names & self._names.keys():
            yield from self._names[name]

    def _withheld(self, secret: Secret, cell: Cell, experience: Experience) -> bool:
        """Whether the text cannot be known yet, from this task or from another that shares it."""
        position, taught = experience.task.position, cell.taught(experience.task.position)
        for holder in self._holders[secret.plain]:
            worked_on = holder.position == position or holder.position in taught
            released = worked_on and (self._feedback == "gold" or not holder.gold)
            if holder.position < position or released:
                return False
        return True

    def _visible(self, secret: Secret, experience: Experience) -> bool:
        """Whether the text stands in the checkout that the agent had, with its bug."""
        instance = self._instances[secret.position]
        text, path = sought(secret, instance)
        word = max(WORD.findall(text), key=len)
        count = _holding(text, self._lines(experience.task.base_commit, word, path))
        if instance.bug_patch and secret.position == experience.task.position:
            # An injected bug took these lines out of the commit; its patches put them back.
            count -= _holding(text, added(instance.patch) + added(instance.test_patch))
        return count > 0

    def _later_dates(self, text: str, cell: Cell, experience: Experience) -> Iterator[str]:
        dates = DATED.findall(text)
        if not dates:
            return
        clocks = [self._instances[p].created_at for p in cell.taught(experience.task.position)]
        clock = max([experience.task.created_at, *clocks])
        for date in dates:
            if _moment(date) > (clock if len(date) > 10 else clock.replace(hour=23, minute=59)):
                yield date

    def _described(self, secret: Secret) -> str:
        return f"{secret.what} of {self._instances[secret.position].instance_id}"

    def _leak(
        self, cell: Cell, experience: Experience, snapshot: str, where: str, what: str
    ) -> LeakError:
        kept = f"; snapshot {snapshot} is kept in the run directory" if snapshot else ""
        return LeakError(
            f"after {experience.task.instance_id} (arm {cell.arm}, seed {cell.seed}) the memory's "
            f"{where} holds {what}, which it could not know under feedback {self._feedback!r}",
            f"Find where the memory has it from{kept}.",
        )


class KnownByMemory:
    """The texts that a memory may hold; they are read only after a first match."""

    def __init__(self, experience: Experience, feedback: Feedback, before: Files) -> None:
        self._experience, self._feedback, self._before = experience, feedback, before

    def holds(self, text: str) -> bool:
        """Whether the feedback policy released the text, or the memory held it before."""
        return text in self._released or text in self._held

    @cached_property
    def _released(self) -> str:
        return plain(released(self._experience, self._feedback))

    @cached_property
    def _held(self) -> str:
        return "\n".join(plain(c.decode("utf-8", "replace")) for c in self._before.values())


def secrets_of(instance: Instance, position: int) -> Iterator[Secret]:
    """Return what becomes known with an instance, each text once."""
    secrets: dict[str, Secret] = {}
    for what, patch in (
        ("a line of the fix", instance.patch),
        ("a line of the hidden tests", instance.test_patch),
    ):
        for line in added(patch):
            squeezed = plain(line)
            if len(squeezed) >= LEAST and any(len(w) > 2 for w in WORD.findall(line)):
                secrets.setdefault(squeezed, Secret(position, what, line, squeezed))
    names = {name for line in added(instance.test_patch) for name in TEST.findall(line)}
    for test in (*instance.fail_to_pass, *sorted(names)):
        what = f"the hidden test {test}"
        if len(plain(test)) >= LEAST_NAME and WORD.search(test):
            secrets.setdefault(plain(test), Secret(position, what, test, plain(test)))
    name = instance.instance_id
    if len(name) >= LEAST_NAME:
        secrets.setdefault(name, Secret(position, "the id", name, name, gold=False))
    return iter(secrets.values())


def sought(secret: Secret, instance: Instance) -> tuple[str, str]:
    """Return the text that shows a secret in a checkout, and in which file ("": any).

    The id of a test stands nowhere, but its function does.
    """
    if "::" in secret.text and secret.text in instance.fail_to_pass:
        path, *_, name = secret.text.partition("[")[0].split("::")
        return f"def {name}(", path
    return secret.text, ""


def is_name(secret: Secret) -> bool:
    """Whether a secret is searched for as a whole word rather than anywhere in the text."""
    return len(secret.plain) < LEAST or NAME.fullmatch(secret.text) is not None


def added(patch: str) -> list[str]:
    """Return the lines that a patch adds, without their mark."""
    return [x[1:] for x in patch.split("\n") if x.startswith("+") and not x.startswith("+++ ")]


def plain(text: str) -> str:
    """Remove blanks, quotes and escapes, so that JSON, a diff and indented text are the same."""
    return unescaped(text).translate(PLAIN)


def unescaped(text: str) -> str:
    """Replace each escaped line break or tab by a blank, and codes by their characters."""
    if "\\" not in text:
        return text
    text = ESCAPE.sub(lambda m: chr(int(m[m.lastindex] if m.lastindex else "20", 16)), text)
    # JSON writes what is beyond four digits as two halves.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def released(experience: Experience, feedback: Feedback) -> str:
    """Return everything in an experience that the feedback policy allows, as one text."""
    withheld = {name for name, policies in RELEASED.items() if feedback not in policies}
    values = {
        f.name: getattr(experience, f.name) for f in fields(experience) if f.name not in withheld
    }
    return "\n".join(_strings(values))


def changed(old: bytes, new: bytes) -> bytes:
    """Return the part of `new` from its first to its last difference from `old`."""
    if new == old:
        return b""
    start = _same(old, new)
    rest = min(len(old), len(new)) - start
    end = len(new) - _same(old[::-1][:rest], new[::-1][:rest])
    return new[max(0, start - MARGIN) : end + MARGIN]


def _same(a: bytes, b: bytes) -> int:
    """Count the bytes that both begin with."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[low:middle] == b[low:middle] else (low, middle - 1)
    return low


def _place(name: str, content: bytes, text: str) -> str:
    numbered = enumerate(content.decode("utf-8", "replace").split("\n"), 1)
    line = next((number for number, line in numbered if text in plain(line)), None)
    return f"{name}, line {line}," if line else name


def _words(text: str) -> list[str]:
    return NAME.findall(text) + WORD.findall(text)


def _holding(text: str, lines: Iterable[str]) -> int:
    wanted = plain(text)
    return sum(wanted in plain(line) for line in lines)


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
        moment = datetime.fromisoformat(date)
    except ValueError:  # no date after all, such as 2025-99-99
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
