"""`history_and_experience` against what is free: the tables of docs/memories.md.

    python -m benchmarks.files_ranked run --mirror DIR --runs RUNS [--codebase NAME ...]
    python -m benchmarks.files_ranked table RUNS/*
    python -m benchmarks.files_ranked rank NAME --mirror DIR --out docs/results/ranked/NAME.json
    python -m benchmarks.files_ranked parts docs/results/ranked/*

`run` makes the runs that are not there yet, one for each codebase and memory. `table` holds the
memory against the others on the same tasks and pools codebases, by the leaderboard's estimators.
`rank` takes parts of it away, adds others and turns its weights, in this process: the rankings are
those of runs, without the sandboxes; `parts` prints them. Nothing is drawn anywhere, so there is
one seed, 0. Codebases on which weights were chosen are shown and never pooled; one that is
validated later is one more row. What lies in docs/results/ranked is written into the pages by
`python -m benchmarks.results tables`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import click
import numpy as np

from benchmarks.statements import Ranker, experience_of, reciprocal_rank, told_by
from harness.codebases.locate import clone_of
from harness.history.log import log
from harness.history.objects import Objects
from memory_backends.retrieval.history_and_experience import (
    Change,
    HistoryAndExperience,
    Scores,
    weighted,
)
from seqswe.analysis.leaderboard import Difference, leaderboard
from seqswe.analysis.streams import Stream, Streams, streams_of_runs
from seqswe.instance import Instance, Task
from seqswe.manifests import manifest_files as manifests
from seqswe.memory import Commit, Memory, Services, build_memory
from seqswe.runs.outcomes import RECIPROCAL_RANK
from seqswe.runs.store import RunDirectory
from seqswe.statistics import Estimate, Pooled, two_way

NEW = "history_and_experience"
HELD_AGAINST = ("git_history", "episodic")
MEMORIES = ("none", *HELD_AGAINST, NEW)
CHOSEN = ("sqlglot", "tinydb")
"""Codebases on which the weights were chosen."""
CODEBASES = ("click", "humanize", "jinja", "ledgerlite", "sqlparse", "wtforms", *CHOSEN)
KEPT = Path(__file__).parents[1] / "docs" / "results" / "ranked"
"""What `rank` wrote of every codebase that the pages quote."""
DIGITS = 6
"""Decimals of a reciprocal rank that are kept."""
HALF_LIFE = 200
"""Commits after which a change counts half, where recency is added."""
MOST_CHANGES = 40
"""Changes of the log that a variant wants at most."""
ADDED = 0.25
"""Weight of a part that is added."""
Build = Callable[[Path, Services], Memory]


class Variant(HistoryAndExperience):
    """The memory that ships, with one look into the log for all variants of a task."""

    looked: ClassVar[dict[tuple[str, int], Sequence[Change]]] = {}

    def past(self, commits: Sequence[Commit], task: Task) -> Sequence[Change]:
        """Take the first k of the most that any variant wants."""
        key = (task.instance_id, len(commits))
        if key not in self.looked:
            wanted, self.k = self.k, MOST_CHANGES
            self.looked[key] = super().past(commits, task)
            self.k = wanted
        return self.looked[key][: self.k]


class Together(Variant):
    """Also the files that changed in one commit with those that it would recall."""

    def blend(
        self, past: Sequence[Change], own: Sequence[Change], commits: Sequence[Commit]
    ) -> Scores:
        """Add to each file a part of the scores of those that it changed with."""
        scores = super().blend(past, own, commits)
        touched = [self.source(commit.files) for commit in commits]
        often: dict[str, int] = defaultdict(int)
        for files in touched:
            for path in files:
                often[path] += 1
        spread: dict[str, float] = defaultdict(float)
        for files in touched:
            for path in files:
                for other in files:
                    if other != path:
                        spread[other] += scores.get(path, 0.0) / often[path]
        return weighted((1.0, scores), (ADDED, spread))


class Recent(Variant):
    """Also the files that changed lately and often, whatever the issue."""

    def blend(
        self, past: Sequence[Change], own: Sequence[Change], commits: Sequence[Commit]
    ) -> Scores:
        """Add to each file a part for each of its commits, the later the more."""
        recent: dict[str, float] = defaultdict(float)
        for age, commit in enumerate(commits):
            for path in self.source(commit.files):
                recent[path] += 0.5 ** (age / HALF_LIFE)
        return weighted((1.0, super().blend(past, own, commits)), (ADDED, recent))


def built(kind: Callable[..., Memory] = Variant, **options: float) -> Build:
    """A way to build a memory with some options."""
    return lambda home, services: kind(home, services=services, **options)


def named(name: str) -> Build:
    """A way to build a memory that ships."""
    return lambda home, services: build_memory(name, home, services)


PARTS: Mapping[str, Build] = {
    NEW: built(),
    "none": named("none"),
    "git_history": named("git_history"),
    "episodic": named("episodic"),
    "the log alone": built(experience=0, module=0),
    "earlier tasks alone": built(limit=0, module=0),
    "without the log": built(limit=0),
    "without earlier tasks": built(experience=0),
    "without the module": built(module=0),
    "with files that change together": built(Together),
    "with recency": built(Recent),
    "experience 0.25": built(experience=0.25),
    "experience 1": built(experience=1),
    "module 0.25": built(module=0.25),
    "module 1": built(module=1),
    "k 10": built(k=10),
    "k 40": built(k=40),
}


@click.group()
def main() -> None:
    """Tables of `history_and_experience`."""


@main.command()
@click.option("--codebase", "codebases", multiple=True, default=CODEBASES)
@click.option("--memory", "memories", multiple=True, default=MEMORIES)
@click.option("--mirror", default="")
@click.option("--runs", type=click.Path(path_type=Path), required=True)
def run(codebases: Sequence[str], memories: Sequence[str], mirror: str, runs: Path) -> None:
    """Make the runs that are missing, and go on with those that were stopped."""
    for codebase in codebases:
        for memory in memories:
            out = runs / f"{Path(codebase).name}-{memory}"
            seqswe = [sys.executable, "-m", "seqswe"]
            begin = [
                *("run", "--codebase", codebase, "--mirror", mirror, "--agent", "localizer"),
                *("--memory", memory, "--arm", "sequential", "--seeds", "1"),
                *("--feedback", "gold", "--out", str(out)),
                *("--sandbox", "benchmarks.checkout_only:CheckoutOnly"),
            ]
            again = ["resume", str(out)]
            subprocess.run([*seqswe, *(again if out.exists() else begin)], check=True)


@main.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
def table(runs: Sequence[Path]) -> None:
    """Print the table of some runs, then their digests; runs that are not finished are left out."""
    found = streams_of_runs([RunDirectory.open(path) for path in runs])
    streams = [stream for stream in found.streams if stream.complete]
    for line in (*by_codebase(streams), *means(streams)):
        click.echo(line)
    for stream in streams:
        click.echo(f"{stream.source}: {stream.digest}")


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


@main.command()
@click.argument("codebase")
@click.option("--mirror", default="")
@click.option("--out", type=click.Path(path_type=Path), required=True)
def rank(codebase: str, mirror: str, out: Path) -> None:
    """Rank the tasks of a codebase by every variant, and write the reciprocal ranks as JSON."""
    instances, found = rankings(codebase, mirror)
    about = {
        "codebase": Path(codebase).name,
        "tasks": [instance.instance_id for instance in instances],
        "unseen": unseen(instances),
        "ranks": {name: [round(x, DIGITS) for x in ranks] for name, ranks in found.items()},
    }
    out.write_text(json.dumps(about) + "\n", encoding="utf-8")


@main.command()
@click.argument("ranked", nargs=-1, required=True, type=click.Path(path_type=Path))
def parts(ranked: Sequence[Path]) -> None:
    """Print what the memory has over each variant of itself, from what `rank` wrote."""
    found = Ranked.read(ranked)
    for lines in TABLES.values():
        for line in lines(found):
            click.echo(line)
        click.echo("")


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


def variants(ranked: Ranked) -> Iterator[str]:
    """A table of the memory's variants, over the codebases on which no weight was chosen."""
    clean = unchosen(ranked.streams)
    count = len({stream.codebase for stream in clean})
    yield f"| variant | mean of {count} codebases | what the whole has over it, pooled (95 %) |"
    yield "|---|---|---|"
    for name in PARTS:
        found = np.mean([mean(s) for s in clean if s.memory == name])
        end = spelled(difference(clean, name).pooled) if name != NEW else "–"
        shown = f"`{name}`" if name in MEMORIES else name
        yield f"| {shown} | {found:.3f} | {end} |"


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


