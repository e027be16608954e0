"""What `files_ranked` ranked and ran, as the tables and lists of docs/memories.md.

Codebases on which weights of `history_and_experience` were chosen are shown and never pooled.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from seqswe.analysis.leaderboard import Difference, leaderboard
from seqswe.analysis.streams import Stream, Streams
from seqswe.analysis.words import p_value
from seqswe.runs.outcomes import RECIPROCAL_RANK
from seqswe.statistics import Estimate, Pooled, two_way

NEW = "history_and_experience"
HELD_AGAINST = ("git_history", "episodic")
MEMORIES = ("none", *HELD_AGAINST, NEW)
CHOSEN = ("sqlglot", "tinydb")
"""Codebases on which the weights were chosen."""
KEPT = Path(__file__).parents[1] / "docs" / "results" / "ranked"
"""What `rank` wrote of every codebase that the pages quote."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """What `rank` wrote of some codebases."""

    streams: Sequence[Stream]
    unseen: Mapping[str, Sequence[bool]]
    """By codebase, for each task whether no earlier task fixed any of its files."""

    @classmethod
    def read(cls, paths: Sequence[Path]) -> Ranked:
        """Read files of `rank`, in any order."""
        read = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(paths)]
        return cls(
            streams=[stream for each in read for stream in streams_of(each)],
            unseen={each["codebase"]: each["unseen"] for each in read},
        )


def streams_of(ranked: Mapping[str, Any]) -> Iterator[Stream]:
    """What `rank` wrote, as streams."""
    for name, ranks in ranked["ranks"].items():
        yield Stream(
            source=ranked["codebase"],
            codebase=ranked["codebase"],
            memory=name,
            tasks=tuple(ranked["tasks"]),
            values={RECIPROCAL_RANK.name: np.array(ranks)[:, None]},
            baseline={},
            planned=len(ranks),
            graded=len(ranks),
        )


def by_codebase(streams: Sequence[Stream]) -> Iterator[str]:
    """A table with a line for each codebase."""
    memories = [name for name in MEMORIES if any(s.memory == name for s in streams)]
    heads = [
        *(f"`{name}`" for name in memories),
        *(f"over `{name}` (95 %)" for name in HELD_AGAINST),
        f"tasks better, worse than `{HELD_AGAINST[0]}`",
    ]
    yield f"| codebase | tasks | {' | '.join(heads)} |"
    yield "|---" * (len(heads) + 2) + "|"
    against = {name: difference(streams, name) for name in HELD_AGAINST}
    for codebase in in_order(streams):
        of = {s.memory: s for s in streams if s.codebase == codebase}
        if NEW in of:
            ends = [spelled(against[name].by_codebase.get(codebase)) for name in HELD_AGAINST]
            counts = ", ".join(map(str, better_and_worse(of[NEW], of.get(HELD_AGAINST[0]))))
            values = [f"{mean(of[name]):.3f}" if name in of else "–" for name in memories]
            mark = "*" * (codebase in CHOSEN)
            cells = [f"{codebase}{mark}", str(len(of[NEW].tasks)), *values, *ends, counts]
            yield f"| {' | '.join(cells)} |"


def means(streams: Sequence[Stream]) -> Iterator[str]:
    """What is pooled of the codebases where nothing was chosen, as a list."""
    for name in HELD_AGAINST:
        yield f"* Over `{name}`, {pooled(difference(unchosen(streams), name))}."


def unchosen(streams: Sequence[Stream]) -> list[Stream]:
    """The streams of codebases on which no weight was chosen."""
    return [stream for stream in streams if stream.codebase not in CHOSEN]


def variants(ranked: Ranked) -> Iterator[str]:
    """A table of the memory's variants, over the codebases on which no weight was chosen."""
    clean = unchosen(ranked.streams)
    count = len({stream.codebase for stream in clean})
    yield f"| variant | mean of {count} codebases | what the whole has over it, pooled (95 %) |"
    yield "|---|---|---|"
    for name in dict.fromkeys(stream.memory for stream in ranked.streams):
        found = np.mean([mean(s) for s in clean if s.memory == name])
        end = spelled(difference(clean, name).pooled) if name != NEW else "–"
        shown = f"`{name}`" if name in MEMORIES else name
        yield f"| {shown} | {found:.3f} | {end} |"


