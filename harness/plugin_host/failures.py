"""What can go wrong with a plug-in, and the failure of a rollout that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqswe import errors
from seqswe.errors import RolloutError, SeqSWEError


class PluginError(Exception):
    """What a plug-in raised, as text; `trace` is for its author."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        kind, message = str(described.get("error", "")), str(described.get("message", ""))
        super().__init__(f"{kind}: {message}")
        self.described, self.kind, self.message = dict(described), kind, message
        self.hint, self.cause = str(described.get("hint", "")), str(described.get("cause", ""))
        self.trace = str(described.get("trace", ""))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.described,)


class PluginFailure(Exception):
    """A plug-in's process did not answer: it ended, hung, or sent what cannot be read."""

    def __init__(self, reason: str, trace: str = "", hung: bool = False) -> None:
        super().__init__(reason, trace, hung)
        self.trace, self.hung = trace, hung

    def __str__(self) -> str:
        return str(self.args[0])


def rollout_error(error: PluginError | PluginFailure, cause: str) -> RolloutError:
    """The failure of a rollout; `cause` is for what does not name one itself."""
    if isinstance(error, PluginFailure):
        failure = RolloutError(cause, str(error))
    elif error.cause:
        failure = RolloutError(error.cause, error.message, error.hint)
    else:
        failure = RolloutError(cause, f"{error} {error.hint}".strip()[:500])
    failure.trace = error.trace
    return failure


def for_people(failure: RolloutError) -> SeqSWEError:
    """The error for people that a plug-in's construction raised, if it was one."""
    error = failure.__cause__
    kind = getattr(errors, error.kind, None) if isinstance(error, PluginError) else None
    if not isinstance(kind, type) or kind is RolloutError or not issubclass(kind, SeqSWEError):
        return failure
    assert isinstance(error, PluginError)
    usual = errors.UsageError if issubclass(kind, errors.UsageError) else kind
    return usual(error.message, error.hint)
