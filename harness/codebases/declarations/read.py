"""All that a commit's files declare, as one list of requirements for running the tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from harness.codebases.declarations.model import Declared, Files, as_name, printable, text_of
from harness.codebases.declarations.pyproject import parse_toml, read_pipfile, read_pyproject
from harness.codebases.declarations.requirement_files import read_requirements, requirement_files
from harness.codebases.declarations.runners import read_nox, read_tox, read_tox_toml
from harness.codebases.declarations.setup_files import read_setup_cfg, read_setup_py

TOOLS = frozenset(
    (files("harness.codebases.declarations") / "development_tools.txt").read_text().split()
)
"""Linters, builders, writers of documents, and pytest plug-ins that only count, order or report."""
PREFIXES = ("types-", "sphinx", "mkdocs-", "flake8-", "mypy-", "pep8-naming", "pytest-mypy")
SUFFIXES = ("-stubs", "-mypy")
OWN_EXTRAS = re.compile(r"(\.|[\w.-]+)\[([\w.,\s-]+)\]")
LONGEST = 2_000
"""Characters of a requirement; no honest one is longer."""
MOST_UNREAD = 20
"""Complaints kept of a commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What a commit declares."""

    requirements: tuple[str, ...]
    """Sorted by name, markers evaluated and gone, later readers' constraints not repeated."""
    name: str = ""
    python: str = ""
    unread: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    """Files that declared anything."""


def declaration_of(
    commit_files: Files, python: str, exclude: Iterable[str] = (), extras: Iterable[str] = ()
) -> Declaration:
    """Read every file that declares requirements at a commit.

    python: the version that markers are evaluated for, such as 3.11; exclude: names of
    distributions that are left out, beside the project itself and development tools; extras: names
    of optional groups that are wanted beside those that are for tests by their names.
    """
    found = list(_declared(commit_files, python))
    declared = [one for _, one in found]
    names = [one.name for one in declared if one.name]
    left_out: set[str] = {canonicalize_name(n) for n in (*exclude, *names) if n}
    texts: list[str] = []
    groups: dict[str, list[str]] = {}
    for one in declared:
        texts += (*one.runtime, *one.tests)
        for extra, requirements in one.extras.items():
            groups.setdefault(canonicalize_name(extra), []).extend(requirements)
    texts += (r for extra in extras for r in groups.get(canonicalize_name(extra), ()))
    parsed, invalid = _parsed(_with_own_extras(texts, names, groups))
    unread = [*(text for one in declared for text in one.unread), *invalid]
    return Declaration(
        requirements=tuple(_chosen(parsed, left_out, python)),
        name=next(filter(None, map(as_name, names)), ""),
        python=next((one.python for one in declared if one.python), ""),
        unread=tuple(dict.fromkeys(map(printable, unread)))[:MOST_UNREAD],
        sources=tuple(dict.fromkeys(path for path, one in found if not one.empty)),
    )


def _declared(commit_files: Files, python: str) -> Iterator[tuple[str, Declared]]:
    """What each file declares, by its path."""
    readers: dict[str, Callable[[str], Declared]] = {
        "pyproject.toml": lambda text: read_pyproject(text, commit_files, python),
        "setup.cfg": lambda text: read_setup_cfg(text, commit_files),
        "setup.py": lambda text: read_setup_py(text, commit_files, python),
    }
    runners: dict[str, Callable[[str], Declared]] = {
        "tox.ini": lambda text: read_tox(text, commit_files, python),
        "tox.toml": lambda text: read_tox_toml(parse_toml(text), commit_files, python),
        "setup.cfg": lambda text: replace(read_tox(text, commit_files, python), unread=()),
        "Pipfile": read_pipfile,
        "noxfile.py": lambda text: read_nox(text, commit_files, python),
    }
    yield from _each(readers, commit_files)
    plain, tests = requirement_files(commit_files)
    for path in (*plain, *tests):
        listed = tuple(read_requirements(path, commit_files))
        large = () if text_of(commit_files, path) is not None else (f"{path}, which is too large",)
        if path in tests:
            yield path, Declared(tests=listed, unread=large)
        else:
            yield path, Declared(runtime=listed, unread=large)
    # A setup.cfg may hold a tox.ini as well; what is wrong with it was said above.
    yield from _each(runners, commit_files)


def _each(
    readers: Mapping[str, Callable[[str], Declared]], commit_files: Files
) -> Iterator[tuple[str, Declared]]:
    for path, reader in readers.items():
        if text := text_of(commit_files, path):
            yield path, reader(text)
        elif commit_files.text(path):
            yield path, Declared(unread=(f"{path}, which is too large",))


def _with_own_extras(
    texts: Iterable[str], names: Iterable[str], extras: Mapping[str, Iterable[str]]
) -> Iterator[str]:
    """Requirements with `project[extra]` and `.[extra]` of the project itself written out."""
    own = {".", *map(canonicalize_name, names)}
    seen: set[str] = set()
    waiting = list(texts)[::-1]
    while waiting:
        text = waiting.pop()
        match = OWN_EXTRAS.match(text)
        if not match or (match[1] != "." and canonicalize_name(match[1]) not in own):
            yield text
            continue
        wanted = [canonicalize_name(part.strip()) for part in match[2].split(",")]
        for extra in reversed([name for name in wanted if name not in seen]):
            seen.add(extra)
            waiting += list(extras.get(extra, ()))[::-1]


def _parsed(texts: Iterable[str]) -> tuple[list[Requirement], list[str]]:
    """Requirements, and what is none, in words."""
    parsed, invalid = [], []
    for text in texts:
        try:
            parsed.append(Requirement(text if len(text) <= LONGEST else ""))
        except (InvalidRequirement, RecursionError):
            if not OWN_EXTRAS.match(text):
                invalid.append(f"not a requirement: {text}")
    return parsed, invalid


def _chosen(parsed: Iterable[Requirement], left_out: set[str], python: str) -> Iterator[str]:
    chosen: dict[str, Requirement] = {}
    for requirement in parsed:
        name = canonicalize_name(requirement.name)
        if name in left_out or is_tool(name) or not _fits(requirement, python):
            continue
        # Of what comes by URL the name is kept: there is no network, but the index may know it.
        requirement.marker = requirement.url = None
        known = chosen.setdefault(name, requirement)
        if known is not requirement:
            known.extras |= requirement.extras
            # The first file that bounds a version decides: pins of a requirements file come last.
            if not known.specifier:
                known.specifier = requirement.specifier
    yield from (str(chosen[name]) for name in sorted(chosen))


def is_tool(name: str) -> bool:
    """Whether a distribution serves development alone, and no test."""
    return name in TOOLS or name.startswith(PREFIXES) or name.endswith(SUFFIXES)


def _fits(requirement: Requirement, python: str) -> bool:
    if requirement.marker is None:
        return True
    about = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    about |= {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    about |= {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
    try:
        return bool(requirement.marker.evaluate(about))
    except (ValueError, KeyError, RecursionError):  # a comparison of what cannot be compared
        return True
