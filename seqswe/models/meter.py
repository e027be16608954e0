"""What a memory's own model takes, added up and limited for each task."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from time import monotonic
from typing import Annotated, Literal

from seqswe.errors import RolloutError
from seqswe.patterns import AMOUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUsage:
    """What a memory itself consumed for one rollout; the agent's is `agent.Usage`."""

    calls: Annotated[int, AMOUNT] = 0
    prompt_tokens: Annotated[int, AMOUNT] = 0
    completion_tokens: Annotated[int, AMOUNT] = 0
    cost_usd: Annotated[float, AMOUNT] | None = None
    """None where no prices are known: an unknown cost is never 0."""
    lessons_lost: Annotated[int, AMOUNT] = 0
    """Rollouts of which nothing was learned, because what the model wrote could not be read."""
    recalls_lost: Annotated[int, AMOUNT] = 0
    """Recalls that are empty for the same reason."""
    recall_seconds: Annotated[float, AMOUNT] = 0.0
    record_seconds: Annotated[float, AMOUNT] = 0.0

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.prompt_tokens + self.completion_tokens


class Meter:
    """Adds up what a memory spends on one rollout, and stops it when its budget is used up.

    budget: tokens in and out, 0 for no end; price_in, price_out: USD per million tokens;
    rollout: its name, by which its requests are recorded.
    """

    def __init__(
        self,
        budget: int = 0,
        price_in: float = 0.0,
        price_out: float = 0.0,
        *,
        rollout: str = "",
    ) -> None:
        self.budget, self.price_in, self.price_out = budget, price_in, price_out
        self.rollout = rollout
        self._before, self.requests = 0, 0
        self.usage = MemoryUsage(cost_usd=self._cost(MemoryUsage()))
        self._lock = Lock()

    def next_task(self) -> None:
        """Begin the budget of another task; what was spent stays in `usage`."""
        self._before = self.usage.tokens

    def next_request(self) -> int:
        """The ordinal of one more request of the rollout; the first is 1."""
        with self._lock:
            self.requests += 1
            return self.requests

    def check(self) -> None:
        """Raise RolloutError("memory_out_of_budget") if nothing is left.

        A call's tokens are known once it is answered, so the last one may go beyond the budget.
        """
        spent = self.usage.tokens - self._before
        if self.budget and spent >= self.budget:
            raise RolloutError(
                "memory_out_of_budget",
                f"the memory used {spent} of its {self.budget} tokens for one task",
                "Raise --memory-model-tokens.",
            )

    def add(self, prompt_tokens: int, completion_tokens: int = 0, *, charged: bool = True) -> None:
        """Count one answered call; one that is not charged leaves the task's budget as it is."""
        with self._lock:
            if not charged:
                self._before += prompt_tokens + completion_tokens
            used = replace(
                self.usage,
                calls=self.usage.calls + 1,
                prompt_tokens=self.usage.prompt_tokens + prompt_tokens,
                completion_tokens=self.usage.completion_tokens + completion_tokens,
            )
            self.usage = replace(used, cost_usd=self._cost(used))

    def lose(self, what: Literal["recall", "record"]) -> None:
        """Count a recall or a lesson that came to nothing."""
        name = {"recall": "recalls_lost", "record": "lessons_lost"}[what]
        with self._lock:
            self.usage = replace(self.usage, **{name: getattr(self.usage, name) + 1})

    @contextmanager
    def timing(self, what: Literal["recall", "record"]) -> Iterator[None]:
        """Book the time inside to recalling or recording."""
        started = monotonic()
        try:
            yield
        finally:
            name = f"{what}_seconds"
            with self._lock:
                seconds = getattr(self.usage, name) + monotonic() - started
                self.usage = replace(self.usage, **{name: round(seconds, 4)})

    def _cost(self, used: MemoryUsage) -> float | None:
        if not (self.price_in or self.price_out):
            return None
        cost = used.prompt_tokens * self.price_in + used.completion_tokens * self.price_out
        return round(cost / 1e6, 9)
