"""The way of one request: checked, cleaned, admitted, asked or replayed, passed on, counted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any

from harness.gateway.asked import Asked, Reply, Request
from harness.gateway.clean import clean
from harness.gateway.limits import BYTES_PER_TOKEN, Pace, Spending
from harness.gateway.prices import Prices
from harness.gateway.routes import PASSED_HEADERS, Access, Refused, Route, error_body, route_of
from harness.gateway.session import Session
from harness.gateway.tokens import NOTHING, TokenCount
from harness.gateway.upstream import BROKEN, Dead, Ended, Response, TooLarge, Upstream, said
from harness.gateway.wire import Answer, dump, parse_request
from seqswe.agent import API
from seqswe.models.scrub import Scrubber
from seqswe.runs.recordings import Differs, Exchange, Recordings, as_text

Note = Callable[[Mapping[str, Any]], None]
"""Keeps a line about a request."""


class Forwarder:
    """Handles the requests of a run's rollouts, in one event loop."""

    def __init__(
        self,
        *,
        models: tuple[str, ...],
        apis: tuple[API, ...],
        access: Mapping[API, Access],
        prices: Prices,
        upstream: Upstream | None,
        pace: Pace,
        scrubber: Scrubber,
        note: Note,
        record: Recordings | None,
        replay: Recordings | None,
    ) -> None:
        self._models, self._apis, self._access, self._prices = models, apis, access, prices
        self._upstream, self._pace, self._scrubber = upstream, pace, scrubber
        self._note, self.record, self._replay = note, record, replay

    async def handle(self, session: Session, request: Request, reply: Reply) -> None:
        """Answer a request, whatever it is."""
        api: API | None = None
        try:
            if (request.method, request.target) == ("HEAD", "/"):
                await _whole(reply, 200, b"")
                return
            session.check_token(request.headers)
            route = route_of(request.method, request.target, self._apis)
            api = route.api
            body = parse_request(request.body)
            model = str(route.model or body.get("model"))
            if model not in self._models:
                raise Refused(400, f"the model {model[:80]!r} is not {' or '.join(self._models)}")
            body, removed = clean(route, body)
            hide_usage = _ask_for_usage(route, body)
            async with session.turn():
                session.admit()
                asked = Asked(
                    session=session,
                    ordinal=session.ordinal,
                    route=route,
                    body=body,
                    payload=dump(body),
                    headers=request.headers,
                    removed=removed,
                    hide_usage=hide_usage,
                    model=model,
                )
                await self._exchange(asked, reply)
        except Refused as refused:
            session.refused()
            error = error_body(api, refused.status, refused.message)
            await _whole(reply, refused.status, json.dumps(error).encode())

    async def _exchange(self, asked: Asked, reply: Reply) -> None:
        session, started, waited = asked.session, monotonic(), asked.session.waiting.seconds()
        cost: float | None = None
        answer = Answer(asked.route.api, sse=False)
        size, status, attempts, kept = 0, 0, 1, b""
        try:
            response, cost = await self._ask(asked)
            status, attempts = response.status, response.attempts
            if status in (403, 404) and not session.answered:
                text = self._scrubber.text(response.data.decode("utf-8", "replace"))
                raise Dead(f"the provider answered HTTP {status}: {' '.join(text.split())[:300]}")
            answer = Answer(asked.route.api, sse=response.sse, hide_usage=asked.hide_usage)
            kept, rest = await self._pass_on(asked, response, answer, reply)
            size = len(kept)
            # An error need not be JSON.
            answer.trouble = answer.trouble if status < 400 else ""
        except Dead as dead:
            # No later request is tried: each would take as long again.
            answer.trouble = str(dead)
            raise session.fail("provider_failed", str(dead)) from None
        except Refused as refused:
            answer.trouble = refused.message
            raise
        except asyncio.CancelledError:
            answer.trouble = "the rollout ended before the answer did"
            raise
        finally:
            tokens = answer.tokens if 0 < status < 400 else NOTHING
            cost, charged = self._count(asked, tokens, cost, attempts, size)
            self._note(
                {
                    **_of(session),
                    "ordinal": asked.ordinal,
                    "api": asked.route.api,
                    "model": asked.model,
                    "status": status,
                    "attempts": attempts,
                    "seconds": round(monotonic() - started, 3),
                    "waited": round(session.waiting.seconds() - waited, 3),
                    "removed": list(asked.removed),
                    **{name: getattr(tokens, name) for name in TokenCount.__slots__},
                    "cost_usd": cost,
                    "charged_tokens": charged.tokens,
                    "charged_cost": charged.cost,
                    "trouble": answer.trouble[:500],
                }
            )
        if status < 400:
            session.heard(answer.trouble)
        cut = bool(answer.trouble) and not answer.complete
        self._keep(asked, response, kept, cut, cost)
        # Only now: whoever has the whole answer may ask again, and budgets must know of it.
        if not response.sse:
            await reply.start(status, response.content_type, len(rest))
        await reply.write(rest)
        if cut:
            reply.abort()
        else:
            await reply.finish()

    async def _ask(self, asked: Asked) -> tuple[Response, float | None]:
        """The provider's answer, or the recorded one with what it cost. Raises Dead, Refused."""
        session, route = asked.session, asked.route
        if self._replay:
            now = Exchange(target=route.target, request=asked.body, status=0, content_type="")
            try:
                then = self._replay.find(session.rollout.name, asked.ordinal, now, session.places)
            except Differs as error:
                raise session.fail("recording_differs", str(error)) from None
            response = Response(
                status=then.status, content_type=then.content_type, data=then.data, cut=then.cut
            )
            return response, then.cost_usd
        access = self._access.get(route.api)
        if access is None or self._upstream is None:
            raise Refused(404, f"there is no key for {route.api}")
        told = {name: asked.headers.get(name, "") for name in PASSED_HEADERS}
        # No client of ours would send any other value on.
        headers = {n: v for n, v in told.items() if v and v.isascii() and v.isprintable()}
        headers |= {"content-type": "application/json", **access.headers()}
        with session.waiting():
            try:
                response = await self._upstream.ask(
                    access.url_of(route), headers, asked.payload, lambda: not session.ended
                )
            except Ended:
                raise Refused(400, "the rollout has ended") from None
        return response, None

    async def _pass_on(
        self, asked: Asked, response: Response, answer: Answer, reply: Reply
    ) -> tuple[bytes, bytes]:
        """Pass a stream on as it comes.

        Returns the answer as it came, but for keys, and what of it is still to be passed on: all,
        of one that is no stream.
        """
        kept, scrub = bytearray(), self._scrubber.pieces()
        pieces, waiting = response.pieces(), asked.session.waiting
        held: list[bytes] = []
        if response.sse:
            await reply.start(response.status, response.content_type, None)
        try:
            while True:
                with waiting():
                    piece = await anext(pieces, None)
                if piece is None:
                    break
                kept += (clean_piece := scrub.feed(piece))
                passed = answer.feed(clean_piece)
                await reply.write(passed) if response.sse else held.append(passed)
        except TooLarge as error:
            answer.trouble = str(error)
        except BROKEN as error:
            reason = self._scrubber.text(said(error))[:200]
            answer.trouble = f"the provider's answer broke off ({reason})"
        finally:
            response.close()
        last = scrub.end()
        kept += last
        passed = answer.feed(last)
        if not answer.trouble:
            passed += answer.end()
        return bytes(kept), b"".join([*held, passed])

    def _count(
        self, asked: Asked, tokens: TokenCount, cost: float | None, attempts: int, size: int
    ) -> tuple[float | None, Spending]:
        """Count an answer; returns its cost, if that is known, and what budgets are charged."""
        price = self._prices.get(asked.model)
        if cost is None and price:
            cost = price.cost(tokens)
        if cost is None and tokens is NOTHING:
            cost = 0.0
        sent, back = (length // BYTES_PER_TOKEN + 1 for length in (len(asked.payload), size))
        guess = TokenCount(input=sent, cached_input=0, cache_creation=0, output=back)
        guessed_cost = (price.cost(guess) or 0.0) if price else 0.0
        charged = Spending(
            tokens=sent + back if tokens.total is None else tokens.total,
            cost=guessed_cost if cost is None else cost,
        )
        asked.session.count(tokens, cost, attempts=attempts, charged=charged)
        self._pace.spent(charged.tokens)
        return cost, charged

    def _keep(
        self, asked: Asked, response: Response, data: bytes, cut: bool, cost: float | None
    ) -> None:
        if self.record is None:
            return
        request = json.loads(self._scrubber.text(asked.payload.decode()))
        exchange = Exchange(
            target=asked.route.target,
            request=request,
            status=response.status,
            content_type=response.content_type,
            cut=cut,
            cost_usd=cost,
            **as_text(data),
        )
        self.record.save(asked.session.rollout.name, asked.ordinal, exchange, asked.session.places)


def _ask_for_usage(route: Route, body: dict[str, Any]) -> bool:
    """Have a chat stream tell its tokens; whether the client did not ask for that itself."""
    if route.api != "chat" or not body.get("stream"):
        return False
    options = body.get("stream_options")
    options = options if isinstance(options, dict) else {}
    if options.get("include_usage"):
        return False
    body["stream_options"] = {**options, "include_usage": True}
    return True


async def _whole(reply: Reply, status: int, data: bytes) -> None:
    await reply.start(status, "application/json", len(data))
    with suppress(ConnectionError):
        await reply.write(data)
        await reply.finish()


def _of(session: Session) -> dict[str, Any]:
    rollout = session.rollout
    return {"arm": rollout.arm, "seed": rollout.seed, "position": rollout.position}
