"""New names: every part of a name (`parse` in `parse_date`) becomes one invented word.

The same part becomes the same word in every name, so names that were alike stay alike. Case,
underscores and digits stay where they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from hashlib import sha256

from harness.renaming.names import Names

PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"
SHORTEST_PART = 3
"""Letters of a part that is replaced: shorter ones (`is`, `to`, `x`) say nothing."""
SHORTEST_WORD = 4
"""Letters of an invented word: many words of three letters mean something."""
TRIES = 20
"""Words tried before one letter more is taken."""


def pseudonyms(names: Iterable[str], taken: Iterable[str], seed: int) -> Names:
    """Invent new names. The same names, words and seed give the same mapping.

    taken: every word of the codebase; no invented word is a part of one.
    """
    chosen = sorted(names)
    used = {part.lower() for word in taken for part in PART.findall(word)}
    words: dict[str, str] = {}
    for part in sorted({p.lower() for name in chosen for p in PART.findall(name)}):
        if len(part) >= SHORTEST_PART:
            words[part] = _invented(part, used, seed)
            used.add(words[part])
    new = {name: PART.sub(lambda p: _like(p[0], words), name) for name in chosen}
    return Names({old: name for old, name in new.items() if name != old})


def _invented(part: str, used: Collection[str], seed: int) -> str:
    attempt = 0
    while True:
        length = max(len(part), SHORTEST_WORD) + attempt // TRIES
        digits = sha256(f"{seed}:{part}:{attempt}".encode()).digest()
        letters = (CONSONANTS, VOWELS)
        word = "".join(
            letters[i % 2][digits[i % len(digits)] % len(letters[i % 2])] for i in range(length)
        )
        if word not in used:
            return word
        attempt += 1


def _like(part: str, words: dict[str, str]) -> str:
    """The word for a part, in the case that the part has."""
    word = words.get(part.lower(), part)
    if word is part:
        return part
    return word.upper() if part.isupper() else word.title() if part[0].isupper() else word
