"""The journal of a run: read line by line, and digested without holding its text.

A rollout takes 2 to 4 kB as a line, several times that as Python first makes it of JSON, and about
1.5 kB as it is kept here, so that a report of a million fits into 2 GB.
"""

from __future__ import annotations

import gc
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from heapq import merge
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from seqswe.errors import ManifestError, RunDirError
from seqswe.manifests.read import MAX_JSON, parse_json, read_lines
from seqswe.runs.compact import Pool
from seqswe.runs.rollout import Rollout

JOURNAL = "rollouts.jsonl"
DAMAGED = "Restore the journal from a copy; only the last line may be incomplete."
MOST_BYTES = 100_000_000_000
"""Of a journal. It is never held as a whole: this ends a file that is something else."""
SORTED_AT_ONCE = 20_000
"""Results that are sorted in memory; more are sorted in parts, on disk."""
JSON_ERRORS = "backslashreplace"
"""Undecodable bytes of file names and patches come out as JSON's own escapes, and back again."""

ARM = re.compile(rb'\{"arm": "([^"\\]+)"')
RESOLVED = re.compile(rb'[^\\]"resolved": (true|false)')
"""As `journal_line` writes them; within a text the quotes would be escaped."""

Check = Callable[[Rollout], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """What the journal says: the last entry of every (arm, seed, position)."""

    rollouts: tuple[Rollout, ...]
    """By arm, seed and position."""
    truncated: bool = False
    """Whether a half-written last line was dropped."""

    def results_digest(self) -> str:
        """Digest over all results, whatever the order they were made in."""
        digest, between = sha256(), b""
        for line in _sorted(_result_line(r) for r in self.rollouts if r.graded):
            digest.update(between + line[:-1])
            between = b"\n"
        return f"sha256:{digest.hexdigest()}"


def journal_line(rollout: Rollout) -> bytes:
    """A rollout as a line of the journal."""
    line = json.dumps(rollout.as_json(), sort_keys=True, ensure_ascii=False) + "\n"
    return line.encode("utf-8", JSON_ERRORS)


def read_journal(path: Path, check: Check) -> Journal:
    """Read a journal. A half-written last line is dropped and said so.

    check: raises ValueError for a rollout that cannot be in this journal. Raises RunDirError for
    damage anywhere else: results are never guessed.
    """
    if not path.exists():
        return Journal(rollouts=())
    whole, pool = True, Pool()
    cells: dict[tuple[str, int], dict[int, Rollout]] = {}
    with _without_collection():
        for line in read_lines(path, DAMAGED, file_bytes=MOST_BYTES):
            whole = line.whole
            if not whole:
                break
            try:
                data = parse_json(line.data, "rollout", DAMAGED, numbers=False)
                rollout = Rollout.from_json(data, line.data, pool)
                check(rollout)
            except (ValueError, ManifestError) as error:
                raise RunDirError(f"{line.where} is damaged: {error}"[:300], DAMAGED) from None
            cells.setdefault((rollout.arm, rollout.seed), {})[rollout.position] = rollout
        ordered = tuple(cells[cell][at] for cell in sorted(cells) for at in sorted(cells[cell]))
    return Journal(rollouts=ordered, truncated=not whole)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a look at a journal tells without reading its rollouts; repeated ones count again."""

    lines: int
    graded: Mapping[str, int]
    """By arm, in the order that they were begun."""
    resolved: Mapping[str, int]


def tally(path: Path) -> Tally:
    """Count a journal's lines, some 100 MB a second. Raises OSError where it cannot be read."""
    lines, graded, resolved = 0, Counter[str](), Counter[str]()
    with path.open("rb") as file:
        while line := file.readline(MAX_JSON):
            lines += line.endswith(b"\n")
            arm, outcome = ARM.match(line), RESOLVED.search(line)
            if arm and outcome:
                name = arm[1].decode("utf-8", "replace")
                graded[name] += 1
                resolved[name] += outcome[1] == b"true"
    return Tally(lines=lines, graded=graded, resolved=resolved)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Nothing read here refers to itself, so to look for that again and again is in vain."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _result_line(rollout: Rollout) -> bytes:
    return json.dumps(rollout.result(), sort_keys=True).encode() + b"\n"


def _sorted(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines in order, each with its newline; of many, only some are in memory at a time."""
    rest = iter(lines)
    part = sorted(islice(rest, SORTED_AT_ONCE))
    with ExitStack() as stack:
        parts: list[BinaryIO] = []
        while len(part) == SORTED_AT_ONCE:
            file = stack.enter_context(TemporaryFile())
            file.writelines(part)
            file.seek(0)
            parts.append(file)
            part = sorted(islice(rest, SORTED_AT_ONCE))
        yield from merge(*parts, part)
