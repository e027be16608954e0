"""A request as a client made it, as it was admitted, and where its answer goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from harness.gateway.routes import Route
from harness.gateway.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asks; names of headers in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Reply(Protocol):
    """Where the answer goes. Nothing is raised if nobody takes it any more."""

    async def start(self, status: int, content_type: str, length: int | None) -> None:
        """Begin; length: None if it is not known yet."""
        ...

    async def write(self, data: bytes) -> None:
        """Pass on a piece."""
        ...

    async def finish(self) -> None:
        """End as it should be."""
        ...

    def abort(self) -> None:
        """Break off, as the provider did."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that was admitted."""

    session: Session
    ordinal: int
    route: Route
    body: Mapping[str, Any]
    payload: bytes
    headers: Mapping[str, str]
    removed: tuple[str, ...]
    hide_usage: bool
    model: str
