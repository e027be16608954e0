r"""Keys are taken out of whatever a provider says: some quote the key that they refuse.

A key is found as it is and in the ways in which servers quote: with escapes of JSON and of Python
(`\u0061`, `\x61`, `\/`), of URLs (`%61`) and of HTML (`&#97;`), each for any of its characters and
in each other, and in base64 and hexadecimal digits, alone or within a longer text. A server that
means to hand a key on can always encode it in yet another way; it has the key.
"""

from __future__ import annotations

import base64
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

SHORTEST = 8
"""Characters of what is taken for a key; anything shorter would make holes in answers."""
HOLE = "[key]"
DEPTH = 3
"""Escapes in each other that are undone."""
ESCAPE = re.compile(
    rb"(?<!\\)\\++(?:u00([0-9a-fA-F]{2})|x([0-9a-fA-F]{2}))?"
    rb"|%(?:25){0,4}([0-9a-fA-F]{2})"
    rb"|&#[xX]0{0,6}([0-9a-fA-F]{2});|&#0{0,6}([0-9]{2,3});"
)
HALF = re.compile(
    rb"(?:(?<!\\)\\++(?:u0{0,2}[0-9a-fA-F]?|x[0-9a-fA-F]?)?|%[0-9a-fA-F]{0,9}|&[#0-9a-fA-FxX]{0,10})\Z"
)
"""What may go on as an escape in the next piece."""
LONGEST_HALF = 64
MOST_EACH = 40
"""Bytes that one character of a secret takes at most, escaped and escaped again."""


class Scrubber:
    """Replaces secrets in texts, and in bytes that come in pieces.

    shortest: characters of a secret that is taken out.
    """

    def __init__(self, secrets: Iterable[str], hole: str = HOLE, shortest: int = SHORTEST) -> None:
        kept = {secret for secret in secrets if len(secret) >= max(1, shortest)}
        forms = {form for secret in kept for form in _forms(secret.encode("utf-8", "replace"))}
        # The longest first: one may begin with another.
        self.forms = sorted(forms, key=lambda form: (-len(form), form))
        self._hole = hole.encode()

    def text(self, text: str) -> str:
        """The text without secrets; to be called before any cut, since half a key would stay."""
        if not self.forms:
            return text
        data = text.encode("utf-8", "surrogatepass")
        clean = self.data(data)
        return text if clean is data else clean.decode("utf-8", "surrogatepass")

    def data(self, data: bytes) -> bytes:
        """Whole data without secrets."""
        spans = sorted(span for view in views(data) for span in self._found(view))
        clean, at = [], 0
        for start, end in spans:
            if start >= at:
                clean += [data[at:start], self._hole]
            at = max(at, end)
        return b"".join([*clean, data[at:]]) if spans else data

    def pieces(self) -> Pieces:
        """For data that comes in pieces."""
        return Pieces(self)

    def _found(self, view: View) -> Iterator[tuple[int, int]]:
        for form in self.forms:
            at = view.data.find(form)
            while at >= 0:
                yield view.start(at), view.end(at + len(form))
                at = view.data.find(form, at + len(form))


class Pieces:
    """Holds back what may be the beginning of a secret until the next piece shows."""

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """The next piece, but for what is held back."""
        data = self._scrubber.data(self._held + piece)
        cut = self._safe(data) if self._scrubber.forms else len(data)
        self._held = data[cut:]
        return data[:cut]

    def end(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        return held

    def _safe(self, data: bytes) -> int:
        """How many bytes cannot be the beginning of a secret."""
        first = max(0, len(data) - LONGEST_HALF - MOST_EACH * len(self._scrubber.forms[0]))
        rest = data[first:]
        for depth in range(DEPTH + 1):
            view = list(views(rest))[: depth + 1][-1]
            half = HALF.search(view.data, max(0, len(view.data) - LONGEST_HALF))
            rest = rest[: view.end(half.start())] if half else rest
        begun = len(rest)
        for view in views(rest):
            held = max(_beginning(view.data, form) for form in self._scrubber.forms)
            begun = min(begun, view.start(len(view.data) - held) if held else begun)
        return first + begun


class View:
    """Data without escapes, and where each of its bytes stands in the data as it came."""

    def __init__(self, data: bytes, steps: Iterable[tuple[int, int, int]] = ()) -> None:
        """steps: where a stretch begins here, where there what is before it ends, and it begins.

        The last two differ where an escape of nothing stands between.
        """
        self.data = data
        self._at, self._ends, self._starts = [0], [0], [0]
        for at, end, start in steps:
            if at > self._at[-1]:
                self._at.append(at)
                self._ends.append(end)
                self._starts.append(start)
            else:  # an escape of nothing, before the same byte
                self._starts[-1] = start

    def start(self, at: int) -> int:
        """Where the byte at `at` begins in the data as it came."""
        return self._place(at, self._starts)

    def end(self, at: int) -> int:
        """Where the byte before `at` ends in the data as it came."""
        return self._place(at, self._ends)

    def _place(self, at: int, places: list[int]) -> int:
        step = bisect_right(self._at, at) - 1
        before = self._at[step]
        return places[step] if at == before else self._starts[step] + at - before


def views(data: bytes) -> Iterator[View]:
    """The data as it is, and with escapes undone."""
    view = View(data)
    yield view
    for _ in range(DEPTH):
        inner = _unescaped(view)
        if inner is None:
            return
        view = inner
        yield view


def _unescaped(view: View) -> View | None:
    parts: list[bytes] = []
    steps: list[tuple[int, int, int]] = []
    at = size = 0
    for match in ESCAPE.finditer(view.data):
        code = _code(match)
        parts += [view.data[at : match.start()], code]
        size += match.start() - at
        before, at = match.start(), match.end()
        if code:
            steps.append((size, view.end(before), view.start(before)))
            size += 1
            steps.append((size, view.end(at), view.start(at)))
        else:
            steps.append((size, view.end(before), view.start(at)))
    if not parts:
        return None
    return View(b"".join([*parts, view.data[at:]]), steps)


def _code(match: re.Match[bytes]) -> bytes:
    """The byte that an escape stands for; none for a backslash alone."""
    escaped, python, url, html, decimal = match.groups()
    number = int(decimal) if decimal else int(escaped or python or url or html or b"0", 16)
    return bytes([number]) if 0 < number < 128 else b""


def _forms(secret: bytes) -> Iterator[bytes]:
    """A secret as it is, in hexadecimal digits, and in base64 at each place in a longer text."""
    yield secret
    if len(secret) < SHORTEST:
        return
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for before in range(3):
        code = base64.b64encode(bytes(before) + secret)
        # The first and the last digits depend on what stands before and after it.
        first = (before * 8 + 5) // 6
        last = (before + len(secret)) * 8 // 6
        yield code[first:last]
        yield code[first:last].replace(b"+", b"-").replace(b"/", b"_")


def _beginning(data: bytes, secret: bytes) -> int:
    """How many bytes at the end of the data are the beginning of the secret."""
    at = data.find(secret[0], max(0, len(data) - len(secret) + 1))
    while at >= 0:
        if secret.startswith(data[at:]):
            return len(data) - at
        at = data.find(secret[0], at + 1)
    return 0
