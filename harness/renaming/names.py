"""The mapping itself: a word is replaced everywhere or nowhere, so its inverse gives back all."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from seqswe.errors import ManifestError
from seqswe.instance import digest_of
from seqswe.manifests.read import read_json

FILE = "names.json"
"""Beside manifest.toml: names of the source, and what stands for each. Facts, no text."""
WORD = re.compile(rb"[A-Za-z_\x80-\xff][0-9A-Za-z_\x80-\xff]*|[0-9][0-9A-Za-z_]*")
"""A name with all its letters, or a number with all its digits: no name begins within either."""
BINARY = 8_000
"""First bytes in which git looks for a null byte."""


@dataclass(frozen=True)
class Names:
    """Old name → new name; no new name is a word that the codebase had."""

    new: Mapping[str, str]

    def apply(self, data: bytes) -> bytes:
        """The same bytes with the new names; binary files stay as they are."""
        if b"\0" in data[:BINARY]:
            return data
        return WORD.sub(lambda found: self._bytes.get(found[0], found[0]), data)

    def text(self, text: str) -> str:
        """The same text with the new names."""
        data = text.encode("utf-8", "surrogateescape")
        return self.apply(data).decode("utf-8", "surrogateescape")

    @property
    def inverse(self) -> Names:
        """New name → old name."""
        return Names({new: old for old, new in self.new.items()})

    @property
    def digest(self) -> str:
        """Digest of the mapping."""
        return digest_of(json.dumps(dict(sorted(self.new.items()))))

    def save(self, folder: Path) -> None:
        """Write names.json."""
        text = json.dumps(self.new, indent=0, sort_keys=True, ensure_ascii=True)
        (folder / FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Names:
        """Read names.json. Raises ManifestError."""
        path, hint = folder / FILE, "`seqswe rename` writes it; restore it, or rename again."
        data = read_json(path, hint)
        if not isinstance(data, dict) or not all(map(_is_name, (*data, *data.values()))):
            raise ManifestError(f"{path} must hold names by names", hint)
        if len(set(data.values())) < len(data) or data.keys() & set(data.values()):
            raise ManifestError(f"{path}: two names become one", hint)
        return cls(data)

    @cached_property
    def _bytes(self) -> dict[bytes, bytes]:
        return {old.encode(): new.encode() for old, new in self.new.items()}


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isidentifier()
