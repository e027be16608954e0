"""Settings that had other names: old runs are read by them, new ones are refused with a hint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqswe.errors import UsageError

OF_THE_MEMORY = "memory_"
RENAMED: Mapping[str, str] = {
    f"model_{part}": f"{OF_THE_MEMORY}model_{part}"
    for part in ("url", "key", "tokens", "seconds", "price_in", "price_out")
}
"""Old → new. `model` itself was the memory's as well, and is the agent's now."""


def with_new_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that an older SeqSWE wrote down, by today's names; today's own are left alone."""
    old = dict(settings)
    if not RENAMED.keys() & old.keys():
        return old
    names = {**RENAMED, "model": f"{OF_THE_MEMORY}model"}
    return {names.get(name, name): value for name, value in old.items()}


def refuse(name: str) -> None:
    """Raise UsageError for an old name: its value would go unheard, or to the agent's model."""
    new = RENAMED[name]
    raise UsageError(
        f"--{_flag(name)} is --{_flag(new)} now: it is of the memory's model",
        "--model is the agent's; give the memory's as --memory-model and --memory-model-url.",
    )


def _flag(name: str) -> str:
    return name.replace("_", "-")
