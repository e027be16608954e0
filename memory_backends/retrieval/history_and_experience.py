"""`history_and_experience`: files ranked by the log, by earlier tasks, and by their module.

Three sources, one ranking. A change, of the log or of an earlier task, speaks for the files that
it touched as far as its words are the issue's: with the square of its BM25, so that one good match
outweighs many poor ones, and √n less for each of n files. Files beside those that changes speak
for, in the same directory, get a part. The weights were chosen on early fixes of sqlglot and on
tinydb, and fixed; docs/memories.md shows what each part does where nothing was chosen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from pathlib import Path
from posixpath import basename, dirname
from typing import ClassVar

from memory_backends.retrieval.episodic import Episodic
from memory_backends.shared.git_log import LIMIT, MOST_FILES, alike, focused
from memory_backends.shared.records import DEFAULT_K, MAX_BYTES, at_least
from memory_backends.shared.text import clean, first_lines
from seqswe.errors import UsageError
from seqswe.instance import Task
from seqswe.memory import Commit, Recall, Recalled, Services

Scores = Mapping[str, float]
"""By path."""
SHOWN = 3
"""Changes that are named with a file, the most alike ones."""
TITLE = 100
"""Characters shown of a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A commit or an earlier task: which files it touched, and how much like the issue it is."""

    origin: str
    title: str
    files: tuple[str, ...]
    score: float


class HistoryAndExperience(Episodic):
    """Recalls the k best files with the changes that speak for them, and agents' own notes.

    k: changes asked of the log, and of earlier tasks, and files recalled. experience, module:
    weights of earlier tasks and of the directory, where the log's is 1. limit: commits looked at;
    most_files: commits that touch more are left out. suffix: of the files that are ranked.
    """

    needs: ClassVar[tuple[str, ...]] = ("history",)

    def __init__(
        self,
        home: Path,
        *,
        services: Services,
        k: int = DEFAULT_K,
        max_bytes: int = MAX_BYTES,
        max_stored_bytes: int | None = None,
        experience: float = 0.5,
        module: float = 0.5,
        limit: int = LIMIT,
        most_files: int = MOST_FILES,
        suffix: str = ".py",
    ) -> None:
        super().__init__(home, k=k, max_bytes=max_bytes, max_stored_bytes=max_stored_bytes)
        at_least(limit=(limit, 0), most_files=(most_files, 1))
        check_weights(experience=experience, module=module)
        if services.history is None:
            raise UsageError(
                "memory 'history_and_experience' needs a log", "Run it through the harness."
            )
        self.experience, self.module = experience, module
        self.limit, self.most_files, self.suffix = limit, most_files, suffix
        self._history = services.history

    def recall(self, task: Task) -> Recall:
        """Recall files, best first, then notes; scores are at most the sum of the weights."""
        log = focused(self._history(task), self.limit, self.most_files)
        commits = [commit for commit in log if self.source(commit.files)]
        past, alike_records = self.past(commits, task), self.rank(task)
        own = [self._of_record(*found) for found in alike_records]
        scores = self.blend(past, own, commits)
        ranked = sorted(scores, key=lambda path: (-scores[path], path))[: self.k]
        files = [self._item(path, scores[path], [*past, *own]) for path in ranked]
        return self.within([*files, *self._notes(alike_records)])

    def past(self, commits: Sequence[Commit], task: Task) -> Sequence[Change]:
        """Return the k commits that are most like the issue."""
        return [self._of_commit(*found) for found in alike(commits, task.problem_statement, self.k)]

    def blend(
        self, past: Sequence[Change], own: Sequence[Change], commits: Sequence[Commit]
    ) -> Scores:
        """Score files by the changes of the log, by own ones, and by their directory."""
        changed = weighted((1.0, votes(past)), (self.experience, votes(own)))
        known = {path for commit in commits for path in self.source(commit.files)}
        return weighted((1.0, changed), (self.module, beside(changed, known)))

    def source(self, files: Iterable[str]) -> tuple[str, ...]:
        """Return the files among some that are ranked."""
        return tuple(clean(f) for f in files if f.endswith(self.suffix) and not is_test(f))

    def _of_commit(self, commit: Commit, score: float) -> Change:
        title = first_lines(clean(commit.message), TITLE)
        return Change(
            origin=f"history:{commit.sha}",
            title=f"commit {commit.sha[:10]} of {commit.created_at:%Y-%m-%d}: {title}",
            files=self.source(commit.files),
            score=score,
        )

    def _of_record(self, number: int, score: float) -> Change:
        record = self.records[number]
        return Change(
            origin=record.instance_id,
            title=f"earlier issue {record.instance_id}: {first_lines(record.statement, TITLE)}",
            files=self.source(record.files),
            score=score,
        )

    def _notes(self, ranked: Sequence[tuple[int, float]]) -> Iterator[Recalled]:
        """What agents left for their successors, with the earlier tasks that it belongs to."""
        for number, score in ranked:
            record = self.records[number]
            if record.notes:
                yield Recalled(
                    text=record.text(),
                    score=round(self.experience * score / ranked[0][1], 6),
                    origins=(record.instance_id,),
                    notes=record.notes,
                )

    def _item(self, path: str, score: float, changes: Sequence[Change]) -> Recalled:
        """A file with the changes that touched it, else those that touched files beside it."""
        ranked = sorted(changes, key=lambda change: -change.score)
        touched = [c for c in ranked if path in c.files]
        near = [c for c in ranked if dirname(path) in map(dirname, c.files)]
        why, shown = ("changed by", touched) if touched else ("beside what was changed by", near)
        return Recalled(
            # "File" keeps a path apart from the item before it, whose end might complete a line.
            text="\n".join([f"File {path}, {why}:", *(f"  {c.title}" for c in shown[:SHOWN])]),
            score=round(score, 6),
            origins=tuple(change.origin for change in shown),
            files=(path,),
        )


def votes(changes: Iterable[Change]) -> Scores:
    """Sum squared scores by file; a change of n files gives each a part of 1/√n."""
    sums: dict[str, float] = defaultdict(float)
    for change in changes:
        for path in change.files:
            sums[path] += change.score**2 / sqrt(len(change.files))
    return sums


def beside(scores: Scores, known: Iterable[str]) -> Scores:
    """Give each file of a directory the sum of the scores in it."""
    sums: dict[str, float] = defaultdict(float)
    for path, score in scores.items():
        sums[dirname(path)] += score
    return {path: sums[dirname(path)] for path in {*known, *scores} if dirname(path) in sums}


def weighted(*parts: tuple[float, Scores]) -> Scores:
    """Add scores by weight, each divided by its largest, so that weights are comparable."""
    sums: dict[str, float] = defaultdict(float)
    for weight, scores in parts:
        top = max(scores.values(), default=0.0)
        for path, score in scores.items():
            if weight and top:
                sums[path] += weight * score / top
    return sums


def is_test(path: str) -> bool:
    """Whether a path looks like a test, in which no fault is looked for."""
    name = basename(path)
    return "tests/" in f"/{path}" or name.startswith("test_") or name == "conftest.py"


def check_weights(**weights: float) -> None:
    """Raise UsageError for a weight that is not a finite number of at least 0."""
    for name, value in weights.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and isfinite(value) and value >= 0):
            raise UsageError(
                f"memory option {name} must be a number of at least 0, not {value!r}",
                f"For example --memory-option {name}=0.5.",
            )
