"""What may pass: fixed paths to fixed providers, and how each API is spoken to and says errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from seqswe.agent import API
from seqswe.errors import MissingError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Who answers an API: where, and with which key."""

    name: str
    key_variable: str
    url_variable: str
    url: str
    """Without a slash at its end; what of a path comes before it is in `prefix`."""
    prefix: str
    """Of a client's path, which `url` stands for."""
    key_header: str
    key_scheme: str = ""


OPENAI = Provider(
    name="OpenAI",
    key_variable="OPENAI_API_KEY",
    url_variable="OPENAI_BASE_URL",
    url="https://api.openai.com/v1",
    prefix="/v1",
    key_header="Authorization",
    key_scheme="Bearer ",
)
ANTHROPIC = Provider(
    name="Anthropic",
    key_variable="ANTHROPIC_API_KEY",
    url_variable="ANTHROPIC_BASE_URL",
    url="https://api.anthropic.com",
    prefix="",
    key_header="x-api-key",
)
GEMINI = Provider(
    name="Gemini",
    key_variable="GEMINI_API_KEY",
    url_variable="GOOGLE_GEMINI_BASE_URL",
    url="https://generativelanguage.googleapis.com",
    prefix="",
    key_header="x-goog-api-key",
)
PROVIDERS: Mapping[API, Provider] = {
    "chat": OPENAI,
    "responses": OPENAI,
    "messages": ANTHROPIC,
    "gemini": GEMINI,
}
POSTS: Mapping[str, API] = {
    "/v1/chat/completions": "chat",
    "/v1/responses": "responses",
    "/v1/messages": "messages",
    "/v1/messages?beta=true": "messages",
}
"""Whole targets, as they stand in the first line of a request."""
GEMINI_TARGET = re.compile(
    r"/v1beta/models/([\w.%-]{1,200}):(generateContent|streamGenerateContent(?:\?alt=sse)?)",
    re.ASCII,
)
PASSED_HEADERS = ("accept", "anthropic-beta", "anthropic-version", "openai-beta", "user-agent")
"""Of a client's, what a provider is told as well. No other header leaves this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A request that may pass."""

    api: API
    target: str
    """Path and query, as they came: one of a few."""
    model: str = ""
    """If the path names it, as Gemini's does."""


class Refused(Exception):
    """A request that does not pass; the client is told why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def route_of(method: str, target: str, apis: tuple[API, ...]) -> Route:
    """The route of a request's first line. Raises Refused for everything that is none.

    A target with a host, as a proxy is asked, is none, and neither is a path with dots: what is
    compared is the whole text.
    """
    match = GEMINI_TARGET.fullmatch(target)
    api = "gemini" if match else POSTS.get(target)
    if method != "POST" or api is None:
        raise Refused(404, f"the gateway does not forward {method[:10]} {target[:100]!r}")
    if api not in apis:
        raise Refused(404, f"this agent speaks {', '.join(apis)}, not {api}")
    return Route(api=api, target=target, model=unquote(match[1]) if match else "")


@dataclass(frozen=True, slots=True)
class Access:
    """A provider's address and key. Its representation does not show the key."""

    provider: Provider
    url: str
    key: str

    def __repr__(self) -> str:
        return f"Access({self.provider.name}, {self.url})"

    def headers(self) -> dict[str, str]:
        """The header that carries the key."""
        scheme = self.provider.key_scheme
        return {self.provider.key_header: f"{scheme}{self.key}"} if self.key else {}

    def url_of(self, route: Route) -> str:
        """Where a request of this route goes."""
        return self.url + route.target.removeprefix(self.provider.prefix)


def access_to(apis: tuple[API, ...], environ: Mapping[str, str]) -> dict[API, Access]:
    """Addresses and keys of those APIs that have one; at least one must.

    Raises MissingError for no key at all, UsageError for a URL or key that cannot be one.
    """
    access = {}
    for api in apis:
        provider = PROVIDERS[api]
        key = environ.get(provider.key_variable, "").strip()
        url = environ.get(provider.url_variable, "").strip().rstrip("/")
        if url and not re.match(r"https?://[^/@\s]+(/[^@\s?#]*)?$", url):
            raise UsageError(
                f"{provider.url_variable} is not http:// or https://, a host and a path",
                "Correct it; a key belongs into its own variable.",
            )
        if not (key.isascii() and key.isprintable()):
            raise UsageError(
                f"{provider.key_variable} holds characters that no header can carry",
                "Look for a line break or a quote in it.",
            )
        if key or url:  # a server of one's own may need no key
            access[api] = Access(provider, url or provider.url, key)
    if not access:
        names = list(dict.fromkeys(PROVIDERS[api].key_variable for api in apis))
        raise MissingError(
            f"there is no key for the model: {' or '.join(names)} is not set",
            f"Put it into that variable: export {names[0]}=...",
        )
    return access


def error_body(api: API | None, status: int, message: str) -> dict[str, Any]:
    """An error as the API's clients read it."""
    if api == "messages":
        kind = "invalid_request_error" if status < 500 else "api_error"
        return {"type": "error", "error": {"type": kind, "message": message}}
    if api == "gemini":
        return {"error": {"code": status, "message": message, "status": "FAILED_PRECONDITION"}}
    return {"error": {"message": message, "type": "invalid_request_error", "code": "gateway"}}
