"""How many seeds each arm has: `3` for all of them, or `iid=3,sequential=6` arm by arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seqswe.errors import UsageError

MOST = 1000
EXAMPLE = "Give a number, or each arm's: --seeds iid=3,sequential=6 (or 3,sequential=6)."

Seeds = int | str
"""A number, or a text that `seeds_by_arm` reads."""


def seeds_by_arm(seeds: Seeds, arms: Sequence[str]) -> Mapping[str, int]:
    """Seeds of each of `arms`, in their order.

    A text names arms with their numbers; a number without a name is that of all others. Raises
    UsageError for what cannot be read, an arm that is not run, and one that is left without.
    """
    if isinstance(seeds, int):
        return {arm: _counted(seeds) for arm in arms}
    named: dict[str, int] = {}
    for part in seeds.split(","):
        arm, _, number = part.rpartition("=")
        arm = arm.strip()
        if arm in named:
            raise UsageError(f"seeds {seeds!r:.80} say one thing twice", EXAMPLE)
        if arm and arm not in arms:
            raise UsageError(
                f"seeds of arm {arm!r:.80} are given, which is not run", f"Arms: {', '.join(arms)}."
            )
        named[arm] = _counted(_number(number.strip(), seeds))
    if left := [arm for arm in arms if arm not in named and "" not in named]:
        raise UsageError(f"seeds {seeds!r:.80} do not say how many of arm {left[0]!r}", EXAMPLE)
    return {arm: named.get(arm) or named[""] for arm in arms}


def as_seeds(text: str) -> Seeds:
    """A number as such, anything else as the text it is."""
    return int(text) if text.strip().isdecimal() and len(text) < 10 else text


def _number(text: str, seeds: str) -> int:
    if not (text.isdecimal() and text.isascii() and len(text) < 10):
        raise UsageError(f"seeds {seeds!r:.80} are no number of seeds", EXAMPLE)
    return int(text)


def _counted(number: int) -> int:
    bound = "least 1" if number < 1 else f"most {MOST:,}" if number > MOST else ""
    if bound:
        raise UsageError(f"seeds must be at {bound}, not {number}", "See `seqswe run --help`.")
    return number
