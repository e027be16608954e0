"""One resolver for the four extension points: agents, memories, sandboxes, reports."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from seqswe.errors import MissingError, UnknownName, UsageError

Kind = Literal["agent", "memory", "sandbox", "report"]
KINDS: tuple[Kind, ...] = ("agent", "memory", "sandbox", "report")


@cache
def installed(kind: Kind) -> Mapping[str, EntryPoint]:
    """Entry points of one kind by name; built-ins and third-party plug-ins alike."""
    return {point.name: point for point in entry_points(group=f"seqswe.{kind}")}


def resolve(kind: Kind, name: str) -> Any:
    """The object behind an entry-point name or a `module:attribute`.

    Raises UnknownName for a name nobody registered, MissingError where its package lacks a
    dependency and UsageError where the module or attribute does not exist.
    """
    if ":" in name:
        return _load(kind, EntryPoint(name=name, value=name, group=f"seqswe.{kind}"))
    known = installed(kind)
    if name not in known:
        raise UnknownName(kind, name, known)
    return _load(kind, known[name])


def build(kind: Kind, name: str, *args: Any, **options: Any) -> Any:
    """Resolve and call; an option that the factory does not take is a UsageError."""
    factory = resolve(kind, name)
    try:
        return factory(*args, **options)
    except TypeError as error:
        if "argument" not in str(error):
            raise
        raise UsageError(
            f"{kind} {name!r} refused its options: {error}",
            f"See `seqswe list {plural(kind)}` for what it takes.",
        ) from error


def plural(kind: Kind) -> str:
    """`memory` → `memories`, `sandbox` → `sandboxes`."""
    return {"memory": "memories", "sandbox": "sandboxes"}.get(kind, kind + "s")


def _load(kind: Kind, point: EntryPoint) -> Any:
    try:
        module = import_module(point.module)
    except ModuleNotFoundError as error:
        if error.name and point.module.split(".")[0] != error.name.split(".")[0]:
            raise MissingError(
                f"{kind} {point.name!r} needs the package {error.name!r}",
                f"Install it: pip install {error.name} (or the seqswe extra that brings it).",
            ) from error
        raise UsageError(
            f"{kind} {point.name!r}: there is no module {point.module!r}",
            "Give module:attribute of something importable.",
        ) from error
    found: Any = module
    for part in point.attr.split("."):
        if not hasattr(found, part):
            raise UsageError(
                f"{kind} {point.name!r}: {point.module} has no {point.attr!r}",
                "Give module:attribute of something that exists.",
            )
        found = getattr(found, part)
    return found