def rankings(codebase: str, mirror: str) -> tuple[Sequence[Instance], dict[str, list[float]]]:
    """The instances of a codebase, and reciprocal ranks by variant."""
    manifest = manifests.load(codebase)
    clone = clone_of(manifest, mirror)
    logs: dict[str, list[Commit]] = {}

    def history(task: Task) -> Iterator[Commit]:
        if task.base_commit not in logs:
            logs[task.base_commit] = list(log(clone, task.base_commit))
        yield from logs[task.base_commit]

    instances = told_by(clone, manifest, "full", "")
    found: dict[str, list[float]] = {name: [] for name in PARTS}
    with Objects(clone) as objects, TemporaryDirectory() as home:
        ranker = Ranker(clone, objects)
        memories = {n: make(Path(home), Services(history=history)) for n, make in PARTS.items()}
        for position, instance in enumerate(instances):
            task = instance.task(position)
            by_words, files = ranker.by_words(task)
            for name, memory in memories.items():
                ranking = ranker.ranking(by_words, memory.recall(task), files)
                found[name].append(reciprocal_rank(ranking, instance))
                memory.record(experience_of(task, instance, ranking))
            Variant.looked.clear()
            logs.clear()
    return instances, found


def unseen(instances: Sequence[Instance]) -> list[bool]:
    """For each task whether no earlier task fixed any of its files."""
    fixed: set[str] = set()
    answers = []
    for instance in instances:
        answers.append(not fixed & set(instance.gold_files))
        fixed.update(instance.gold_files)
    return answers


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
        p = f", p = {mean_of.p:.3f}"
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
    return spelled(difference(unchosen(kept().streams), name).pooled)


if __name__ == "__main__":
    main()
