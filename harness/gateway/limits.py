"""Budgets of a run and of a rollout, and the pace of all rollouts together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

BYTES_PER_TOKEN = 4
"""Of an answer that does not tell its tokens. Budgets count it by its bytes, reports leave it
out: a budget that counted nothing would not hold."""
MINUTE = 60.0


@dataclass(slots=True, kw_only=True)
class Spending:
    """What counts against a budget."""

    cost: float = 0.0
    tokens: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much may be spent; 0 is no limit."""

    cost: float = 0.0
    tokens: int = 0
    requests: int = 0

    @property
    def counts_spending(self) -> bool:
        """Whether a request's own size counts, which is known only once it is answered."""
        return bool(self.cost or self.tokens)

    def used_up(self, spent: Spending) -> str:
        """What is used up, in words; "" while there is some of everything."""
        if self.cost and spent.cost >= self.cost:
            return f"${spent.cost:.4f} of ${self.cost:g}"
        if self.tokens and spent.tokens >= self.tokens:
            return f"{spent.tokens:,} of {self.tokens:,} tokens"
        if self.requests and spent.requests >= self.requests:
            return f"{spent.requests:,} of {self.requests:,} requests"
        return ""


class Pace:
    """So many requests, and so many tokens, in any minute; 0 is no limit.

    Tokens are known afterwards, so a minute may have more by those of the requests under way.
    """

    def __init__(self, rpm: int = 0, tpm: int = 0, now: Callable[[], float] = monotonic) -> None:
        self._rpm, self._tpm, self._now = rpm, tpm, now
        self._requests: deque[float] = deque()
        self._tokens: deque[tuple[float, int]] = deque()
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Wait until one more request may go, and count it."""
        if not (self._rpm or self._tpm):
            return
        async with self._turn:  # first come, first served
            while (seconds := self._until_free()) > 0:
                await asyncio.sleep(seconds)
            self._requests.append(self._now())

    def spent(self, tokens: int) -> None:
        """Count an answer's tokens."""
        if self._tpm:
            self._tokens.append((self._now(), tokens))

    def _until_free(self) -> float:
        now = self._now()
        while self._requests and self._requests[0] <= now - MINUTE:
            self._requests.popleft()
        while self._tokens and self._tokens[0][0] <= now - MINUTE:
            self._tokens.popleft()
        wait = 0.0
        if self._rpm and len(self._requests) >= self._rpm:
            wait = self._requests[0] + MINUTE - now
        total = sum(tokens for _, tokens in self._tokens)
        for at, tokens in self._tokens if self._tpm else ():
            if total < self._tpm:
                break
            total -= tokens
            wait = max(wait, at + MINUTE - now)
        return wait
