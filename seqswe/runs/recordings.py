"""Recorded requests to models and their answers, found again by rollout and ordinal.

Not by the request's bytes: every client puts ids, dates or times of its own into them. What is
asked is compared after normalising, and the recorded bytes are what is answered.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from seqswe.errors import ManifestError, UsageError
from seqswe.manifests.convert import parse
from seqswe.manifests.read import read_json
from seqswe.patterns import AMOUNT, Between, Pattern

MAX_BYTES = 256 << 20
SHOWN = 120
"""Characters of each side of a difference."""
HINT = "Record it again, or restore it from a copy."
PRINTABLE = Pattern(expression=r"[ -~]*", meaning="printable ASCII")


class Differs(Exception):
    """A request is not the one that was recorded, or none was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request, as it went out, and its answer."""

    target: str
    request: Mapping[str, Any]
    status: Annotated[int, Between(least=200, most=599)]
    content_type: Annotated[str, PRINTABLE]
    answer: str = ""
    answer_base64: str = ""
    """Instead of `answer`, for bytes that are no text."""
    cut: bool = False
    """Whether the connection broke before the answer's end."""
    cost_usd: Annotated[float, AMOUNT] | None = None
    """What it cost then, so that a replay needs no prices."""

    @property
    def data(self) -> bytes:
        """The answer's bytes."""
        if self.answer_base64:
            return base64.b64decode(self.answer_base64)
        return self.answer.encode()


def as_text(data: bytes) -> dict[str, str]:
    """An answer as fields of an Exchange."""
    try:
        return {"answer": data.decode()}
    except UnicodeDecodeError:
        return {"answer_base64": base64.b64encode(data).decode()}


class Normalizer:
    """Takes out of a request what may differ between two runs of it.

    drop: JSON pointers, with `*` for every name or index; blank: regular expressions. Raises
    UsageError for what is neither.
    """

    def __init__(self, drop: tuple[str, ...] = (), blank: tuple[str, ...] = ()) -> None:
        self._drop = [pointer.removeprefix("/").split("/") for pointer in drop]
        if wrong := next((pointer for pointer in drop if not pointer.startswith("/")), ""):
            raise UsageError(f"replay_drop {wrong!r:.80} is no JSON pointer", "It begins with /.")
        try:
            self._blank = [re.compile(pattern) for pattern in blank]
        except re.error as error:
            raise UsageError(f"replay_blank is no regular expression: {error}", HINT) from None

    def __call__(self, value: Any, places: Mapping[str, str]) -> Any:
        """The value without them. places: literal texts and what each is replaced by."""
        return self._normal(value, list(self._drop), places)

    def _normal(self, value: Any, paths: list[list[str]], places: Mapping[str, str]) -> Any:
        if isinstance(value, dict):
            pairs: Any = value.items()
        elif isinstance(value, list):
            pairs = enumerate(value)
        else:
            return self._text(value, places) if isinstance(value, str) else value
        kept = {}
        for name, inner in pairs:
            below = [path for path in paths if path[0] in ("*", str(name))]
            if not any(len(path) == 1 for path in below):
                kept[name] = self._normal(inner, [p[1:] for p in below], places)
        return kept if isinstance(value, dict) else list(kept.values())

    def _text(self, text: str, places: Mapping[str, str]) -> str:
        for literal, name in places.items():
            text = text.replace(literal, name)
        for pattern in self._blank:
            text = pattern.sub("~", text)
        return text


class Recordings:
    """A folder with a folder for each rollout and a file for each of its requests."""

    def __init__(self, folder: Path, normalizer: Normalizer) -> None:
        self._folder, self._normalizer = folder, normalizer

    def forget(self, rollout: str) -> None:
        """Remove what an earlier try of a rollout recorded. rollout: its name, a relative path."""
        shutil.rmtree(self._folder / rollout, ignore_errors=True)

    def save(
        self, rollout: str, ordinal: int, exchange: Exchange, places: Mapping[str, str]
    ) -> None:
        """Keep an exchange, without what is different in every run (see Normalizer)."""
        path = self._path(rollout, ordinal)
        exchange = replace(exchange, request=Normalizer()(exchange.request, places))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(exchange), indent=1, sort_keys=True) + "\n")

    def find(
        self, rollout: str, ordinal: int, asked: Exchange, places: Mapping[str, str]
    ) -> Exchange:
        """The exchange that was recorded for a request. Raises Differs."""
        path = self._path(rollout, ordinal)
        if not path.is_file():
            raise Differs(f"nothing was recorded for request {ordinal} of {rollout}")
        try:
            recorded = parse(Exchange, read_json(path, HINT, MAX_BYTES), str(path))
            _ = recorded.data
        except ManifestError as error:
            raise Differs(error.message) from None
        except ValueError as error:
            raise Differs(f"{path}: its answer cannot be read: {error}"[-SHOWN:]) from None
        before, now = (self._normalizer(exchange.request, places) for exchange in (recorded, asked))
        found = [*differences(recorded.target, asked.target, "its path"), *differences(before, now)]
        for where, old, new in found:
            raise Differs(
                f"request {ordinal} of {rollout} differs at {where}: "
                f"recorded {_shown(old)}, now {_shown(new)}"
            )
        return recorded

    def _path(self, rollout: str, ordinal: int) -> Path:
        return self._folder / rollout / f"{ordinal:04d}.json"


MISSING = object()


def differences(before: Any, now: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """JSON pointers at which two values differ, with both sides."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in dict.fromkeys([*before, *now]):
            sides = (before.get(name, MISSING), now.get(name, MISSING))
            yield from differences(*sides, f"{where}/{name}")
    elif isinstance(before, list) and isinstance(now, list):
        for index in range(max(len(before), len(now))):
            old, new = (side[index] if index < len(side) else MISSING for side in (before, now))
            yield from differences(old, new, f"{where}/{index}")
    elif before != now or type(before) is not type(now):
        yield where, before, now


def _shown(value: Any) -> str:
    if value is MISSING:
        return "nothing"
    text = json.dumps(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
