"""What can go wrong with a plug-in, and the failure of a rollout that it becomes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from seqswe import errors
from seqswe.errors import RolloutError, SeqSWEError, UnreadableAnswer

LONGEST: Mapping[str, int] = {
    **dict.fromkeys(("error", "cause"), 100),
    **dict.fromkeys(("message", "hint"), 1000),
    "trace": 20_000,
}
"""Characters of what a plug-in's process says of an error, by field."""
NAMED: Mapping[str, frozenset[str]] = {
    "agent_crashed": frozenset({"agent_out_of_budget"}),
    "memory_failed": frozenset({UnreadableAnswer.CAUSE}),
}
"""Causes that an agent or a memory may name in place of its usual one, which is the key. Any other
is not for it to say, unless it hands on what it was told: that a provider failed would be a free
retry, and a memory could blame the agent."""


class PluginError(Exception):
    """What a plug-in raised, as text; `trace` is for its author.

    told: causes of the failures that it was answered with while it was called.
    """

    def __init__(self, described: Mapping[str, Any], told: Collection[str] = ()) -> None:
        texts = {name: str(described.get(name, ""))[:most] for name, most in LONGEST.items()}
        super().__init__(f"{texts['error']}: {texts['message']}")
        self.described, self.kind, self.message = texts, texts["error"], texts["message"]
        self.hint, self.cause, self.trace = texts["hint"], texts["cause"], texts["trace"]
        self.told = frozenset(told)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.described, self.told)


class PluginFailure(Exception):
    """A plug-in's process did not answer: it ended, hung, or sent what cannot be read."""

    def __init__(self, reason: str, trace: str = "", hung: bool = False) -> None:
        super().__init__(reason, trace, hung)
        self.trace, self.hung = trace, hung

    def __str__(self) -> str:
        return str(self.args[0])


def rollout_error(error: PluginError | PluginFailure, cause: str) -> RolloutError:
    """The failure of a rollout; `cause`, a key of NAMED or the like, is the usual one."""
    if isinstance(error, PluginFailure):
        failure = RolloutError(cause, str(error))
    elif error.cause in {cause, *NAMED.get(cause, ()), *error.told}:
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
