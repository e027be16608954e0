"""Keys are taken out of whatever a provider says: some quote the key that they refuse."""

from __future__ import annotations

from collections.abc import Iterable

SHORTEST = 8
"""Characters of what is taken for a key; anything shorter would make holes in answers."""
HOLE = "[key]"


class Scrubber:
    """Replaces secrets in texts, and in bytes that come in pieces."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # The longest first: one may begin with another.
        self._texts = sorted({s for s in secrets if len(s) >= SHORTEST}, key=len, reverse=True)
        self._secrets = [text.encode() for text in self._texts]

    def text(self, text: str) -> str:
        """The text without secrets; to be called before any cut, since half a key would stay."""
        for secret in self._texts:
            text = text.replace(secret, HOLE)
        return text

    def data(self, data: bytes) -> bytes:
        """Whole data without secrets."""
        for secret in self._secrets:
            data = data.replace(secret, HOLE.encode())
        return data

    def pieces(self) -> Pieces:
        """For data that comes in pieces."""
        return Pieces(self, self._secrets)


class Pieces:
    """Holds back what may be the beginning of a secret until the next piece shows."""

    def __init__(self, scrubber: Scrubber, secrets: list[bytes]) -> None:
        self._scrubber, self._secrets = scrubber, secrets
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """The next piece, but for what is held back."""
        data = self._scrubber.data(self._held + piece)
        held = max((_beginning(data, secret) for secret in self._secrets), default=0)
        cut = len(data) - held
        self._held = data[cut:]
        return data[:cut]

    def end(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        return held


def _beginning(data: bytes, secret: bytes) -> int:
    """How many bytes at the end of the data are the beginning of the secret."""
    at = data.find(secret[0], max(0, len(data) - len(secret) + 1))
    while at >= 0:
        if secret.startswith(data[at:]):
            return len(data) - at
        at = data.find(secret[0], at + 1)
    return 0
