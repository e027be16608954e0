"""Requests to an OpenAI-compatible endpoint: what passes is tried again, the rest is a failure.

httpx sends and tenacity tries again; both are small. The `openai` package would
do as much but bring its own settings from the environment, and hide the usage of a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential, wait_random

from seqswe.errors import RolloutError, UsageError
from seqswe.models.scrub import Scrubber

RETRIES = 4
HOLE = "…"
"""Stands where a key was."""
PASSING = frozenset({408, 409, 425, 429})
"""Statuses below 500 that are worth another try."""
INVALID = ("validation error", "validationerror", "response_format")
"""Words, in lower case, of an error that is about the request's form."""
LONGEST_WAIT = 60.0
"""Seconds between two tries, whatever the endpoint asks for."""


class Passing(RolloutError):
    """A failure that may be gone at the next try; `after` seconds, if the endpoint said so."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__("provider_failed", message)
        self.after = after


class RefusedRequest(RolloutError):
    """The endpoint does not take this request: asked again, it would say the same."""

    def __init__(self, message: str) -> None:
        super().__init__("provider_failed", message)


class Endpoint:
    """One base URL, such as http://localhost:8000/v1; may be used by several threads.

    key: sent as a bearer token, and kept out of every message; seconds: without a sign of
    life after which a try is given up (an answer that trickles may take longer); retries: further
    tries after that, a lost connection, 429 and 5xx; wait: seconds before the first of them,
    doubled each time. Raises UsageError for what is no URL or key.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str = "",
        seconds: float = 120.0,
        retries: int = RETRIES,
        wait: float = 1.0,
    ) -> None:
        self._seconds = seconds
        # An error is for people, who need not read a key of any length.
        self._words, self._answers = Scrubber([key], HOLE, shortest=1), Scrubber([key], HOLE)
        self._wait = wait_exponential(wait, max=LONGEST_WAIT) + wait_random(0, wait)
        self._stop = stop_after_attempt(retries + 1)
        self._url = checked(url)
        if not (key.isascii() and key.isprintable()):
            # Without repeating it, which the library's own message would.
            raise UsageError(
                "the API key holds characters that no header can carry",
                "Look for a line break or a quote in its environment variable.",
            )
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # Reading certificates takes a while, and http needs none.
        tls = self._url.startswith("https:")
        self._client = httpx.Client(timeout=seconds, headers=headers, verify=tls)

    def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The JSON object that answers. Raises RolloutError("provider_failed"), as RefusedRequest
        if it is the request that is wrong.
        """
        tries = Retrying(
            retry=retry_if_exception_type(Passing), stop=self._stop, wait=self._pause, reraise=True
        )
        answer: Mapping[str, Any] = tries(self._once, path, body)
        return answer

    def _once(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            response = self._client.post(f"{self._url}/{path}", json=body)
        except httpx.TimeoutException:
            raise Passing(f"{self._url} did not answer within {self._seconds:g} s") from None
        except httpx.RequestError as error:
            reason = f"{type(error).__name__}: {error}"
            raise Passing(self._hidden(f"{self._url} cannot be reached: {reason}")) from None
        status = response.status_code
        if 300 <= status < 400:
            there = self._hidden(response.headers.get("location", "nowhere"))[:300]
            raise RolloutError(
                "provider_failed",
                f"{self._url} answered HTTP {status}: what was asked for is at {there}",
                "Redirects are not followed; give the final address as --memory-model-url.",
            )
        if status >= 400:
            reason = f"{self._url} answered HTTP {status}: {self._hidden(response.text)[:300]}"
            # Some servers call what is wrong with a request's form their own fault.
            about_form = "response_format" in body and _invalid(response.text)
            if status in PASSING or (status >= 500 and not about_form):
                raise Passing(reason, _after(response))
            raise RefusedRequest(reason)
        try:
            answer = without(response.json(), self._answers)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            reason = self._hidden(response.text)[:80]
            raise Passing(f"{self._url} answered no JSON object: {reason}")
        return answer

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        retry_after = error.after if isinstance(error, Passing) else 0.0
        return min(max(retry_after, self._wait(state)), LONGEST_WAIT)

    def _hidden(self, text: str) -> str:
        # Some endpoints quote the key they refuse. Before any cut: half a key would stay.
        return self._words.text(text)


def without(answer: Any, scrubber: Scrubber) -> Any:
    """An answer of JSON without secrets in any of its texts: some endpoints quote the key.

    A memory would keep it otherwise, and recall it. Words shorter than any key stay.
    """
    if isinstance(answer, str):
        return scrubber.text(answer)
    if isinstance(answer, list):
        return [without(inner, scrubber) for inner in answer]
    if isinstance(answer, dict):
        return {scrubber.text(name): without(inner, scrubber) for name, inner in answer.items()}
    return answer


def checked(url: str) -> str:
    """A base URL without its last slash. Raises UsageError for anything else."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise UsageError(
            f"model URL {url!r} is not http:// or https:// and a host",
            "For example --memory-model-url http://localhost:8000/v1.",
        )
    if parsed.userinfo:
        raise UsageError(
            "the model URL holds a user name or password, which would be written to run.toml",
            "Put the key into an environment variable and name it with --memory-model-key.",
        )
    return url.rstrip("/")


def _invalid(text: str) -> bool:
    """Whether an error is about the form of the request."""
    return any(word in text.lower() for word in INVALID)


def _after(response: httpx.Response) -> float:
    """Seconds of a Retry-After header; its other form, a date, is left to our own waiting."""
    try:
        return max(0.0, float(response.headers.get("retry-after", 0)))
    except ValueError:
        return 0.0
