"""How much of the fix a statement gives away: paths, identifiers and lines of the gold patch."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.codebases.statements.clean import title_of
from harness.grading.patch import parts

WORD = re.compile(r"[A-Za-z_]\w*")
SHORTEST_NAME = 4
"""Characters of an identifier, or of a module's name, that tells anything."""
SHORTEST_LINE = 12
"""Characters of a line that is looked for as a whole."""
COMMON = frozenset({*keyword.kwlist, *dir(builtins), "self", "args", "kwargs", "value", "name"})
VAGUE = 0.5
"""What a module's bare name counts, which may be a word by chance; its path counts 1."""
MOST_NAMES, MOST_LINES = 2_000, 2_000
"""Of a patch that are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """What of a patch is in a statement: the shares that are there, and examples."""

    paths: float
    """Share of the changed files that are named, by their path, their file or module."""
    identifiers: float
    """Share of the identifiers in changed lines that stand in the text."""
    lines: float
    """Share of the added lines that stand in the text as they are."""
    found: tuple[str, ...] = ()
    """Paths, identifiers and lines that were found, the most telling first."""

    @property
    def score(self) -> float:
        """From 0 (nothing of the fix) to 1 (all files, all identifiers, or all lines of it)."""
        return round(1 - (1 - self.paths) * (1 - self.identifiers) * (1 - self.lines), 3)


def leak(statement: str, patch: str) -> Leak:
    """Measure what a statement gives away of the patch that solves its task."""
    # Entries of a changelog are in the patch as well, and may be the statement itself.
    sections = [part for part in parts(patch) if part.paths[-1].endswith(".py")]
    files = sorted({path for part in sections for path in part.paths})
    changed = [line for part in sections for line in _changed(part.text)]
    added = list(dict.fromkeys(line[1:].strip() for line in changed if line.startswith("+")))
    lines = [line for line in added if len(line) >= SHORTEST_LINE][:MOST_LINES]
    names = list(dict.fromkeys(_names(line[1:] for line in changed)))[:MOST_NAMES]
    words = set(WORD.findall(statement))
    there = {path: _named(path, statement, words) for path in files}
    shown = [line for line in lines if line in statement]
    known = [name for name in names if name in words]
    return Leak(
        paths=_share(sum(there.values()), len(files)),
        identifiers=_share(len(known), len(names)),
        lines=_share(len(shown), len(lines)),
        found=(*(path for path, named in there.items() if named), *shown, *known),
    )


def leaks_of(statement: str, patch: str) -> dict[str, float]:
    """The scores of a statement and of its title."""
    texts = {"full": statement, "title": title_of(statement)}
    return {kind: leak(text, patch).score for kind, text in texts.items()}


def _share(part: float, whole: int) -> float:
    return part / whole if whole else 0.0


def _changed(section: str) -> list[str]:
    _, _, hunks = section.partition("\n@@")
    return [line for line in hunks.split("\n") if line.startswith(("+", "-"))]


def _names(lines: Iterable[str]) -> list[str]:
    """Identifiers of changed lines, without keywords, builtins and short ones."""
    names = (name for line in lines for name in WORD.findall(line.partition("#")[0]))
    return [name for name in names if len(name) >= SHORTEST_NAME and name not in COMMON]


def _named(path: str, statement: str, words: set[str]) -> float:
    """How clearly a file is named: 1 by its path, file or dotted module, less by a bare word."""
    file = PurePosixPath(path)
    stem = file.parent.name if file.stem == "__init__" else file.stem
    dotted = f"{file.parent.name}.{stem}" if file.parent.name else ""
    if path in statement or file.name in statement or (dotted and dotted in statement):
        return 1.0
    vague = len(stem) >= SHORTEST_NAME and stem.lower() in {word.lower() for word in words}
    return VAGUE if vague else 0.0
