"""Finds which of many secrets a text holds: plainly, reversed, mirrored, or with letters shifted.

Both searches hash every window of GRAM values of a text and look the hashes up, so their time
does not grow with the number of secrets. The plain search reads characters. The other one reads the
distance from each letter to the next, modulo 26: it is the same however far the alphabet was
shifted (rot13 and all other Caesar ciphers), changes its sign in a mirrored alphabet (atbash) and
in a reversed text, and does not see capitals, separators or quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from string import ascii_lowercase

import numpy as np
from numpy.typing import NDArray

from harness.memory.decoding import Joined
from harness.memory.effort import Effort
from harness.memory.secret import LEAST_NAME, NAME, NO_LETTER, WORD, Secret, folded, unspaced

GRAM = 16
"""Values of one window; a power of two."""
BITS = 20
"""Of a hash that are looked up in a table first: hardly any window of a text passes it."""
FACTOR = 0x9E3779B97F4A7C15
WRAP = (1 << 64) - 1
ALPHABET = len(ascii_lowercase)

LONG = re.compile(rf"[\w.-]{{{LEAST_NAME},}}")
"""What may hold a name."""

Numbers = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Cipher:
    """What may have been done to a text, character by character, beside a shift of letters."""

    reverse: bool = False
    mirror: bool = False


AS_IT_IS = Cipher()


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose window it is, and where it would stand in a text that holds all of the secret."""

    secret: Secret
    cipher: Cipher = AS_IT_IS
    first: int = 0
    """The window's first letter, not shifted."""
    offset: int = 0
    """Numbers of the secret before the window."""
    steps: Numbers | None = None
    """All distances of the secret's letters."""

    def stands_in(self, steps: Numbers, at: int) -> bool:
        """Whether a text's distances are the secret's, with the window at `at`."""
        assert self.steps is not None
        start = at - self.offset
        there = steps[max(0, start) : start + len(self.steps)]
        return np.array_equal(there, self.steps)


CIPHERS = tuple(Cipher(reverse, mirror) for reverse in (False, True) for mirror in (False, True))


class SecretIndex:
    """An index of secrets. Safe to search from several threads."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._names: dict[str, list[Secret]] = {}
        characters: list[tuple[Numbers, Owner]] = []
        steps: list[tuple[Numbers, Owner]] = []
        for secret in secrets:
            if secret.is_name:
                for form in _forms_of_name(secret.plain):
                    self._names.setdefault(form, []).append(secret)
                continue
            # The end tells more: ids of tests begin with the same folders.
            characters.append((code_points(secret.plain[-GRAM:]), Owner(secret)))
            letters = letters_of(secret.plain)
            for cipher in CIPHERS if len(letters) > GRAM else ():
                offset = 0 if cipher.reverse else len(letters) - GRAM - 1
                there = _ciphered(letters, cipher)
                whole, first = distances(there), int(there[offset])
                owner = Owner(secret, cipher, first, offset, whole)
                steps.append((whole[offset : offset + GRAM], owner))
        self._plain, self._letters = Grams(characters), Grams(steps)

    def find(self, text: str, effort: Effort | None = None) -> Iterator[Secret]:
        """The secrets that a text holds, each once. Raises what `effort.check` raises."""
        effort = effort or Effort()
        found: dict[int, Secret] = {}
        view = _View(folded(text))
        looked_for = set()  # once each: a window may stand in a text a million times
        for _, owner in self._plain.hits(code_points(view.plain)):
            if id(owner) in looked_for:
                continue
            looked_for.add(id(owner))
            effort.check()
            if owner.secret.plain in view.plain:
                found[id(owner.secret)] = owner.secret
        letters = letters_of(view.text)
        steps = distances(letters)
        deciphered = set()
        for at, owner in self._letters.hits(steps):
            secret = owner.secret
            effort.check()
            if id(secret) not in found and owner.stands_in(steps, at):
                shift = (int(letters[at]) - owner.first) % ALPHABET
                if isinstance(text, Joined) and not shift and owner.cipher == AS_IT_IS:
                    continue  # without its signs, across a seam: what `Joined` says
                if (id(owner), shift) in deciphered:
                    continue
                deciphered.add((id(owner), shift))
                if secret.squeezed in view.deciphered(owner.cipher, shift):
                    found[id(secret)] = secret
        # As it is written, too: what looks like an escape may be the start of a name.
        for form in {text.lower(), view.text}:
            for name in _words(form) & self._names.keys():
                found |= {id(secret): secret for secret in self._names[name]}
        yield from found.values()


class _View:
    """A folded text in the forms that secrets are compared with, each made when it is needed."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._deciphered: dict[tuple[Cipher, int], str] = {}
        """The last one alone: all of them would be a hundred times the text."""

    @cached_property
    def plain(self) -> str:
        return unspaced(self.text)

    @cached_property
    def squeezed(self) -> str:
        return NO_LETTER.sub("", self.text)

    def deciphered(self, cipher: Cipher, shift: int) -> str:
        """Letters and digits, read back as if `cipher` and then `shift` had been applied."""
        if (cipher, shift) not in self._deciphered:
            self._deciphered.clear()
            shifted = ascii_lowercase[shift:] + ascii_lowercase[:shift]
            alphabet = ascii_lowercase[::-1] if cipher.mirror else ascii_lowercase
            text = self.squeezed
            if shifted != alphabet:
                text = text.translate(str.maketrans(shifted, alphabet))
            self._deciphered[cipher, shift] = text[::-1] if cipher.reverse else text
        return self._deciphered[cipher, shift]


