"""The contamination audit: a memory must neither hold nor recall what could not be known yet.

After every record, the changed part of the memory's saved state is searched, and before every
task, all of a recall that can reach an agent: for lines of fixes and hidden tests, names of hidden
tests, ids of later tasks, and dates after the stream's clock. A match is a leak unless the memory
came by it honestly: the feedback policy released it, the memory held it before, or it stands in
the checkout or the log of the task at hand.

A fix that lies before the base commit is public and is not searched for. `decoding` says what is
read, `secret_index` how it is searched; the audit cannot see encrypted state, vectors, paraphrases,
lines under 20 characters, and names of files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.memory.changes import changed_parts
from harness.memory.decoding import readings
from harness.memory.effort import SECONDS, Effort
from harness.memory.known import KnownByMemory, KnownParts, KnownText, strings
from harness.memory.secret import (
    WORD,
    Secret,
    added,
    answers_of,
    plain,
    secrets_of,
    sought,
    squeezed,
    unescaped,
)
from harness.memory.secret_index import GRAM, SecretIndex
from seqswe.arms import Cell
from seqswe.errors import LeakError
from seqswe.experiment import Feedback
from seqswe.instance import Instance, Task
from seqswe.memory import Commit, Experience, Recall
from seqswe.runs.feedback import RELEASED
from seqswe.runs.snapshots import Files

DATE = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
DATED = re.compile(
    r"(?:created|updated|modified|merged|committed|closed|timestamp|date|time)\w{0,40}"
    rf"""[\\"']*\s*[:=]\s*[\\"']*({DATE})""",
    re.IGNORECASE,
)
"""A field that holds a date, in JSON, in YAML or as a keyword."""

Lines = Callable[[str, str, str], Iterable[str]]
"""Returns the lines of a commit that hold a word, in the file named last ("": in all files)."""
Past = Callable[[Task], Iterable[Commit]]
"""The log of what a task's base commit reaches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a memory is searched, and what it may know by then."""

    cell: Cell
    task: Task
    over: bool
    """Whether the task has been worked on, so that its own lesson may be known."""
    known: KnownByMemory

    @property
    def said(self) -> str:
        """Before or after which task, of which arm and seed."""
        when = "after" if self.over else "before"
        return f"{when} {self.task.instance_id} (arm {self.cell.arm}, seed {self.cell.seed})"


