"""Requests to a provider: what passes is tried again, what does not ends the rollout."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential, wait_random

from harness.gateway.limits import Pace
from seqswe.models.scrub import Scrubber

PASSING = frozenset({408, 409, 425, 429})
"""Statuses below 500 that are worth another try."""
FINAL = frozenset({401, 402})
"""Statuses that say that the key or the account is at fault: no agent's doing."""
ACCOUNT = re.compile(
    r"credit balance is too low|billing_hard_limit|insufficient_quota|exceeded your current quota"
)
"""Some say it in words only, with a status that is otherwise about the request."""
USERINFO = re.compile(r"://[^\s/@]+@")
CONNECT_SECONDS = 30.0
LONGEST_WAIT = 60.0
"""Seconds between two tries that we choose ourselves."""
LONGEST_ASKED = 600.0
"""Seconds between two tries that a provider may ask for; one that asks for more is down."""
MAX_RESPONSE = 64 << 20
MAX_ERROR = 1 << 20
SHOWN = 300
BROKEN = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
"""What a connection may end in."""


class Dead(Exception):
    """The provider does not answer, and will not soon."""


class Passing(Dead):
    """As it seems for now; `after` seconds, if the provider said so."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


class Ended(Exception):
    """Nobody waits for the answer any more, and nothing was sent."""


class TooLarge(Exception):
    """An answer that is larger than any."""


@dataclass(slots=True, kw_only=True)
class Response:
    """A provider's answer: a whole one, or a stream of which the first bytes have come."""

    status: int
    content_type: str
    data: bytes = b""
    stream: aiohttp.ClientResponse | None = None
    attempts: int = 1
    cut: bool = False
    """Of a recorded answer: whether it broke off after `data`."""

    @property
    def sse(self) -> bool:
        """Whether it is a stream of events."""
        return self.status < 400 and self.content_type.startswith("text/event-stream")

    async def pieces(self) -> AsyncIterator[bytes]:
        """Its bytes as they come. Raises TooLarge, or one of BROKEN if the connection does."""
        yield self.data
        size = len(self.data)
        if self.cut:
            raise aiohttp.ClientPayloadError("the recorded answer breaks off here")
        if self.stream is None:
            return
        while piece := await self.stream.content.readany():
            size += len(piece)
            if size > MAX_RESPONSE:
                raise TooLarge(f"an answer of more than {MAX_RESPONSE:,} bytes")
            yield piece

    def close(self) -> None:
        """Give the connection up, if the stream was left before its end."""
        if self.stream is not None:
            self.stream.close()


class Upstream:
    """Asks providers. Its methods belong to one event loop.

    silence: seconds without a byte after which a try is given up; tries: of each request; wait:
    seconds before the second one, doubled each time.
    """

    def __init__(
        self, scrubber: Scrubber, pace: Pace, *, silence: float, tries: int, wait: float
    ) -> None:
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=min(CONNECT_SECONDS, silence), sock_read=silence
        )
        self._client = aiohttp.ClientSession(
            timeout=timeout,
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=["User-Agent"],
        )
        self._scrubber, self._pace, self._silence = scrubber, pace, silence
        self._stop = stop_after_attempt(tries)
        self._wait = wait_exponential(wait, max=LONGEST_WAIT) + wait_random(0, wait)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def ask(
        self, url: str, headers: Mapping[str, str], body: bytes, wanted: Callable[[], bool]
    ) -> Response:
        """The answer, with as many tries as it takes. Raises Dead if none helps.

        wanted: whether somebody still waits for it, else Ended is raised before the next try.
        """
        tries = AsyncRetrying(
            retry=retry_if_exception_type(Passing), stop=self._stop, wait=self._pause, reraise=True
        )
        async for attempt in tries:
            with attempt:
                await self._pace.wait()
                if not wanted():
                    raise Ended
                response = await self._once(url, headers, body)
                self._check_account(response, body)
                response.attempts = attempt.retry_state.attempt_number
        return response

    def _check_account(self, response: Response, body: bytes) -> None:
        """Raise Dead for an account without money, unless it may be the request that is quoted."""
        if response.status < 400:
            return
        text = self._scrubber.text(response.data.decode("utf-8", "replace"))
        if ACCOUNT.search(text) and not ACCOUNT.search(body.decode()):
            raise Dead(_reason(response.status, text))

    async def _once(self, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        try:
            response = await self._client.post(
                url, data=body, headers=headers, allow_redirects=False, proxy=_proxy(url)
            )
            try:
                return await self._read(response)
            except BaseException:
                response.close()
                raise
        except TooLarge as error:
            raise Dead(str(error)) from None
        except TimeoutError:
            raise Passing(f"the provider said nothing for {self._silence:g} s") from None
        except BROKEN as error:
            reason = self._scrubber.text(said(error))[:SHOWN]
            raise Passing(f"the provider cannot be reached: {reason}") from None

    async def _read(self, response: aiohttp.ClientResponse) -> Response:
        status = response.status
        answer = Response(
            status=status,
            content_type=response.headers.get("content-type", "application/json")[:200],
        )
        if answer.sse:
            answer.data = await response.content.readany()
            if not answer.data:
                raise Passing("the provider's stream ended before it began")
            answer.stream = response
            return answer
        answer.data = await _whole(response, MAX_ERROR if status >= 400 else MAX_RESPONSE)
        if status < 300:
            return answer
        text = self._scrubber.text(answer.data.decode("utf-8", "replace"))
        reason = _reason(status, text)
        if status in PASSING or status >= 500:
            after = _after(response.headers)
            if after > LONGEST_ASKED:
                raise Dead(f"{reason} (to be asked again after {after:,.0f} s)")
            raise Passing(reason, after)
        if status in FINAL or status < 400:
            raise Dead(reason)
        return answer

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return max(error.after if isinstance(error, Passing) else 0.0, self._wait(state))


def said(error: Exception) -> str:
    """What broke, without the name and password in a proxy's address."""
    return USERINFO.sub("://", f"{type(error).__name__}: {error}")


def _reason(status: int, text: str) -> str:
    return f"the provider answered HTTP {status}: {' '.join(text.split())[:SHOWN]}"


async def _whole(response: aiohttp.ClientResponse, most: int) -> bytes:
    data = bytearray()
    while piece := await response.content.readany():
        data += piece
        if len(data) > most:
            raise TooLarge(f"an answer of more than {most:,} bytes")
    return bytes(data)


def _after(headers: Mapping[str, str]) -> float:
    """Seconds of a Retry-After header, in any of its forms; 0 for none."""
    told = headers.get("retry-after", "")
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        return max(0.0, float(told or 0))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(told)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _proxy(url: str) -> str | None:
    """The proxy that the user's environment names. Not left to aiohttp, which would read netrc."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)
