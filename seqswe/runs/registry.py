"""Which outcomes there are: those that ship, then other packages' by name.

Only reports, baselines and comparisons ask. A run's journal, and the digest of its results, are
the same whatever is installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points

from seqswe.errors import SeqSWEError, UsageError
from seqswe.outcome import Outcome
from seqswe.plugins import resolve
from seqswe.runs import outcomes as shipped
from seqswe.runs.outcomes import BUILT_IN
from seqswe.runs.rollout import Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Outcomes by name in the order of presentation, and why others are left out."""

    outcomes: Mapping[str, Outcome]
    refused: Mapping[str, SeqSWEError]
    """By the name of the registration: what is wrong with it, and what to do."""

    @property
    def foreign(self) -> tuple[Outcome, ...]:
        """The outcomes that other packages bring."""
        return tuple(o for name, o in self.outcomes.items() if name not in BUILT_IN)


@cache
def registry() -> Registry:
    """Everything registered under `seqswe.outcome`, imported once.

    A registration that cannot be used is left out, with its error; it never takes a report down.
    """
    places: dict[str, set[str]] = {}
    for point in entry_points(group="seqswe.outcome"):
        places.setdefault(point.name, set()).add(point.value)
    outcomes, refused = dict(BUILT_IN), {}
    for name, values in sorted(places.items()):
        try:
            outcomes[name] = _loaded(name, values)
        except SeqSWEError as error:
            refused[name] = error
    return Registry(outcomes=outcomes, refused=refused)


def present(rollouts: Iterable[Rollout]) -> tuple[Outcome, ...]:
    """The outcomes that these rollouts report at all, in the registry's order."""
    graded = [rollout for rollout in rollouts if rollout.graded]
    return tuple(
        outcome
        for outcome in registry().outcomes.values()
        if any(outcome.is_reported(rollout) for rollout in graded)
    )


def _loaded(name: str, places: set[str]) -> Outcome:
    if name in BUILT_IN:
        if others := sorted(p for p in places if not p.startswith(f"{shipped.__name__}:")):
            raise UsageError(
                f"outcome {name!r} of {', '.join(others)} has the name of a built-in",
                "Give it a name of its own.",
            )
        return BUILT_IN[name]
    if len(places) > 1:
        raise UsageError(
            f"outcome {name!r} is registered more than once: {', '.join(sorted(places))}",
            "Uninstall all but one of the packages.",
        )
    try:
        outcome = resolve("outcome", name)
    except SystemExit:
        raise UsageError(
            f"outcome {name!r}: its module ends the program when it is imported",
            "Put that under `if __name__ == '__main__':`.",
        ) from None
    if not isinstance(outcome, Outcome):
        raise UsageError(
            f"outcome {name!r} is of the type {type(outcome).__name__}, not an Outcome",
            "Register what share() or amount() of seqswe.outcome gives.",
        )
    if outcome.name != name:
        raise UsageError(
            f"outcome {name!r} is called {outcome.name!r}", "Register it under its own name."
        )
    return outcome
