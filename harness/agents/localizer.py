"""`localizer`: ranks the files an issue will touch, without model, randomness or edits.

It adds two signals: how well a file's words match the issue's (BM25 over code split into words,
Robertson & Zaragoza 2009, with the path's words counted more), and which files fixed the earlier
issues that the memory recalls, weighted by how well each matches.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from seqswe.agent import Attempt, Usage
from seqswe.errors import RolloutError
from seqswe.instance import Task
from seqswe.memory import Recall
from seqswe.sandbox import Completed, Sandbox
from seqswe.user import ASK_BUDGET, ask

WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
K1, B = 1.2, 0.75
"""BM25's usual constants."""
PATH_WEIGHT = 20
"""Words of the text that one word of the path is worth."""
UNSURE = 0.8
"""Share of the best file's score from which on the second one makes it ask, where it can: first the
type of the error, which joins the query, then the file. A guess, made before any run."""
SHOWN = 20
"""Files in the ranking that is reported."""


class Localizer:
    """Ranks files; `memory_weight` says how much the recalled files count beside the code."""

    coupled = True

    def __init__(self, *, seed: int, memory_weight: float = 1.0, suffix: str = ".py") -> None:
        del seed  # Nothing is drawn: equal inputs give equal rankings.
        self.memory_weight = memory_weight
        self.suffix = suffix

    def solve(self, task: Task, recall: Recall, sandbox: Sandbox) -> Attempt:
        """Rank the source files of the checkout."""
        files = self._files(sandbox)
        query = Counter(words(task.problem_statement))
        scores = self._scores(normalised(bm25(query, files)), recall, files)
        if ASK_BUDGET in recall.env and _unsure(scores):
            if error := ask(sandbox, "error-type"):
                more = query + Counter(words(error))
                scores = self._scores(normalised(bm25(more, files)), recall, files)
            if _unsure(scores) and (told := ask(sandbox, "file")):
                scores[told] = max(scores.values(), default=0.0) + 1.0
        return Attempt(
            ranking=_ranked(scores),
            usage=Usage(steps=1),
            message=f"ranked {len(files)} files with {len(recall.items)} memories",
        )

    def ranking(
        self, by_words: Mapping[str, float], recall: Recall, files: Iterable[str]
    ) -> tuple[str, ...]:
        """Rank by the words of files, scores of at most 1, and by what was recalled."""
        return _ranked(self._scores(by_words, recall, files))

    def _scores(
        self, by_words: Mapping[str, float], recall: Recall, files: Iterable[str]
    ) -> dict[str, float]:
        scores = dict(by_words)
        for path, weight in normalised(votes(recall, files)).items():
            scores[path] = scores.get(path, 0.0) + self.memory_weight * weight
        return scores

    def _files(self, sandbox: Sandbox) -> Mapping[str, Mapping[str, int]]:
        """Count the words of the source files of the checkout, by path."""
        listing = _output(sandbox, "git ls-tree -r -z HEAD")
        blobs = {}
        for line in listing.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            meta, _, path = line.partition("\t")
            if path.endswith(self.suffix) and not is_test(path):
                blobs[path] = meta.split(" ")[2]
        if not blobs:
            return {}
        counts = _counts(sandbox, sorted(set(blobs.values())))
        return {path: counts[blob] for path, blob in blobs.items()}


