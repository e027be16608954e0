"""Issues as they were first written, from GitHub's GraphQL API.

Its other API tells only what an issue says today, after every edit. This one also has the first
version of the body and the titles before each renaming, follows a repository to its new name, and
answers for dozens of issues at a time. It answers nobody without a token.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential, wait_random

from harness.codebases.statements.github_answers import (
    FIELDS,
    NOT_THERE,
    Answer,
    Content,
    answer_of,
    content_of,
)
from seqswe.errors import ManifestError, MissingError, UsageError
from seqswe.manifests.read import parse_json
from seqswe.visible import one_line

API = "https://api.github.com/graphql"
AT_ONCE = 25
"""Issues of one request."""
MOST_BYTES = 32_000_000
"""Of one answer; a body has at most 65,536 characters, twice in each issue."""
RETRIES = 5
REFUSALS = {"FORBIDDEN", "INSUFFICIENT_SCOPES"}
"""Types of errors that no further try mends."""


class _Passing(Exception):
    """A failure that may be gone later; `after` seconds, if GitHub said so."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


class GitHub:
    """GitHub's API; use it as a context manager.

    token: sent as a bearer token, and kept out of every message; patience: seconds that a used-up
    rate limit is waited for, at most; wait: seconds before a further try, doubled each time.
    """

    def __init__(
        self, token: str, url: str = API, *, patience: float = 3700.0, wait: float = 1.0
    ) -> None:
        if not (token and token.isascii() and token.isprintable()):
            raise UsageError(
                "the token is empty or holds characters that no header can carry",
                "Look for a line break or a quote in its environment variable.",
            )
        if _scheme(url) not in ("http", "https"):
            raise UsageError(f"{url!r} is no address of an API", f"By default it is {API}.")
        self._url, self._token, self._patience = url, token, patience
        self._wait = wait_exponential(wait, max=60) + wait_random(0, wait)
        self._second_limit = 60 * wait
        headers = {"Authorization": f"Bearer {token}", "User-Agent": "seqswe"}
        # Reading certificates takes a while, and http needs none.
        tls = url.startswith("https:")
        self._client = httpx.Client(timeout=60, headers=headers, verify=tls)

    def __enter__(self) -> GitHub:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def issues(self, repo: str, numbers: Sequence[int]) -> Iterator[list[Answer]]:
        """Ask for issues of owner/name, some at a time.

        Raises MissingError if GitHub cannot be asked, UsageError if it refuses token or name.
        """
        owner, _, name = repo.partition("/")
        for start in range(0, len(numbers), AT_ONCE):
            some = numbers[start : start + AT_ONCE]
            wanted = " ".join(f"i{n}: issue(number: {n}) {{ ...first }}" for n in some)
            query = (
                "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name, "
                f"followRenames: true) {{ {wanted} }} }}{FIELDS}"
            )
            told = self._ask({"query": query, "variables": {"owner": owner, "name": name}})
            if told.repository is None:
                raise UsageError(
                    f"GitHub knows no repository {repo}, or the token may not see it",
                    "Look at `repo` in manifest.toml.",
                )
            yield [answer_of(n, told) for n in some]

    def _ask(self, body: Mapping[str, Any]) -> Content:
        tries = Retrying(
            retry=retry_if_exception_type(_Passing),
            stop=stop_after_attempt(RETRIES + 1),
            wait=self._pause,
            reraise=True,
        )
        try:
            content: Content = tries(self._once, body)
        except _Passing as error:
            raise MissingError(
                f"GitHub does not answer: {self._hidden(str(error))}",
                "What has come is kept: call it again later.",
            ) from None
        return content

    def _once(self, body: Mapping[str, Any]) -> Content:
        try:
            with self._client.stream("POST", self._url, json=body) as response:
                data = _bounded(response.iter_bytes())
        except httpx.HTTPError as error:
            raise _Passing(f"{type(error).__name__}: {error}") from None
        self._check(response, data)
        try:
            answer = parse_json(data, "GitHub's answer", "")
        except ManifestError as error:
            raise _Passing(error.message) from None
        content = content_of(answer)
        if "RATE_LIMITED" in content.kinds:
            raise _Passing("the rate limit is used up", _until(response))
        if content.repository is None and content.kinds & REFUSALS:
            raise UsageError(
                f"GitHub refuses it: {self._hidden(content.said)}",
                "Give a token that may read the repository.",
            )
        if content.repository is None and NOT_THERE not in content.kinds:
            raise _Passing(f"an answer without data: {content.said}")
        return content

    def _check(self, response: httpx.Response, data: bytes) -> None:
        status = response.status_code
        if status == 401:
            raise UsageError("GitHub refuses the token", "Make another one; it needs no scope.")
        limited = response.headers.get("x-ratelimit-remaining") == "0"
        if status == 429 or (status == 403 and (limited or "retry-after" in response.headers)):
            raise _Passing("the rate limit is used up", _until(response))
        if status == 403 and b"rate limit" in data.lower():
            # Of too many at once, not of the hour's: its reset says nothing of them.
            raise _Passing("the rate limit is used up", self._second_limit)
        if status >= 500:
            raise _Passing(f"HTTP {status}")
        if status != 200:
            said = self._hidden(one_line(data[:200].decode("utf-8", "replace")))
            raise MissingError(
                f"GitHub answers HTTP {status}: {said}"[:290], "Look at the address and the token."
            )

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        after = error.after if isinstance(error, _Passing) else 0.0
        if after > self._patience:
            raise MissingError(
                f"GitHub's rate limit is used up for {after / 60:.0f} minutes",
                "What has come is kept: call it again then.",
            )
        return max(after, self._wait(state))

    def _hidden(self, text: str) -> str:
        return text.replace(self._token, "…")


def _bounded(pieces: Iterator[bytes]) -> bytes:
    data = bytearray()
    for piece in pieces:
        data += piece
        if len(data) > MOST_BYTES:
            raise MissingError(
                f"GitHub's answer is larger than {MOST_BYTES:,} bytes", "Look at the address."
            )
    return bytes(data)


def _until(response: httpx.Response) -> float:
    """Seconds that GitHub asks to wait."""
    for name, now in (("retry-after", 0.0), ("x-ratelimit-reset", time.time())):
        value = response.headers.get(name, "")
        if value.isdecimal() and len(value) < 12:
            return max(0.0, float(value) - now) + 1.0
    return 60.0


def _scheme(url: str) -> str:
    try:
        return httpx.URL(url).scheme
    except httpx.InvalidURL:
        return ""
