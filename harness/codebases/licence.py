"""Under which licence a project stands: what its metadata says, else the text of the licence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.codebases.declarations.model import Files
from harness.codebases.found import Found

FILES = re.compile(r"(?i)(licen[cs]e|copying|unlicense)([._-].*)?")
METADATA = ("pyproject.toml", "setup.cfg", "setup.py")
STATED = re.compile(r"""(?m)^\s*licen[cs]e\s*=\s*(?:\{\s*text\s*=\s*)?["']?([^"'\n#{}]+)""")
CLASSIFIER = re.compile(r"License :: (?:OSI Approved :: )?([^\"'\n]+)")
IDENTIFIERS = {
    name.lower(): name
    for name in (
        "MIT",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "MPL-2.0",
        "GPL-2.0-only",
        "GPL-2.0-or-later",
        "GPL-3.0-only",
        "GPL-3.0-or-later",
        "LGPL-2.1-or-later",
        "LGPL-3.0-or-later",
        "AGPL-3.0-only",
        "AGPL-3.0-or-later",
        "PSF-2.0",
        "Unlicense",
        "Zlib",
        "0BSD",
    )
}
WORDS = (
    ("Apache-2.0", r"apache (?:software )?license,?\s*(?:version )?2|apache[ -]2|apache software"),
    ("MPL-2.0", r"mozilla public license,?\s*(?:version )?v?\.?\s*2|mpl[ -]2"),
    ("AGPL-3.0", r"gnu affero general public license|\bagpl"),
    ("LGPL", r"gnu (?:lesser|library) general public license|\blgpl"),
    ("GPL-2.0", r"gnu general public license[^.]{0,40}version 2|\bgplv?-?2"),
    ("GPL-3.0", r"gnu general public license|\bgpl"),
    ("ISC", r"permission to use, copy, modify, and(?:/or)? distribute this software|\bisc license"),
    ("MIT", r"permission is hereby granted, free of charge|\bmit\b|\bexpat\b"),
    ("BSD-3-Clause", r"neither the name[s]? of|bsd[ -]3|3-clause bsd|new bsd|modified bsd"),
    ("BSD-2-Clause", r"redistributions of source code must retain|bsd[ -]2|simplified bsd"),
    ("Unlicense", r"this is free and unencumbered software|\bunlicense\b"),
    ("PSF-2.0", r"python software foundation"),
    ("BSD", r"\bbsd\b"),
)
"""Words of licences and of what people call them; the first that occurs decides."""


def licence_of(files: Files) -> Found:
    """Find the licence of a project, as an SPDX identifier where it can be told."""
    stated = list(_stated(files))
    for found in stated:
        if found.value.lower() in IDENTIFIERS:
            return Found(value=IDENTIFIERS[found.value.lower()], why=found.why)
    for name in files.names():
        text = (files.text(name) or "") if FILES.fullmatch(name) else ""
        if kind := _recognized(text[:20_000]):
            return Found(value=kind, why=f"the text of {name}")
    for found in stated:
        if kind := _recognized(found.value):
            return Found(value=kind, why=found.why)
    return Found(value="", why="no metadata and no text that is known")


def _stated(files: Files) -> Iterator[Found]:
    for name in METADATA:
        text = files.text(name) or ""
        for expression in (STATED, CLASSIFIER):
            for match in expression.finditer(text):
                yield Found(value=match[1].strip(), why=name)


def _recognized(text: str) -> str:
    words = " ".join(text.lower().split())
    return next((name for name, shape in WORDS if re.search(shape, words)), "")
