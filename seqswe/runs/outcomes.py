"""What a rollout comes to, as numbers: one registry of outcomes, read from a journal line.

Every outcome of a rollout without a verdict is missing, whatever was measured on the way: the
task is then dropped from both arms, so no arm gains from the other's broken sandbox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from seqswe.runs.rollout import Rollout

Better = Literal["higher", "lower", "neither"]
Kind = Literal["share", "amount"]

MAX_AMOUNT = 1e15
"""No rollout spends more of anything: whatever says so is a broken meter, and is missing."""
RECALL_DEPTH = 5
"""Ranked files that count as found, where an agent ranks and edits nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One number per rollout: what it is called, counted in, and which way is better.

    A `share` lies in [0, 1] and is compared by differences, an `amount` is zero or more.
    `measure` gives None where the rollout has no such number; `reported` tells whether an agent
    produces this outcome at all, so that a memory-free agent shows no recall of zero.
    """

    name: str
    title: str
    unit: str
    better: Better
    kind: Kind
    measure: Callable[[Rollout], float | None]
    reported: Callable[[Rollout], bool]

    @property
    def short(self) -> str:
        """The title without its explanation, for a label beside others."""
        return self.title.partition(": ")[0].removesuffix(" of the gold file")

    def of(self, rollout: Rollout) -> float | None:
        """The outcome of one rollout; None without a verdict or without a possible number."""
        return self.measure(rollout) if rollout.graded else None


def located(rollout: Rollout) -> tuple[str, ...]:
    """The files a rollout pointed at, best first: those it ranked, else those it edited."""
    return rollout.ranking or rollout.edited_files


def first_gold_rank(rollout: Rollout) -> int | None:
    """Rank of the first gold file among the files named, from 1; None if none was named."""
    gold = set(rollout.gold_files)
    return next((rank for rank, file in enumerate(located(rollout), 1) if file in gold), None)


def reciprocal_rank(rollout: Rollout) -> float | None:
    """1 / rank of the first gold file; 0 if none was named, None if there is no gold file."""
    if not rollout.gold_files:
        return None
    rank = first_gold_rank(rollout)
    return 1.0 / rank if rank else 0.0


def hit_at(depth: int) -> Callable[[Rollout], float | None]:
    """Whether a gold file is among the first `depth` files named."""

    def measure(rollout: Rollout) -> float | None:
        if not rollout.gold_files:
            return None
        rank = first_gold_rank(rollout)
        return float(rank is not None and rank <= depth)

    return measure


def file_recall(rollout: Rollout) -> float | None:
    """Share of the gold files edited, or ranked in the first 5 where nothing was edited."""
    if not rollout.gold_files:
        return None
    found = set(rollout.edited_files or rollout.ranking[:RECALL_DEPTH])
    return len(found & set(rollout.gold_files)) / len(rollout.gold_files)


def seconds(rollout: Rollout) -> float | None:
    """Wall time of the agent; None where it was not measured.

    Not of the whole rollout: sandboxes are opened ahead of need where the next task is known,
    which it is in a chain and not in the i.i.d. arm.
    """
    return rollout.timing.get("agent")


def memory_calls(rollout: Rollout) -> float | None:
    """How often an agent used a memory it has to ask; None where nobody could know."""
    used = rollout.delivered.used if rollout.delivered else None
    return None if used is None else float(sum(used.values()))


def _points(rollout: Rollout) -> bool:
    return bool(located(rollout))


def _share(name: str, title: str, measure: Callable[[Rollout], float | None]) -> Outcome:
    return Outcome(
        name=name,
        title=title,
        unit="share of tasks" if name != "reciprocal_rank" else "mean reciprocal rank",
        better="higher",
        kind="share",
        measure=measure,
        reported=_points,
    )


def _amount(
    name: str,
    title: str,
    unit: str,
    count: Callable[[Rollout], float | None],
    better: Better = "lower",
) -> Outcome:
    def measure(rollout: Rollout) -> float | None:
        value = count(rollout)
        # Nothing that is not a number passes a comparison.
        return float(value) if value is not None and 0 <= value <= MAX_AMOUNT else None

    return Outcome(
        name=name,
        title=title,
        unit=unit,
        better=better,
        kind="amount",
        measure=measure,
        # Counters that nobody feeds stay at 0: an outcome is there once somebody counted.
        reported=lambda rollout: bool(measure(rollout)),
    )


RESOLVED = Outcome(
    name="resolved",
    title="Resolved",
    unit="share of tasks",
    better="higher",
    kind="share",
    measure=lambda r: None if r.resolved is None else float(r.resolved),
    reported=lambda r: r.graded,
)

OUTCOMES: Mapping[str, Outcome] = {
    outcome.name: outcome
    for outcome in (
        RESOLVED,
        _share("hit_at_1", "hit@1: gold file named first", hit_at(1)),
        _share("hit_at_3", "hit@3: gold file in the first 3", hit_at(3)),
        _share("reciprocal_rank", "Reciprocal rank of the gold file", reciprocal_rank),
        _share("file_recall", "Gold files found", file_recall),
        _amount("steps", "Steps", "steps per task", lambda r: r.usage.steps),
        _amount("executions", "Executions", "executions per task", lambda r: r.usage.executions),
        _amount(
            "tokens",
            "Tokens",
            "tokens per task",
            lambda r: r.usage.prompt_tokens + r.usage.completion_tokens,
        ),
        _amount("cost", "Cost", "USD per task", lambda r: r.usage.cost_usd),
        _amount(
            "memory_tokens",
            "Tokens of the memory",
            "tokens per task",
            lambda r: float(r.memory_usage.tokens),
            "neither",
        ),
        _amount(
            "memory_cost",
            "Cost of the memory",
            "USD per task",
            lambda r: r.memory_usage.cost_usd,
            "neither",
        ),
        _amount("seconds", "Time of the agent", "seconds per task", seconds),
        _amount("broken", "Tests broken", "tests per task", lambda r: r.broken),
        _amount(
            "recalled_bytes",
            "Recalled from memory",
            "bytes per task",
            lambda r: r.recalled_bytes,
            "neither",
        ),
        # None at all is worth a line: a memory that nobody opens helps nobody.
        replace(
            _amount(
                "memory_calls", "Uses of the memory", "calls per task", memory_calls, "neither"
            ),
            reported=lambda rollout: memory_calls(rollout) is not None,
        ),
        _amount(
            "memory_bytes",
            "Size of the memory",
            "bytes",
            lambda r: r.memory_bytes,
            "neither",
        ),
    )
}
"""Every outcome by name, in the order reports print them."""


def present(rollouts: Iterable[Rollout]) -> tuple[Outcome, ...]:
    """The outcomes that these rollouts report at all, in the registry's order."""
    graded = [rollout for rollout in rollouts if rollout.graded]
    return tuple(o for o in OUTCOMES.values() if any(o.reported(r) for r in graded))
