"""All that a commit's files declare, as one list of requirements for running the tests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from harness.codebases.declarations.model import Declared, Files
from harness.codebases.declarations.pyproject import read_pyproject
from harness.codebases.declarations.requirement_files import read_requirements, requirement_files
from harness.codebases.declarations.runners import read_nox, read_tox
from harness.codebases.declarations.setup_files import read_setup_cfg, read_setup_py

TOOLS = frozenset(
    (files("harness.codebases.declarations") / "development_tools.txt").read_text().split()
)
"""Linters, builders, writers of documents, and pytest plug-ins that only count, order or report."""
PREFIXES = ("types-", "sphinx", "mkdocs-", "flake8-", "mypy-", "pep8-naming", "pytest-mypy")
SUFFIXES = ("-stubs",)


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
    found = dict(_files(commit_files))
    names = [declared.name for declared in found.values() if declared.name]
    name = names[0] if names else ""
    left_out: set[str] = {canonicalize_name(n) for n in (*exclude, name) if n}
    texts: list[str] = []
    groups: dict[str, tuple[str, ...]] = {}
    for declared in found.values():
        texts += (*declared.runtime, *declared.tests)
        groups |= declared.extras
    texts += (r for extra in extras for r in groups.get(extra, ()))
    texts = list(_with_own_extras(texts, name, groups))
    return Declaration(
        requirements=tuple(_chosen(texts, left_out, python)),
        name=name,
        python=next((d.python for d in found.values() if d.python), ""),
        unread=tuple(dict.fromkeys(text for d in found.values() for text in d.unread)),
        sources=tuple(path for path, d in found.items() if not d.empty),
    )


def _files(commit_files: Files) -> Iterator[tuple[str, Declared]]:
    if text := commit_files.text("pyproject.toml"):
        yield "pyproject.toml", read_pyproject(text)
    if text := commit_files.text("setup.cfg"):
        yield "setup.cfg", read_setup_cfg(text, commit_files)
    if text := commit_files.text("setup.py"):
        yield "setup.py", read_setup_py(text, commit_files)
    plain, tests = requirement_files(commit_files)
    for path in plain:
        yield path, Declared(runtime=tuple(read_requirements(path, commit_files)))
    for path in tests:
        yield path, Declared(tests=tuple(read_requirements(path, commit_files)))
    if text := commit_files.text("tox.ini"):
        yield "tox.ini", Declared(tests=tuple(read_tox(text, commit_files)))
    if text := commit_files.text("noxfile.py"):
        yield "noxfile.py", Declared(tests=tuple(read_nox(text, commit_files)))


def _with_own_extras(
    texts: Iterable[str], name: str, extras: dict[str, tuple[str, ...]]
) -> Iterator[str]:
    """Requirements with `project[extra]` of the project itself written out."""
    wanted: list[str] = []
    for text in texts:
        match = re.match(r"([\w.-]*)\[([\w.,\s-]+)\]", text)
        if match and canonicalize_name(match[1]) in ("", ".", canonicalize_name(name)):
            wanted += (part.strip() for part in match[2].split(","))
        else:
            yield text
    for extra in dict.fromkeys(wanted):
        yield from extras.get(extra, ())


def _chosen(texts: Iterable[str], left_out: set[str], python: str) -> Iterator[str]:
    chosen: dict[str, Requirement] = {}
    for text in texts:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        name = canonicalize_name(requirement.name)
        if name in left_out or is_tool(name) or requirement.url or not _fits(requirement, python):
            continue
        requirement.marker = None
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
    return bool(requirement.marker.evaluate(about))
