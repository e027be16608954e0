"""Patches as sets of files: splitting, and dropping what a candidate must not change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import PurePosixPath

from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchSet

from seqswe.manifest import Layout

STEERS_TESTS = (
    "conftest.py",
    "pytest.ini",
    ".pytest.ini",
    "pytest.toml",
    "tox.ini",
    "setup.cfg",
    "pyproject.toml",
    "sitecustomize.py",
    "usercustomize.py",
    "*.pth",
    "noxfile.py",
    "entry_points.txt",
)
"""File names that decide how tests run: a candidate may touch them only where gold does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file's share of a patch."""

    paths: tuple[str, ...]
    """The file's path, and the old one where it was moved."""
    text: str
    changed: int
    """Added plus removed lines."""


def parts(patch: str) -> list[Part]:
    """A git patch, file by file; `"".join(p.text)` is the patch again.

    Raises ValueError for a text that is not a git patch.
    """
    try:
        files = PatchSet(patch)
    except UnidiffParseError as error:
        raise ValueError(f"not a patch: {error}") from None
    texts = _texts(patch)
    if len(texts) != len(files):
        raise ValueError(f"{len(files)} files in the patch, {len(texts)} headers")
    return [
        Part(paths=_paths(text), text=text, changed=file.added + file.removed)
        for file, text in zip(files, texts, strict=True)
    ]


def split(patch: str, chosen: Callable[[str], bool]) -> tuple[str, str]:
    """Two patches: the files `chosen` (by any of their paths), and the others."""
    both: tuple[list[str], list[str]] = ([], [])
    for part in parts(patch):
        both[0 if any(map(chosen, part.paths)) else 1].append(part.text)
    return "".join(both[0]), "".join(both[1])


def paths_of(patch: str) -> tuple[str, ...]:
    """Every path that a patch touches, sorted."""
    return tuple(sorted({path for part in parts(patch) for path in part.paths}))


def is_test(layout: Layout) -> Callable[[str], bool]:
    """Whether a path belongs to the tests (or is a test module outside their folders)."""

    def decide(path: str) -> bool:
        return under(path, layout.tests) or fnmatch(PurePosixPath(path).name, layout.test_modules)

    return decide


def under(path: str, folders: Iterable[str]) -> bool:
    """Whether a path is one of the folders or files, or lies below one."""
    return any(path == f.rstrip("/") or path.startswith(f.rstrip("/") + "/") for f in folders)


def candidate_part(patch: str, layout: Layout, gold_paths: Iterable[str]) -> tuple[str, list[str]]:
    """What of a candidate's patch is graded, and the paths that were dropped.

    Tests, test configuration and start-up hooks are dropped unless gold touches them.
    """
    allowed = set(gold_paths)
    test = is_test(layout)

    def forbidden(path: str) -> bool:
        steers = any(fnmatch(PurePosixPath(path).name, name) for name in STEERS_TESTS)
        return path not in allowed and (steers or test(path))

    dropped, kept = split(patch, forbidden)
    return kept, list(paths_of(dropped)) if dropped else []


def _texts(patch: str) -> list[str]:
    texts: list[list[str]] = []
    for line in patch.splitlines(keepends=True):
        if line.startswith("diff --git "):
            texts.append([])
        if texts:
            texts[-1].append(line)
    return ["".join(lines) for lines in texts]


def _paths(text: str) -> tuple[str, ...]:
    # unidiff has no path for a change without hunks (a new empty file, a mode, binary data),
    # so the header that git always writes is read instead.
    lines = text.split("\n@@", 1)[0].split("\n")
    named = [
        line.split(" ", 2)[2] for line in lines if line.startswith(("rename from ", "rename to "))
    ]
    named += [line[6:].rstrip("\t") for line in lines if line.startswith(("--- a/", "+++ b/"))]
    if not named:
        header = lines[0].removeprefix("diff --git a/")
        named = [header[: (len(header) - 3) // 2]]
    return tuple(sorted(set(named)))
