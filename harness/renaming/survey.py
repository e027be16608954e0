"""Which names of a codebase may change, and why others may not, over all files of a history."""

from __future__ import annotations

import builtins
import keyword
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from harness.renaming.names import BINARY
from harness.renaming.pseudonyms import PART, SHORTEST_PART
from harness.renaming.source import TEXT_WORD, PythonFile, read_python, words_of

PROSE = (".md", ".rst")
"""Documents: they speak of names, and get the new ones."""
OF_TESTS = re.compile(r"test|Test|pytest_")
"""pytest finds them by their names."""
BUILT_IN = frozenset(
    {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "self", "cls"}
    | {name for thing in vars(builtins).values() for name in dir(thing)}
)
DISTINCT = re.compile(r".[_A-Z0-9]")
"""What tells a name from a word of English: `parse_date`, `DateParser`, but not `parse`."""
SHORTEST = 3
SHORTEST_PIECE = 3
"""Characters of a string that may be a piece of a name, such as `_id`."""


@dataclass(kw_only=True)
class Survey:
    """What was seen in the files of a codebase."""

    seen: PythonFile = field(default_factory=PythonFile)
    """All files of the source and the tests together; only the source defines."""
    fixed: set[str] = field(default_factory=set)
    """Words of data, of configuration, of paths and of files that cannot be parsed."""
    words: set[str] = field(default_factory=set)
    """Every word of every file."""
    unparsed: int = 0
    """Python files that cannot be parsed: they stay as they are."""

    def add(self, path: str, data: bytes, own: Collection[str], *, source: bool) -> None:
        """Take one file. `own`: the codebase's packages; `source`: whether its names count."""
        self.fixed.update(TEXT_WORD.findall(path))
        if b"\0" in data[:BINARY]:
            return
        text = data.decode("utf-8", "replace")
        self.words.update(TEXT_WORD.findall(text))
        if path.endswith(PROSE):
            self.seen.prose.update(TEXT_WORD.findall(text))
        elif path.endswith((".py", ".pyi")):
            self._add_python(text, own, source=source)
        else:
            self.fixed.update(words_of(text))

    def add_prose(self, text: str) -> None:
        """Take a text that people wrote: a message, an issue."""
        words = TEXT_WORD.findall(text)
        self.words.update(words)
        self.seen.prose.update(words)

    def _add_python(self, text: str, own: Collection[str], *, source: bool) -> None:
        found = read_python(text, own)
        if found is None:
            self.unparsed += 1
            self.fixed.update(words_of(text))
            return
        if source:
            self.seen.defined.update(found.defined)
            self.seen.uses.update(found.uses)
        for name in ("public", "strings", "prose", "foreign"):
            getattr(self.seen, name).update(getattr(found, name))

    def defined(self) -> list[str]:
        """Names that the source defines, but for those that Python gives a meaning."""
        return sorted(n for n in self.seen.defined if not n.startswith("__") and n not in BUILT_IN)

    def sorted_out(self) -> dict[str, str]:
        """Each name that the source defines → why it stays; "" if it may change."""
        rules = list(self._rules())
        return {
            name: next((why for why, holds in rules if holds(name)), "") for name in self.defined()
        }

    def _rules(self) -> Iterator[tuple[str, Callable[[str], bool]]]:
        seen = self.seen
        told = {word.lower() for word in seen.prose}
        spoken = _Spoken([*seen.strings, *self.fixed], seen.defined)
        yield "too short", _is_short
        yield "found by pytest", lambda name: bool(OF_TESTS.match(name))
        yield "in __all__", seen.public.__contains__
        yield "of another package", seen.foreign.__contains__
        yield "in a string", seen.strings.__contains__
        yield "in data, configuration or a path", self.fixed.__contains__
        yield "put together from strings", spoken.__contains__
        yield "a word of the texts", lambda n: not DISTINCT.search(n) and n.lower() in told

    def share_of_uses(self, names: Collection[str]) -> float:
        """Share of the uses of defined names that are uses of `names`."""
        total = sum(self.seen.uses[name] for name in self.defined())
        return sum(self.seen.uses[name] for name in names) / total if total else 0.0


def _is_short(name: str) -> bool:
    parts = PART.findall(name) if name.isascii() else []
    return len(name) < SHORTEST or max(map(len, parts), default=0) < SHORTEST_PART


class _Spoken:
    """Names that strings make at run time: in another case, or with a piece before or behind."""

    def __init__(self, words: Collection[str], defined: Iterable[str]) -> None:
        pieces = {w for w in words if len(w) >= SHORTEST_PIECE and w.strip("_")}
        self._before = tuple(w for w in pieces if w.endswith("_"))
        self._behind = tuple(w for w in pieces if w.startswith("_"))
        self._plain = set(map(_plain, words))
        self._made = set(filter(self._is_made, defined))
        # `visit_` + `node`: what is put in is a name as well, in whatever case.
        stems = {s for name in self._made for s in self._stems(name)}
        self._plain.update(map(_plain, stems))

    def __contains__(self, name: str) -> bool:
        return name in self._made or _plain(name) in self._plain

    def _is_made(self, name: str) -> bool:
        return name.startswith(self._before) or name.endswith(self._behind)

    def _stems(self, name: str) -> Iterator[str]:
        yield from (name.removeprefix(p) for p in self._before if name.startswith(p))
        yield from (name.removesuffix(p) for p in self._behind if name.endswith(p))


def _plain(word: str) -> str:
    return word.replace("_", "").lower()


def reasons(sorted_out: dict[str, str]) -> Counter[str]:
    """How many names stay, by reason."""
    return Counter(why for why in sorted_out.values() if why)
