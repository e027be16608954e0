"""Which files of a project are source and which are tests, from its history and its settings."""

from __future__ import annotations

import configparser
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from harness.codebases.declarations.model import Files, table, text_of, texts
from harness.codebases.declarations.pyproject import parse_toml
from harness.codebases.found import Found
from harness.grading.layout import is_test_module
from seqswe.manifests.manifest import Layout

USUAL = ("test_*.py", "*_test.py")
"""What pytest collects unless it is told otherwise."""
OTHER = (
    "*_tests.py",
    "tests_*.py",
    "*Test.py",
    "*Tests.py",
    "Test*.py",
    "*_spec.py",
    "*_should.py",
)
"""Other names of test modules, in folders of tests: they are run by their names."""
A_TEST = re.compile(r"\bdef (?:test|should|it_)")
NESTED = ("tests", "test")
"""Names of folders that hold tests and what belongs to them, wherever a test module is below."""
INNERMOST = ("testing", "testsuite", "testcases", "unittests", "unit_tests", "functional_tests")
"""Other such names; the same name is given to helpers that are shipped, which are source."""
NO_SOURCE = (
    *("doc", "docs", "example", "examples", "demo", "demos", "tutorial", "tutorials", "samples"),
    *("benchmark", "benchmarks", "bench", "asv_bench", "perf", "profiling", "scripts", "script"),
    *("tools", "bin", "ci", "dev", "devel", "contrib", "release", "packaging"),
    *("website", "site", "notebooks", "recipes", "news", "changelog.d"),
    *(".github", ".ci", ".circleci", ".azure", ".binder", ".devcontainer"),
    *("setup.py", "noxfile.py", "toxfile.py", "versioneer.py", "ez_setup.py", "tasks.py"),
    *("distribute_setup.py", "fabfile.py", "dodo.py", "runtests.py", "run_tests.py"),
    *("**/_vendor/", "**/_version.py"),
)
"""Never source, in the top folder or, with stars, anywhere."""
FEW = 20
"""Folders that are named one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLayout:
    """A layout, and why its parts are as they are."""

    layout: Layout
    reasons: dict[str, Found]


@dataclass(frozen=True, slots=True, kw_only=True)
class PytestSettings:
    """What a project tells pytest about its test modules."""

    python_files: tuple[str, ...] = ()
    testpaths: tuple[str, ...] = ()
    where: str = ""


def find_layout(files: Files, changed: Iterable[str], package: str) -> FoundLayout:
    """Decide what is source and what is a test.

    files: of the last commit; changed: every path that the history ever changed; package: name of
    the project's own package, which is source whatever it is called.
    """
    settings = pytest_settings(files)
    patterns = tuple(dict.fromkeys((*USUAL, *(p for p in settings.python_files if "/" not in p))))
    exclude = tuple(entry for entry in NO_SOURCE if entry != package)
    known = Layout(source=("**/*.py",), tests=(), test_modules=" ".join(patterns), exclude=exclude)
    paths = sorted({path for path in changed if path.endswith(".py")})
    modules = list(filter(is_test_module(known), paths))
    if others := tuple(_other_names(files, paths, len(modules))):
        patterns = (*patterns, *others)
        known = replace(known, test_modules=" ".join(patterns))
        modules = list(filter(is_test_module(known), paths))
    folders = list(dict.fromkeys((*_test_folders(modules), *_test_paths(settings, paths, modules))))
    layout = Layout(
        source=known.source,
        tests=(*folders, "**/conftest.py"),
        test_modules=known.test_modules,
        exclude=exclude,
    )
    whys = ["what pytest collects"]
    whys += [f"the {settings.where} of the project"] if settings.python_files else []
    whys += ["what more files in its folders of tests are named"] if others else []
    return FoundLayout(
        layout=layout,
        reasons={
            "source": Found(
                value="every .py file",
                why="that is no test and not among documents, examples, scripts and the like",
            ),
            "tests": Found(
                value=" ".join(layout.tests),
                why=f"they held {len(modules)} test modules in the course of the history",
            ),
            "test modules": Found(value=layout.test_modules, why=" and ".join(whys)),
        },
    )


def _other_names(files: Files, paths: Sequence[str], usual: int) -> Iterator[str]:
    """Other patterns that more files in folders of tests have than `usual`, the usual ones.

    Of those that are there today at least half hold tests: helpers are called so, too.
    """
    below = [PurePosixPath(path) for path in paths if {*NESTED}.intersection(path.split("/")[:-1])]
    for pattern in OTHER:
        found = [str(path) for path in below if fnmatchcase(path.name, pattern)]
        if len(found) > usual:
            here = [text for path in found if (text := text_of(files, path)) is not None]
            if 2 * sum(bool(A_TEST.search(text)) for text in here) >= len(here):
                yield pattern


def _test_folders(modules: Sequence[str]) -> Iterator[str]:
    """Entries for the folders that hold test modules and are named for it."""
    found: dict[str, Counter[str]] = {name: Counter() for name in (*NESTED, *INNERMOST)}
    for module in modules:
        *parts, _ = PurePosixPath(module).parts
        places = [i for i, part in enumerate(parts) if part in found]
        for i in places:
            if parts[i] in NESTED or i == places[-1]:
                found[parts[i]]["/".join(parts[: i + 1])] += 1
    for name, folders in found.items():
        if set(folders) == {name}:
            yield name
        elif folders and (name in NESTED or len(folders) > FEW):
            yield f"**/{name}/"
        else:
            yield from sorted(folders)


def _test_paths(
    settings: PytestSettings, paths: Sequence[str], modules: Sequence[str]
) -> Iterator[str]:
    """Folders that the project names to pytest, if they hold little else than tests.

    A package with a folder of tests in it is named like that too, so that folder does not count.
    """
    tests = set(modules)
    usual = {*NESTED, *INNERMOST}
    for folder in settings.testpaths:
        name = folder.removeprefix("./").rstrip("/")
        below = [
            path
            for path in map(PurePosixPath, paths)
            if path.is_relative_to(name)
            and path.name not in ("conftest.py", "__init__.py")
            and not usual.intersection(path.parts[:-1])
        ]
        good = sum(str(path) in tests for path in below)
        if 2 * good > len(below) and re.fullmatch(r"[\w./-]+", name):
            yield name


def pytest_settings(files: Files) -> PytestSettings:
    """Read `python_files` and `testpaths` from the file that pytest would take them from."""
    for name, section in (
        ("pytest.ini", "pytest"),
        (".pytest.ini", "pytest"),
        ("pyproject.toml", ""),
        ("tox.ini", "pytest"),
        ("setup.cfg", "tool:pytest"),
    ):
        text = files.text(name)
        options = _options(text, section) if text else {}
        if options:
            return PytestSettings(
                python_files=tuple(_words(options.get("python_files"))),
                testpaths=tuple(_words(options.get("testpaths"))),
                where=f"python_files in {name}",
            )
    return PytestSettings()


def _options(text: str, section: str) -> dict[str, Any]:
    if not section:
        data = parse_toml(text)
        if isinstance(data, str):  # what is wrong with it
            return {}
        pytest = table(table(data.get("tool")).get("pytest"))
        return table(pytest.get("ini_options")) or pytest
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    return dict(parser[section]) if parser.has_section(section) else {}


def _words(value: Any) -> list[str]:
    return value.split() if isinstance(value, str) else texts(value)