class Grams:
    """Windows of GRAM numbers by their hash, and what each belongs to."""

    def __init__(self, windows: Sequence[tuple[Numbers, Owner]]) -> None:
        self._owners: dict[int, list[Owner]] = {}
        self._table = np.zeros(1 << BITS, dtype=bool)
        if windows:
            found = hashes(np.stack([gram for gram, _ in windows]))[:, 0]
            self._table[found >> np.uint64(64 - BITS)] = True
            for number, (_, owner) in zip(found.tolist(), windows, strict=True):
                self._owners.setdefault(number, []).append(owner)

    def hits(self, numbers: Numbers) -> Iterator[tuple[int, Owner]]:
        """Where a known window stands, and what it belongs to; a few are there by chance."""
        found = hashes(numbers)
        for at in np.flatnonzero(self._table[found >> np.uint64(64 - BITS)]):
            for owner in self._owners.get(int(found[at]), ()):
                yield int(at), owner


def hashes(numbers: Numbers) -> Numbers:
    """A hash of each window of GRAM numbers of the last axis (Karp and Rabin 1987).

    Windows are doubled, so four products make one of 16.
    """
    found = numbers * np.uint64(FACTOR)
    size, factor = 1, FACTOR
    while size < GRAM:
        found = found[..., :-size] * np.uint64(factor) + found[..., size:]
        size, factor = 2 * size, factor * factor & WRAP
    # The upper bits of a product depend on all bits below them.
    return (found ^ (found >> np.uint64(29))) * np.uint64(FACTOR)


def code_points(text: str) -> Numbers:
    """The characters of a text as numbers."""
    data = text.encode("utf-32-le", "surrogatepass")
    return np.frombuffer(data, dtype="<u4").astype(np.uint64)


def letters_of(text: str) -> Numbers:
    """The letters a to z of a folded text as numbers from 0."""
    data = np.frombuffer(text.encode("ascii", "ignore"), dtype=np.uint8)
    return (data[(data >= ord("a")) & (data <= ord("z"))] - ord("a")).astype(np.uint64)


def distances(letters: Numbers) -> Numbers:
    """From each letter to the next one, modulo the alphabet."""
    return (letters[1:] + np.uint64(ALPHABET) - letters[:-1]) % np.uint64(ALPHABET)


def _ciphered(letters: Numbers, cipher: Cipher) -> Numbers:
    if cipher.mirror:
        letters = np.uint64(ALPHABET - 1) - letters
    return letters[::-1] if cipher.reverse else letters


def _forms_of_name(name: str) -> set[str]:
    rotated = name.translate(str.maketrans(ascii_lowercase, "nopqrstuvwxyzabcdefghijklm"))
    return {name, name[::-1], rotated, rotated[::-1]}


def _words(text: str) -> set[str]:
    long = " ".join(LONG.findall(text))
    return {*NAME.findall(long), *WORD.findall(long)}
