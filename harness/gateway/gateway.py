"""The gateway of a run: an event loop in a thread of the run's own process, called from others.

In the run's own process, because budgets, failures and clocks are shared with the loop, and since
whatever kills the one must end the other: a run that is killed is resumed, and loses the rollouts
in hand. If the event loop alone ends, the rollouts in hand fail as `gateway_failed`, which is
tried again, and the next one starts it anew.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from harness.gateway.asked import Request
from harness.gateway.engine import Door, Engine, open_door, shut
from harness.gateway.forward import Forwarder, Note
from harness.gateway.interface import GatewaySettings, RolloutId
from harness.gateway.limits import Budget, Pace, Spending
from harness.gateway.prices import Prices, load_prices
from harness.gateway.routes import access_to
from harness.gateway.session import Limits, Session
from harness.gateway.upstream import Upstream
from harness.gateway.wire import dump
from seqswe.agent import ModelAnswer
from seqswe.errors import RolloutError, UsageError
from seqswe.models.scrub import Scrubber
from seqswe.runs.recordings import Normalizer, Recordings


class Gateway:
    """The model gateway of a run. Safe between threads.

    folder: for its sockets, its own; spent: by earlier sessions of the run; note: keeps a line
    about each request. Raises UsageError or MissingError for what a run could not be begun with.
    """

    def __init__(
        self, settings: GatewaySettings, folder: Path, spent: Spending, note: Note
    ) -> None:
        self.settings, self._folder, self._note = settings, folder, note
        self._models = (settings.model, *settings.side_models)
        self._access = {} if settings.replay else access_to(settings.apis, settings.environ)
        self._prices = self._load_prices()
        self._spent = spent
        self._run_budget = Budget(cost=settings.max_cost, tokens=settings.max_tokens)
        self._rollout_budget = Budget(
            cost=settings.rollout_cost,
            tokens=settings.rollout_tokens,
            requests=settings.rollout_requests,
        )
        self._normalizer = Normalizer(settings.replay_drop, settings.replay_blank)
        if settings.replay and not settings.replay.is_dir():
            raise UsageError(f"{settings.replay} is no folder", "Give the one of --record.")
        self._secret = secrets.token_hex(16)
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._engines = 0

    @property
    def used_up(self) -> str:
        """What of the run's budget is used up, in words; "" if nothing is."""
        return self._run_budget.used_up(self._spent)

    @property
    def priced(self) -> bool:
        """Whether every model has a price; else what was spent in USD is not known."""
        return len(self._prices) == len(set(self._models))

    @property
    def spent(self) -> Spending:
        """What the run has spent so far."""
        return self._spent

    def add(self, line: Mapping[str, Any]) -> None:
        """Count a request that another gateway of the run has made and charged; keep its line."""
        self._note(line)
        self.charge(line["charged_cost"], line["charged_tokens"], 1)

    def charge(self, cost: float, tokens: int, requests: int) -> None:
        """Count what another gateway of the run has spent."""
        self._spent.cost += cost
        self._spent.tokens += tokens
        self._spent.requests += requests

    def open_door(self) -> Door:
        """A door for a sandbox that is to be opened."""
        engine = self._running()
        return engine.call(open_door(engine))

    @contextmanager
    def session(
        self,
        door: Door | None,
        rollout: RolloutId,
        url: str = "",
        *,
        guessable: bool = True,
        places: Mapping[str, str] | None = None,
    ) -> Iterator[Session]:
        """Let a rollout's agent ask, from a sandbox by its door, or from the host (None).

        url: where the agent finds the gateway; guessable: whether nobody else can come to the
        door, so that its token may be the same in every run; places: texts that are different in
        every run, and what recordings have instead.
        """
        engine = self._running() if door is None else door.engine
        if not engine.alive:
            raise RolloutError("gateway_failed", "the model gateway has ended")
        token = f"seqswe-{rollout.arm}-{rollout.seed}-{rollout.position}"
        token += "" if guessable else f"-{self._secret}"
        session = Session(
            rollout=rollout,
            model=self.settings.model,
            token=token,
            url=url,
            limits=Limits(
                rollout=self._rollout_budget, run=self._run_budget, run_spent=self._spent
            ),
            one_at_a_time=self._order_counts,
            places={**({url: "<gateway>"} if url else {}), token: "<token>", **(places or {})},
        )
        if engine.forwarder.record:
            engine.forwarder.record.forget(rollout.name)
        if door is not None:
            session.waiting = door.waiting
            door.session = session
        try:
            yield session
        finally:
            if door is not None:
                door.session = None
            try:
                engine.call(engine.finish(session))
            except RolloutError as error:
                session.fail(error.cause, error.message)

    def post(self, session: Session, path: str, body: Mapping[str, Any]) -> ModelAnswer:
        """Ask for an agent whose code runs on the host; waits for the whole answer."""
        engine = self._running()
        reply = _Collected()
        headers = {"x-api-key": session.token}
        request = Request(method="POST", target=path, headers=headers, body=dump(body))
        engine.call(engine.handle(session, request, reply))
        return ModelAnswer(
            status=reply.status, body=bytes(reply.data), content_type=reply.content_type
        )

    def close_door(self, door: Door) -> None:
        """Shut a door for good."""
        with suppress(RolloutError):
            door.engine.call(shut(door))

    def close(self) -> None:
        """End it; safe to call twice."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine:
            engine.stop()

    @property
    def _order_counts(self) -> bool:
        settings = self.settings
        budgets = (self._run_budget, self._rollout_budget)
        return bool(settings.record or settings.replay or any(b.counts_spending for b in budgets))

    def _load_prices(self) -> Prices:
        settings = self.settings
        if settings.replay:
            return {}
        if settings.allow_unpriced and (settings.max_cost or settings.rollout_cost):
            prices = load_prices(settings.prices, self._models, needed=False)
            if len(prices) < len(self._models):
                raise UsageError(
                    "a budget in USD cannot hold for a model without a price",
                    "Give --prices FILE, or a budget in tokens.",
                )
            return prices
        return load_prices(settings.prices, self._models, needed=not settings.allow_unpriced)

    def _running(self) -> Engine:
        with self._lock:
            if self._engine is None or not self._engine.alive:
                folder = self._folder / str(self._engines)
                folder.mkdir()
                self._engines += 1
                engine = Engine(folder)
                engine.call(self._furnish(engine))
                self._engine = engine
            return self._engine

    async def _furnish(self, engine: Engine) -> None:
        settings = self.settings
        scrubber = Scrubber(access.key for access in self._access.values())
        pace = Pace(settings.rpm, settings.tpm)
        if not settings.replay:
            engine.upstream = Upstream(
                scrubber,
                pace,
                silence=settings.silence_seconds,
                tries=settings.tries,
                wait=settings.wait_seconds,
            )
        folders = (settings.record, settings.replay)
        record, replay = (Recordings(f, self._normalizer) if f else None for f in folders)
        engine.forwarder = Forwarder(
            models=self._models,
            apis=settings.apis,
            access=self._access,
            prices=self._prices,
            upstream=engine.upstream,
            pace=pace,
            scrubber=scrubber,
            note=self._note,
            record=record,
            replay=replay,
        )


class _Collected:
    """An answer for an agent on the host."""

    def __init__(self) -> None:
        self.status, self.content_type, self.data = 0, "", bytearray()

    async def start(self, status: int, content_type: str, length: int | None) -> None:
        """Keep the status."""
        self.status, self.content_type = status, content_type

    async def write(self, data: bytes) -> None:
        """Keep a piece."""
        self.data += data

    async def finish(self) -> None:
        """Nothing is to be done."""

    def abort(self) -> None:
        """Half an answer is an error."""
        self.status = 502