def losses(ranked: Ranked) -> Iterator[str]:
    """What it has over git_history by whether an earlier task fixed a file of the task, as a list.

    All tasks alike, whatever their codebase: the interval is for these codebases only.
    """
    by_kind: dict[str, list[float]] = defaultdict(list)
    for codebase, kinds in ranked.unseen.items():
        if codebase not in CHOSEN:
            ours, theirs = (
                next(values(s) for s in ranked.streams if (s.codebase, s.memory) == (codebase, of))
                for of in (NEW, HELD_AGAINST[0])
            )
            for is_unseen, gap in zip(kinds, ours - theirs, strict=True):
                by_kind["no earlier task" if is_unseen else "an earlier task"].append(gap)
    for kind, gaps in by_kind.items():
        zeros, column = np.zeros((len(gaps), 1)), np.array(gaps)[:, None]
        found = spelled(two_way(column, zeros))
        yield f"* {len(gaps):,} tasks of which {kind} fixed a file: {found}."


def in_order(streams: Sequence[Stream]) -> list[str]:
    """The codebases, those on which weights were chosen last."""
    return sorted({s.codebase for s in streams}, key=lambda name: (name in CHOSEN, name))


def difference(streams: Sequence[Stream], name: str) -> Difference:
    """The memory − another, by codebase, and pooled."""
    both = tuple(s for s in streams if s.memory in (NEW, name))
    if {s.memory for s in both} != {NEW, name}:
        return Difference(by_codebase={}, pooled=None, p=None)
    found = Streams(streams=both, outcome=RECIPROCAL_RANK, reason="", agent="localizer")
    row = next(row for row in leaderboard(found, name).rows if row.memory == NEW)
    assert row.against
    return row.against


def values(stream: Stream) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Reciprocal rank, task by task."""
    return stream.values[RECIPROCAL_RANK.name][:, 0]


def mean(stream: Stream) -> float:
    """Mean reciprocal rank."""
    return float(values(stream).mean())


def better_and_worse(ours: Stream, theirs: Stream | None) -> tuple[int, int]:
    """Tasks on which one ranking is better than the other, and worse."""
    gaps = values(ours) - values(theirs) if theirs else np.zeros(0)
    return int((gaps > 0).sum()), int((gaps < 0).sum())


def spelled(found: Estimate | Pooled | None) -> str:
    """`+0.031 (−0.002 to +0.064)`."""
    if found is None:
        return "–"
    return minus(f"{found.estimate:+.3f} ({found.low:+.3f} to {found.high:+.3f})")


def minus(text: str) -> str:
    """Write the sign of numbers as the pages do."""
    return text.replace("-", "−")


def pooled(found: Difference) -> str:
    """The mean over codebases with its interval, or that there are too few."""
    if found.pooled is None:
        return f"{len(found.by_codebase)} codebases, too few to pool"
    mean_of, p = found.pooled, ""
    if mean_of.p is not None:
        p = f", {p_value(mean_of.p)}"
    return (
        f"{mean_of.codebases} codebases: {spelled(mean_of)}{p}; a new codebase's lies in "
        + minus(f"{mean_of.predicted_low:+.3f} to {mean_of.predicted_high:+.3f}")
    )


TABLES: Mapping[str, Callable[[Ranked], Iterator[str]]] = {
    "memories": lambda ranked: by_codebase([s for s in ranked.streams if s.memory in MEMORIES]),
    "means": lambda ranked: means(ranked.streams),
    "parts": variants,
    "seen": losses,
}
"""Tables and lists of docs/memories.md."""


@cache
def kept() -> Ranked:
    """All that is kept."""
    return Ranked.read(list(KEPT.glob("*.json")))


def kept_table(name: str) -> list[str]:
    """One of TABLES, of all that is kept."""
    return list(TABLES[name](kept()))


def kept_mean(name: str) -> str:
    """What it has over another memory, over the codebases on which no weight was chosen."""
    return spelled(_over(name))


def kept_p(name: str) -> str:
    """The p-value of that, not adjusted for any other."""
    found = _over(name)
    return p_value(found.p) if found and found.p is not None else "no p-value"


def kept_rank(codebase: str, memory: str) -> str:
    """A memory's mean reciprocal rank on a codebase."""
    return f"{mean(_kept_stream(codebase, memory)):.3f}"


def kept_wins(codebase: str) -> str:
    """Tasks on which it ranks better than the log alone, and worse."""
    streams = (_kept_stream(codebase, memory) for memory in (NEW, HELD_AGAINST[0]))
    return " and ".join(map(str, better_and_worse(*streams)))


def _over(name: str) -> Pooled | None:
    return difference(unchosen(kept().streams), name).pooled


def _kept_stream(codebase: str, memory: str) -> Stream:
    return next(s for s in kept().streams if (s.codebase, s.memory) == (codebase, memory))
