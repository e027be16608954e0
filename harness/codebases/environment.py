"""Which environment a task needs: what its base and its gold commit declare, and as of when.

Everything is read statically; nothing of the project is executed. Tasks with equal declarations in
the same quarter share an environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from harness.codebases.declarations import Declaration, declaration_of
from harness.environments.resolve import INDEPENDENT_RUNNER
from harness.history.objects import CommitFiles
from seqswe.instance import digest_of
from seqswe.manifests.manifest import PythonSettings
from seqswe.sandbox import Environment

Declare = Callable[..., Declaration]
"""Called like `declaration_of`."""
PYTHONS = ("3.7", "3.8", "3.9", "3.11", "3.13")
"""Versions that environments are chosen from: those that suites of Debian and Ubuntu bring."""
SINCE = {
    "3.7": date(2020, 12, 31),
    "3.8": date(2020, 12, 31),
    "3.9": date(2021, 3, 31),
    "3.11": date(2023, 2, 1),
    "3.13": date(2024, 12, 1),
}
"""First month in which the usual compiled packages had wheels for a version, and that had a pytest
that grading can use (6.2): no earlier cutoff would resolve."""
USUAL_UNTIL = {"3.8": date(2021, 1, 1), "3.9": date(2022, 1, 1)}
"""Tasks before a day run on a version, later ones on 3.11, unless the project asks for another.
3.8 is the last that has nearly all of what code of Python 3.4 to 3.7 imports (`fractions.gcd`,
`ast.Num`); for the rest of it see `older_python`."""
SOURCE_FOLDERS = ("src", "lib", "python")
RUNNER_NEEDS = frozenset(
    {"attrs", "more-itertools", "six", "py", "wcwidth", "importlib-metadata", "zipp", "toml"}
    | {"atomicwrites", "pathlib2"}
)
"""What early releases of pytest stand on: a codebase of these would break its own grader, so it
is graded by a pytest that does without them."""
DATED = ("pytest", "setuptools")
"""Installed into every dated environment, as of its date: old code imports pkg_resources."""


def environment_at(
    base: CommitFiles,
    gold: CommitFiles,
    when: datetime,
    settings: PythonSettings,
    declare: Declare = declaration_of,
) -> Environment:
    """What a task's base commit and its fix declare; equal declarations give equal keys.

    The fix counts too: a test that it brings may need what only it declares. declare: reads what a
    commit declares; `Remembered` for many commits.
    """
    asked = declare(base, settings.version or PYTHONS[0])
    python = settings.version or choose_python(asked.python, when.date())
    exclude = (*settings.exclude, settings.distribution)
    declarations = [declare(files, python, exclude, settings.extras) for files in (base, gold)]
    name = settings.distribution or declarations[0].name or declarations[1].name
    independent = settings.dated and canonicalize_name(name) in RUNNER_NEEDS
    runner = (INDEPENDENT_RUNNER,) if independent else ()
    requirements = tuple(_merged(declarations, settings, runner))
    cutoff = cutoff_of(python, when) if settings.dated else ""
    source_path = settings.source_path or source_path_of(base)
    parts = [python, source_path, *([cutoff] if cutoff else []), *requirements]
    return Environment(
        key=digest_of("\n".join(parts)).removeprefix("sha256:")[:12],
        python=python,
        requirements=requirements,
        cutoff=cutoff,
        source_path=source_path,
        distribution=name,
    )


def choose_python(requires: str, when: date) -> str:
    """The version for a task of a date whose project says `requires-python`.

    The one of its time, if the project allows it; else the nearest newer one that it allows, else
    the nearest older one.
    """
    try:
        allowed = SpecifierSet(requires)
    except InvalidSpecifier:
        allowed = SpecifierSet()
    of_its_time = next((v for v, until in USUAL_UNTIL.items() if when < until), "3.11")
    usual = PYTHONS.index(of_its_time)
    for version in (*PYTHONS[usual:], *reversed(PYTHONS[:usual])):
        # Patch releases beyond any that a project excludes one by one.
        if allowed.contains(f"{version}.99"):
            return version
    return PYTHONS[usual]


def cutoff_of(python: str, when: datetime) -> str:
    """The day after which no release counts, ISO: the end of the task's quarter, or later.

    Later only if there were no wheels for that Python yet.
    """
    day = when.astimezone(UTC).date()
    quarter = (day.month - 1) // 3
    ends = date(day.year + quarter // 3, (quarter * 3 + 3) % 12 + 1, 1) - timedelta(days=1)
    return max(ends, SINCE.get(python, ends)).isoformat()


def source_path_of(files: CommitFiles) -> str:
    """Folders of the checkout that belong on `sys.path`, joined by colons.

    A `src` with packages comes first; the top folder is always there, since tests import helpers
    from it.
    """
    roots = [folder for folder in SOURCE_FOLDERS if _has_packages(files, folder)]
    return ":".join([*roots, "."])


def _has_packages(files: CommitFiles, folder: str) -> bool:
    if folder not in files.folders():
        return False
    if any(name.endswith(".py") and name != "__init__.py" for name in files.names(folder)):
        return "__init__.py" not in files.names(folder)
    return any("__init__.py" in files.names(f"{folder}/{name}") for name in files.folders(folder))


def _merged(
    declarations: Sequence[Declaration], settings: PythonSettings, first: Sequence[str] = ()
) -> Iterator[str]:
    """Requirements of both commits and of the manifest by name; the first bound counts."""
    texts = [*first, *settings.requirements, *(r for d in declarations for r in d.requirements)]
    merged: dict[str, Requirement] = {}
    for text in [*texts, *(DATED if settings.dated else ())]:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        known = merged.setdefault(canonicalize_name(requirement.name), requirement)
        known.extras |= requirement.extras
        if not known.specifier:
            known.specifier = requirement.specifier
    yield from (str(merged[name]) for name in sorted(merged))
