"""The outcomes that ship: what a rollout comes to, as numbers read from a journal line.

Every outcome of a rollout without a verdict is missing, whatever was measured on the way: its task
counts with the rollouts that it has, so no arm gains from a broken sandbox.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from seqswe.outcome import Outcome, amount, share
from seqswe.runs.rollout import Rollout

RECALL_DEPTH = 5
"""Ranked files that count as found, where an agent ranks and edits nothing."""


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
    named = set(rollout.edited_files or rollout.ranking[:RECALL_DEPTH])
    return len(named & set(rollout.gold_files)) / len(rollout.gold_files)


def seconds(rollout: Rollout) -> float | None:
    """Wall time of the agent; None where it was not measured.

    It is no measure of an arm: what runs beside it differs, since a chain works on one task after
    the other while the i.i.d. arm fills every free place.
    """
    return rollout.timing.get("agent")


def processor_seconds(rollout: Rollout) -> float | None:
    """Processor time of the agent's sandbox; None where it was not measured."""
    return rollout.timing.get("processor")


def memory_calls(rollout: Rollout) -> float | None:
    """How often an agent used a memory it has to ask; None where nobody could know."""
    used = rollout.delivered.used if rollout.delivered else None
    return None if used is None else float(sum(used.values()))


def ask_precision(rollout: Rollout) -> float | None:
    """Share of the files that answers named which the agent then edited, or ranked where it edited
    nothing; None where no answer named one."""
    if rollout.asked is None or not rollout.asked.files:
        return None
    named = set(rollout.edited_files or rollout.ranking[:RECALL_DEPTH])
    return len(named & set(rollout.asked.files)) / len(rollout.asked.files)


def ask_recall(rollout: Rollout) -> float | None:
    """Share of the gold files that answers named; None without a user."""
    if rollout.asked is None or not rollout.gold_files:
        return None
    return len(set(rollout.asked.files) & set(rollout.gold_files)) / len(rollout.gold_files)


def _asks(rollout: Rollout) -> bool:
    return rollout.asked is not None


def _points(rollout: Rollout) -> bool:
    return bool(located(rollout))


RESOLVED = share(
    "resolved",
    "Resolved",
    lambda r: None if r.resolved is None else float(r.resolved),
    reported=lambda r: r.graded,
)
HIT_AT_1 = share("hit_at_1", "hit@1: gold file named first", hit_at(1), reported=_points)
HIT_AT_3 = share("hit_at_3", "hit@3: gold file in the first 3", hit_at(3), reported=_points)
RECIPROCAL_RANK = share(
    "reciprocal_rank",
    "Reciprocal rank of the gold file",
    reciprocal_rank,
    unit="mean reciprocal rank",
    percent=False,
    reported=_points,
    label="Reciprocal rank",
)
FILE_RECALL = share("file_recall", "Gold files found", file_recall, reported=_points)
STEPS = amount("steps", "Steps", "steps per task", lambda r: r.usage.steps)
EXECUTIONS = amount("executions", "Executions", "executions per task", lambda r: r.usage.executions)
TOKENS = amount(
    "tokens",
    "Tokens",
    "tokens per task",
    lambda r: r.usage.tokens,
)
COST = amount("cost", "Cost", "USD per task", lambda r: r.usage.cost_usd)
MEMORY_TOKENS = amount(
    "memory_tokens",
    "Tokens of the memory",
    "tokens per task",
    lambda r: r.memory_usage.tokens,
    better="neither",
)
MEMORY_COST = amount(
    "memory_cost",
    "Cost of the memory",
    "USD per task",
    lambda r: r.memory_usage.cost_usd,
    better="neither",
)
USER_TOKENS = amount(
    "user_tokens",
    "Tokens of the user's model",
    "tokens per task",
    lambda r: r.user_usage.tokens if r.user_usage else None,
    better="neither",
)
USER_COST = amount(
    "user_cost",
    "Cost of the user's model",
    "USD per task",
    lambda r: r.user_usage.cost_usd if r.user_usage else None,
    better="neither",
)
PROCESSOR_SECONDS = amount(
    "processor_seconds", "Processor time of the sandbox", "seconds per task", processor_seconds
)
SECONDS = amount(
    "seconds",
    "Time of the agent: by the clock, so not comparable",
    "seconds per task",
    seconds,
    better="neither",
)
BROKEN = amount("broken", "Tests broken", "tests per task", lambda r: r.broken)
RECALLED_BYTES = amount(
    "recalled_bytes",
    "Recalled from memory",
    "bytes per task",
    lambda r: r.recalled_bytes,
    better="neither",
)
MEMORY_CALLS = amount(
    "memory_calls",
    "Uses of the memory",
    "calls per task",
    memory_calls,
    better="neither",
    # None at all is worth a line: a memory that nobody opens helps nobody.
    reported=lambda r: memory_calls(r) is not None,
)
MEMORY_BYTES = amount(
    "memory_bytes", "Size of the memory", "bytes", lambda r: r.memory_bytes, better="neither"
)
HINTS_SPENT = amount(
    "hints_spent",
    "Hints: price of what the user told",
    "hints per task",
    lambda r: r.asked.spent if r.asked else None,
    reported=_asks,
)
HINT_SCORE = share(
    "hint_score",
    "Hint score: share of the budget that was not spent",
    lambda r: 1 - r.asked.spent / r.asked.budget if r.asked else None,
    reported=_asks,
)
ASK_PRECISION = share(
    "ask_precision", "Files told by the user that were used", ask_precision, reported=_asks
)
ASK_RECALL = share("ask_recall", "Gold files told by the user", ask_recall, reported=_asks)

BUILT_IN: Mapping[str, Outcome] = {
    value.name: value for value in tuple(globals().values()) if isinstance(value, Outcome)
}
"""The outcomes of this module by name, in the order in which they stand in it and in reports."""