class Contamination:
    """Audits the memories of a run. Safe between threads.

    lines, past: look into the checkouts and the logs of base commits; seconds: of the processor,
    for one search. Both checks raise RolloutError("memory_failed") for what is too much to search.
    """

    def __init__(
        self,
        instances: Sequence[Instance],
        feedback: Feedback,
        lines: Lines,
        past: Past = lambda task: (),
        *,
        seconds: float = SECONDS,
        user: bool = False,
    ) -> None:
        """seconds: processor time of one search; user: whether there is one, whose answers must
        not be kept under `none` and `verdict`."""
        self._seconds = seconds
        self._instances, self._feedback, self._lines = instances, feedback, lines
        self._past = past
        self._commits: dict[str, KnownText] = {}
        self._tells = feedback in RELEASED["test_output"]
        self._holders: dict[str, list[Secret]] = {}
        for position, instance in enumerate(instances):
            answers = answers_of(instance, position) if user and not self._tells else ()
            for secret in (*secrets_of(instance, position), *answers):
                self._holders.setdefault(secret.plain, []).append(secret)
        # A text of several tasks is found once; whether it is known depends on all of them.
        self._index = SecretIndex(holders[0] for holders in self._holders.values())

    def check(
        self, cell: Cell, experience: Experience, before: Files, after: Files, snapshot: str = ""
    ) -> None:
        """Search what an experience changed in a memory's saved files. Raises LeakError.

        snapshot: where `after` is kept, for the error's reader; "" if nowhere.
        """
        known = KnownByMemory(
            lambda: [experience], self._feedback, lambda: before, self._past_of(experience.task)
        )
        moment = Moment(cell=cell, task=experience.task, over=True, known=known)
        kept = f"snapshot {snapshot} is kept in the run directory" if snapshot else ""
        effort = Effort(self._seconds)
        parts = changed_parts(before, after, effort)
        for name, part in parts.items():
            for what, text in self._leaks(part, moment, effort):
                where = f"'s {_place(name, after[name], text)} holds"
                raise self._leak(moment, where, what, kept)
        names = "\n".join(sorted(after.keys() - before))
        for what, _ in self._leaks(names, moment, effort):
            raise self._leak(moment, "'s files have names that hold", what, kept)
        if len(parts) > 1:
            for what, _ in self._leaks(b"".join(parts.values()), moment, effort):
                raise self._leak(moment, "'s files together hold", what, kept)

    def check_recall(
        self,
        cell: Cell,
        task: Task,
        recall: Recall,
        told: Callable[[], Iterable[Experience]],
        state: Callable[[], Files],
        keep: Callable[[], str],
    ) -> None:
        """Search everything of a recall that can reach an agent. Raises LeakError.

        told, state: what the memory was told so far, and its saved state; asked only after a match.
        keep: keeps recall and memory as they are, and says where.
        """
        known = KnownByMemory(told, self._feedback, state, lambda: self._about(task))
        moment = Moment(cell=cell, task=task, over=False, known=known)
        for what, _ in self._leaks(text_of(recall), moment, Effort(self._seconds)):
            raise self._leak(moment, " recalls", what, keep())

    def _leaks(
        self, data: bytes | str, moment: Moment, effort: Effort
    ) -> Iterator[tuple[str, str]]:
        """What is not to be known yet, in words, and its plain form."""
        for text in readings(data, effort=effort):
            effort.check()
            spelled = ""
            for secret in self._index.find(text, effort):
                effort.check()
                if not self._withheld(secret, moment):
                    continue
                # Of an answer there is no honest source: the steps that are told are without it.
                spelled = spelled or plain(text)
                known = moment.known.holds(secret, signs=secret.plain in spelled)
                if known and not secret.answer:
                    continue
                if secret.answer or not self._visible(secret, moment.task):
                    name = self._instances[secret.position].instance_id
                    yield f"{secret.what} of {name}", secret.plain
            for date in self._later_dates(unescaped(text), moment):
                effort.check()
                if not moment.known.holds_text(plain(date)):
                    yield f"the date {date}, after that task's", plain(date)

    def _withheld(self, secret: Secret, moment: Moment) -> bool:
        """Whether the text cannot be known yet, from this task or from another that shares it."""
        return all(self._is_secret(s, moment) for s in self._holders[secret.plain])

    def _is_secret(self, secret: Secret, moment: Moment) -> bool:
        if secret.answer:
            return True
        position = moment.task.position
        taught = secret.position in moment.cell.taught(position)
        own = secret.position == position
        if secret.position < position or (own and not secret.gold):
            return False
        released = self._feedback == "gold" or not secret.gold
        return not ((taught or (own and moment.over)) and released)

    def _visible(self, secret: Secret, task: Task) -> bool:
        """Whether the text stands in the checkout that the agent had, with its bug."""
        instance = self._instances[secret.position]
        text, path = sought(secret, instance)
        word = max(WORD.findall(text), key=len)
        count = _holding(text, self._lines(task.base_commit, word, path))
        if instance.bug_patch and secret.position == task.position:
            # An injected bug took these lines out of the commit; its patches put them back.
            count -= _holding(text, added(instance.patch) + added(instance.test_patch))
        return count > 0

    def _later_dates(self, text: str, moment: Moment) -> Iterator[str]:
        dates = DATED.findall(text)
        if not dates:
            return
        taught = moment.cell.taught(moment.task.position)
        clocks = [self._instances[position].created_at for position in taught]
        clock = max([moment.task.created_at, *clocks])
        for date in dates:
            if _moment(date) > (clock if len(date) > 10 else clock.replace(hour=23, minute=59)):
                yield date

    def _past_of(self, task: Task) -> Callable[[], Iterable[KnownText]]:
        return lambda: [KnownParts([self._read(commit) for commit in self._past(task)])]

    def _read(self, commit: Commit) -> KnownText:
        """A commit as the log shows it; of one that was read before, its forms are there."""
        if commit.sha not in self._commits:
            when, files = commit.created_at.isoformat(), "\n".join(commit.files)
            text = f"{commit.sha} {when} {commit.message}\n{files}\n"
            self._commits[commit.sha] = KnownText(text)
        return self._commits[commit.sha]

    def _about(self, task: Task) -> Iterable[KnownText]:
        """The task and the log before it: what anybody can read."""
        return [KnownText("\n".join(strings(task))), *self._past_of(task)()]

    def _leak(self, moment: Moment, where: str, what: str, evidence: str) -> LeakError:
        return LeakError(
            f"{moment.said} the memory{where} {what}, which it could not know under feedback "
            f"{self._feedback!r}",
            f"Find where the memory has it from{evidence and f'; {evidence}'}.",
        )


def text_of(recall: Recall) -> str:
    """Everything of a recall that can reach an agent, as one text.

    Fields of one kind stand together, so that a line in pieces is whole again.
    """
    items = recall.items
    return "\n".join(
        [
            recall.hint,
            *(f"{name}={value}" for name, value in recall.env.items()),
            *(item.text for item in items),
            *(path for item in items for path in item.files),
            *(json.dumps(i.notes, ensure_ascii=False, default=repr) for i in items if i.notes),
            *(origin for item in items for origin in item.origins if ":" in origin),
        ]
    )


def _place(name: str, content: bytes, text: str) -> str:
    numbered = enumerate(content.decode("utf-8", "replace").split("\n"), 1)
    line = next((number for number, line in numbered if text in plain(line)), None)
    return f"{name}, line {line}," if line else name


def _holding(text: str, lines: Iterable[str]) -> int:
    wanted, letters = plain(text), squeezed(text)
    found = [line for line in lines if wanted in plain(line) or _spells(line, letters)]
    return len(found)


def _spells(line: str, letters: str) -> bool:
    return len(letters) > GRAM and letters in squeezed(line)


def _moment(date: str) -> datetime:
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:  # no date after all, such as 2025-99-99
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
