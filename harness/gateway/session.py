"""One rollout at the gateway: what it asked and used, what it waited for, and how it failed."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock
from time import monotonic
from typing import Any

from harness.gateway.interface import ModelUsage, RolloutId
from harness.gateway.limits import Budget, Spending
from harness.gateway.routes import Refused
from harness.gateway.tokens import TokenCount
from seqswe.agent import GATEWAY_MODEL, GATEWAY_TOKEN, GATEWAY_URL

LANES = 8
"""Requests of one rollout at a time, where nothing depends on their order."""
MOST_REFUSALS = 1000
COUNTED = ("input", "cached_input", "cache_creation", "output", "reasoning")


class Waiting:
    """Seconds in which at least one request waited for the provider. Safe between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._count, self._since, self._total = 0, 0.0, 0.0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Count the time inside."""
        with self._lock:
            if self._count == 0:
                self._since = monotonic()
            self._count += 1
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1
                if self._count == 0:
                    self._total += monotonic() - self._since

    def seconds(self) -> float:
        """So far, what is going on included."""
        with self._lock:
            return self._total + (monotonic() - self._since if self._count else 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The budgets that a session is under, and what the run has spent of its own."""

    rollout: Budget
    run: Budget
    run_spent: Spending


@dataclass(slots=True, kw_only=True)
class Session:
    """A rollout while its agent works. Its coroutines belong to the gateway's event loop."""

    rollout: RolloutId
    model: str
    token: str
    url: str
    """Where the agent finds the gateway; empty for an agent on the host."""
    limits: Limits
    one_at_a_time: bool
    places: Mapping[str, str] = field(default_factory=dict)
    """Texts that are different in every run, and what a recording says instead."""
    waiting: Waiting = field(default_factory=Waiting)
    spent: Spending = field(default_factory=Spending)
    usage: ModelUsage = ModelUsage()
    ordinal: int = 0
    answered: bool = False
    """Whether the provider has answered anything yet: then model and account are right."""
    ended: bool = False
    """Whether its agent has ended: what is under way is counted, nothing more is sent."""
    _refusals: int = 0
    _failure: tuple[str, str] | None = None
    _trouble: str = ""
    _lanes: asyncio.Semaphore = field(init=False)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    """Its requests under way."""

    def __post_init__(self) -> None:
        self._lanes = asyncio.Semaphore(1 if self.one_at_a_time else LANES)

    @property
    def env(self) -> dict[str, str]:
        """Variables of every command in the agent's sandbox."""
        variables = {
            GATEWAY_URL: self.url,
            GATEWAY_TOKEN: self.token,
            GATEWAY_MODEL: self.model,
        }
        return variables if self.url else {}

    @property
    def failure(self) -> tuple[str, str] | None:
        """Cause and detail of what ended the rollout, if it was not the agent's own doing.

        An answer that broke off is forgiven if a later one came whole: clients ask again.
        """
        if self._failure is None and self._trouble:
            return "provider_failed", self._trouble
        return self._failure

    def fail(self, cause: str, detail: str) -> Refused:
        """Let no further request pass; returns what the client is told."""
        self._failure = self._failure or (cause, detail)
        # No client asks again after a 400; after a 429 or 5xx they do for minutes.
        return Refused(400, detail)

    def check_token(self, headers: Mapping[str, str]) -> None:
        """Raises Refused for a request without the rollout's token."""
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        given = (bearer, headers.get("x-api-key", ""), headers.get("x-goog-api-key", ""))
        token = self.token.encode()
        # Headers may hold any bytes, which are no text then.
        if not any(hmac.compare_digest(g.encode("utf-8", "replace"), token) for g in given):
            raise Refused(401, f"the API key must be the text in {GATEWAY_TOKEN}")

    def turn(self) -> asyncio.Semaphore:
        """One at a time if order counts: budgets are then exceeded by one request at most."""
        return self._lanes

    def admit(self) -> None:
        """Count a request that is to go out. Raises Refused if a budget is used up."""
        if self._failure or self.ended:
            raise Refused(400, self._failure[1] if self._failure else "the rollout has ended")
        if used := self.limits.run.used_up(self.limits.run_spent):
            raise self.fail("run_out_of_budget", f"the run has used {used}")
        if used := self.limits.rollout.used_up(self.spent):
            raise self.fail("agent_out_of_budget", f"the rollout has used {used}")
        self.ordinal += 1
        self.spent.requests += 1
        self.limits.run_spent.requests += 1
        self.usage = replace(self.usage, requests=self.usage.requests + 1)

    def count(
        self, tokens: TokenCount, cost: float | None, *, attempts: int, charged: Spending
    ) -> None:
        """Count an answer. charged: what budgets count, also where the answer does not tell."""
        counted: dict[str, Any] = {
            name: None if None in (was, more) else was + more
            for name in COUNTED
            for was, more in [(getattr(self.usage, name), getattr(tokens, name))]
        }
        before = self.usage.cost_usd
        known = before is not None and cost is not None
        self.usage = replace(
            self.usage,
            **counted,
            attempts=self.usage.attempts + attempts,
            cost_usd=round((before or 0.0) + (cost or 0.0), 9) if known else None,
        )
        for spent in (self.spent, self.limits.run_spent):
            spent.tokens += charged.tokens
            spent.cost += charged.cost

    def heard(self, trouble: str) -> None:
        """Take note of how an answer was; "" if it was as it should be."""
        self._trouble = trouble
        self.answered = True

    def refused(self) -> None:
        """Count a request that did not pass: whoever goes on and on disturbs the others."""
        self._refusals += 1
        if self._refusals > MOST_REFUSALS:
            self.fail("agent_out_of_budget", f"{MOST_REFUSALS:,} requests had to be refused")
