"""Every error that SeqSWE raises for people to read.

SeqSWEError                 message + hint, shown as two lines; carries the exit code
├── UsageError        2     the command line, an option, a name or a file is wrong
│   ├── UnknownName   2     a codebase, agent, memory, sandbox or report that is not registered
│   ├── CannotLendError 2   an i.i.d. arm that cannot serve another run
│   ├── CrashedError  2     rollouts whose agent crashed, where none may be
│   ├── ManifestError 2     a file from outside with a wrong or missing field
│   └── RunDirError   2     an unwritable, foreign or differing run directory
├── MissingError      3     something this machine lacks: Docker, a clone, a commit, an extra
├── LeakError         3     the audit saw the future; never a warning
├── BudgetError       4     a limit of the whole run is used up
├── IncompleteError   5     rollouts without a verdict remain
│   └── StoppedError  5     of a run that was stopped because its agent had only crashed
└── RolloutError      5     one rollout failed; its `cause` is a row of the failure table
    └── UnreadableAnswer    caught by the harness: nothing was learned, or nothing is recalled
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, ClassVar


class SeqSWEError(Exception):
    """Root of all errors with something to tell a person: what is wrong, and what to do."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickle would call the class with the one argument that Exception keeps.
        return _restored, (type(self), self.args, self.__dict__)


class UsageError(SeqSWEError):
    """The request is invalid: an unknown option, name or file, or a senseless combination."""

    exit_code = 2


class UnknownName(UsageError):
    """A name that no plug-in or folder answers to; names the closest one."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        close = get_close_matches(name[:80], names, n=1, cutoff=0.4)
        did = f"Did you mean {close[0]!r}? " if close else ""
        super().__init__(
            f"unknown {kind} {name[:80]!r}", f"{did}Known: {', '.join(names) or 'none'}."
        )


class CannotLendError(UsageError):
    """An i.i.d. arm that cannot serve another run: more than their memories differs."""


class CrashedError(UsageError):
    """Rollouts whose agent crashed: what they were graded for says little of what was asked."""


class ManifestError(UsageError):
    """A file from outside, such as a manifest, that does not hold what it must."""


class RunDirError(UsageError):
    """A run directory that cannot be used: unwritable, not ours, or of other settings."""


class MissingError(SeqSWEError):
    """A prerequisite is missing on this machine."""

    exit_code = 3


class LeakError(SeqSWEError):
    """A sandbox shows more, or less, than its base commit reaches."""

    exit_code = 3


class BudgetError(SeqSWEError):
    """A limit set for the whole run is used up."""

    exit_code = 4


class IncompleteError(SeqSWEError):
    """Rollouts without a verdict remain, so no honest number can be printed."""

    exit_code = 5


class StoppedError(IncompleteError):
    """A run that was stopped because its agent had only crashed: there is nothing to go on with."""


class RolloutError(SeqSWEError):
    """One rollout ended without doing its work; `cause` names a row of `rollout.CAUSES`."""

    exit_code = 5

    def __init__(self, cause: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.cause = cause
        self.trace = ""
        """What the author of a plug-in needs to see of it; for the rollout's files."""
        self.lost_verdict: bool | None = None
        """Whether the task was resolved, if that was known before."""


class UnreadableAnswer(RolloutError):
    """A memory's model gave no answer that can be read, though it was asked again.

    No failure: a memory whose `record` raises it has learned nothing from this rollout and is as
    it was before; one whose `recall` raises it recalls nothing. It is counted and the run goes on.
    """

    CAUSE: ClassVar[str] = "answer_unreadable"

    def __init__(self, message: str) -> None:
        super().__init__(self.CAUSE, message)


def _restored(cls: type[SeqSWEError], args: tuple[Any, ...], state: dict[str, Any]) -> SeqSWEError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error
