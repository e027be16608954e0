"""What statements are worth to `localizer`, in this process: no sandbox, the same rankings.

    python -m benchmarks.statements sqlglot --mirror DIR --memory episodic --memory popularity

Each task's files are read from the clone at its base commit and ranked without a memory and with
one that was told of every earlier fix (feedback `gold`). `message` is the fix's message but for its
trailers, as statements were once: the difference to `full` is what tags, numbers and lists of
commits told. One line for each kind of statement and each memory: reciprocal rank without, with,
and their difference with a 95 % interval over tasks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import click
import numpy as np
from scipy import stats

from harness.agents.localizer import (
    Localizer,
    bm25,
    count_words,
    is_test,
    normalised,
    words,
)
from harness.codebases.instances import instances_of
from harness.codebases.locate import clone_of
from harness.codebases.statements.issues import load_issues
from harness.codebases.statements.rules import TRAILER
from harness.history.git import Clone
from harness.history.log import log
from harness.history.objects import Objects
from seqswe.instance import Instance, Task
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import Manifest
from seqswe.manifests.selection import Selection, StatementKind
from seqswe.memory import Commit, Experience, Memory, Recall, Services, build_memory

MESSAGE = "message"
KINDS = (MESSAGE, "full", "title", "symptom")


class Ranker(Localizer):
    """A localizer that reads the files of a clone; a file is split into words but once."""

    def __init__(self, clone: Clone, objects: Objects) -> None:
        super().__init__(seed=0)
        self._clone, self._objects = clone, objects
        self._counts: dict[str, Mapping[str, int]] = {}

    def by_words(self, task: Task) -> tuple[Mapping[str, float], Collection[str]]:
        """Score files of a task's base commit by their words; also all files that are ranked."""
        listing = self._clone.run("ls-tree", "-r", "-z", "--end-of-options", task.base_commit)
        entries = (line.partition("\t") for line in listing.split("\0")[:-1])
        files = {
            path: self._words(meta.split(" ")[2])
            for meta, _, path in entries
            if path.endswith(self.suffix) and not is_test(path)
        }
        return normalised(bm25(Counter(words(task.problem_statement)), files)), files.keys()

    def _words(self, blob: str) -> Mapping[str, int]:
        if blob not in self._counts:
            text = (self._objects.read(blob) or b"").decode("utf-8", "replace")
            self._counts[blob] = count_words(text)
        return self._counts[blob]


def told_by(clone: Clone, manifest: Manifest, kind: str, issues: str) -> Sequence[Instance]:
    """The instances of a codebase, told by one kind of statement."""
    known = load_issues(issues)
    if kind != MESSAGE:
        statement = cast(StatementKind, kind)
        chosen = Selection(statement=statement).of(manifest)
        return instances_of(clone, chosen, chosen.instances, known, statement)
    made = instances_of(clone, manifest, manifest.instances, known)
    gold = {r.instance_id: r.gold_commit for r in manifest.instances}
    return [
        replace(each, problem_statement=message_of(clone, gold[each.instance_id])) for each in made
    ]


def message_of(clone: Clone, commit: str) -> str:
    """A commit's message without its trailers."""
    lines = clone.run("log", "-1", "--format=%B", "--end-of-options", commit, "--").splitlines()
    return "\n".join(line for line in lines if not TRAILER.match(line)).strip() + "\n"


def ranks(ranker: Ranker, instances: Sequence[Instance], memory: Memory | None) -> Iterator[float]:
    """Reciprocal rank of the first gold file, task by task."""
    for position, instance in enumerate(instances):
        task = instance.task(position)
        recall = memory.recall(task) if memory else Recall()
        by_words, files = ranker.by_words(task)
        ranking = ranker.ranking(by_words, recall, files)
        yield reciprocal_rank(ranking, instance)
        if memory:
            memory.record(experience_of(task, instance, ranking))


def reciprocal_rank(ranking: Sequence[str], instance: Instance) -> float:
    """1 / the place of the first gold file, 0 if there is none."""
    found = [n for n, path in enumerate(ranking, 1) if path in instance.gold_files]
    return 1 / found[0] if found else 0.0


def experience_of(task: Task, instance: Instance, ranking: Sequence[str]) -> Experience:
    """What a memory is told of a task under feedback `gold`: `localizer` resolves none."""
    return Experience(
        task=task,
        resolved=False,
        gold_patch=instance.patch,
        gold_files=instance.gold_files,
        ranking=tuple(ranking),
    )


def line(kind: str, name: str, without: Sequence[float], learned: Sequence[float]) -> str:
    """A row of the table."""
    lift = np.asarray(learned) - np.asarray(without)
    half = float(stats.t.ppf(0.975, len(lift) - 1) * lift.std(ddof=1) / len(lift) ** 0.5)
    mean = float(lift.mean())
    return (
        f"| {kind} | {name} | {len(lift)} | {np.mean(without):.3f} | {np.mean(learned):.3f} "
        f"| {mean:+.3f} ({mean - half:+.3f} to {mean + half:+.3f}) |"
    )


@click.command()
@click.argument("codebase")
@click.option("--mirror", default="")
@click.option("--issues", default="")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), default=KINDS[:3])
@click.option("--memory", "memories", multiple=True, default=("episodic", "popularity"))
@click.option("--limit", default=0)
def main(
    codebase: str,
    mirror: str,
    issues: str,
    kinds: Sequence[str],
    memories: Sequence[str],
    limit: int,
) -> None:
    """Print a table of reciprocal ranks for each kind of statement and each memory."""
    manifest = manifests.load(codebase)
    manifest = replace(manifest, instances=manifest.instances[: limit or None])
    clone = clone_of(manifest, mirror)

    def history(task: Task) -> Iterator[Commit]:
        yield from log(clone, task.base_commit)

    click.echo("| statement | memory | tasks | without | with | lift (95 % interval) |")
    click.echo("|---|---|---|---|---|---|")
    with Objects(clone) as objects:
        ranker = Ranker(clone, objects)
        for kind in kinds:
            instances = told_by(clone, manifest, kind, issues)
            without = list(ranks(ranker, instances, None))
            for name in memories:
                with TemporaryDirectory() as home:
                    memory = build_memory(name, Path(home), Services(history=history))
                    click.echo(line(kind, name, without, list(ranks(ranker, instances, memory))))


if __name__ == "__main__":
    main()