def _ranked(scores: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(sorted(scores, key=lambda path: (-scores[path], path))[:SHOWN])


def _unsure(scores: Mapping[str, float]) -> bool:
    """Whether the second file comes near the first one."""
    first, second = (*sorted(scores.values(), reverse=True), 0.0, 0.0)[:2]
    return second >= UNSURE * first


def is_test(path: str) -> bool:
    """Whether a path looks like a test, which no issue asks to change."""
    name = path.rsplit("/", 1)[-1]
    return "tests/" in f"/{path}" or name.startswith("test_") or name == "conftest.py"


def words(text: str) -> Iterable[str]:
    """Yield lower-case words; identifiers whole, and split at underscores and humps."""
    for match in WORD.finditer(text.replace("_", " ")):
        word = match.group()
        pieces = _pieces(word)
        yield from pieces
        if len(pieces) > 1:
            yield word.lower()


def count_words(text: str) -> Counter[str]:
    """Count what `words` yields, by splitting each word but once."""
    counts: Counter[str] = Counter()
    for word, count in Counter(WORD.findall(text.replace("_", " "))).items():
        pieces = _pieces(word)
        for piece in pieces:
            counts[piece] += count
        if len(pieces) > 1:
            counts[word.lower()] += count
    return counts


@lru_cache(maxsize=200_000)
def _pieces(word: str) -> tuple[str, ...]:
    return tuple(piece.lower() for piece in CAMEL.findall(word) if len(piece) > 1)


def bm25(query: Mapping[str, int], files: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
    """Return the BM25 score of every file that shares a word with the query."""
    lengths = {path: sum(counts.values()) for path, counts in files.items()}
    mean = sum(lengths.values()) / max(1, len(lengths)) or 1.0
    paths = {path: Counter(words(path)) for path in files}
    scores: dict[str, float] = {}
    for word in query:
        occurrences = {
            path: counts.get(word, 0) + PATH_WEIGHT * paths[path].get(word, 0)
            for path, counts in files.items()
        }
        occurrences = {path: count for path, count in occurrences.items() if count}
        idf = math.log(1 + (len(files) - len(occurrences) + 0.5) / (len(occurrences) + 0.5))
        for path, count in occurrences.items():
            norm = K1 * (1 - B + B * lengths[path] / mean)
            scores[path] = scores.get(path, 0.0) + idf * count * (K1 + 1) / (count + norm)
    return scores


def votes(recall: Recall, files: Iterable[str]) -> dict[str, float]:
    """Sum recalled scores by file; an item that names many files gives each a smaller part.

    Files that no longer exist are dropped, moved ones too.
    """
    present = set(files)
    totals: dict[str, float] = {}
    for item in recall.items:
        for path in item.files:
            if path in present:
                totals[path] = totals.get(path, 0.0) + item.score / len(item.files)
    return totals


def normalised(scores: Mapping[str, float]) -> dict[str, float]:
    """Divide scores by the largest, so that two signals can be added."""
    top = max(scores.values(), default=0.0)
    return {path: score / top for path, score in scores.items()} if top > 0 else {}


def _output(sandbox: Sandbox, command: str) -> bytes:
    done = sandbox.run(command)
    if not done.ok or done.truncated:
        raise _failed(command, done)
    return done.stdout


def _counts(sandbox: Sandbox, blobs: Sequence[str]) -> dict[str, Mapping[str, int]]:
    """Count the words of files by their ids, in as many calls as the sandbox's bound takes.

    Of a file that alone has more, what is read of it counts.
    """
    # Reading every file is no step that a memory could learn from.
    run = getattr(sandbox, "aside", sandbox.run)
    done = run("git cat-file --batch", stdin="\n".join(blobs).encode() + b"\n")
    if done.truncated and len(blobs) > 1:
        half = len(blobs) // 2
        return _counts(sandbox, blobs[:half]) | _counts(sandbox, blobs[half:])
    if not (done.ok or done.truncated):
        raise _failed("git cat-file", done)
    return _parse_batch(done.stdout)


def _failed(command: str, done: Completed) -> RolloutError:
    return RolloutError("sandbox_failed", f"{command}: {done.stderr[-200:]!r}")


def _parse_batch(data: bytes) -> dict[str, Mapping[str, int]]:
    counts: dict[str, Mapping[str, int]] = {}
    at = 0
    while at < len(data):
        end = data.index(b"\n", at)
        blob, _, size = data[at:end].decode().split(" ")
        text = data[end + 1 : end + 1 + int(size)].decode("utf-8", "replace")
        counts[blob] = count_words(text)
        at = end + 1 + int(size) + 1
    return counts
