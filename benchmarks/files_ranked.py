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
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import click

from benchmarks.ranked_tables import CHOSEN, MEMORIES, NEW, TABLES, Ranked, by_codebase, means
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
from seqswe.analysis.streams import streams_of_runs
from seqswe.instance import Instance, Task
from seqswe.manifests import manifest_files as manifests
from seqswe.memory import Commit, Memory, Services, build_memory
from seqswe.runs.store import RunDirectory

CODEBASES = ("click", "humanize", "jinja", "ledgerlite", "sqlparse", "wtforms", *CHOSEN)
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


if __name__ == "__main__":
    main()
