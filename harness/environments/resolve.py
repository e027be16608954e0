"""From requirements to exact versions, as of a date; loosened step by step until they resolve.

Only wheels count, so no code of a package runs here; a caller may bring a way to make one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from harness.environments.uv import target, uv, wheelhouse
from seqswe.errors import MissingError

RULES = "2"
"""Counted up when the same requirements may resolve to other versions: kept locks are then old."""
INDEPENDENT_RUNNER = "pytest<9,>=7.4"
"""A pytest that stands on none of the packages it may have to grade."""
RUNNER_CUTOFF = "2024-06-30"
"""The independent runner and its own needs are as of this date, whatever the task's."""
RUNNER = (
    "pytest",
    "pluggy",
    "iniconfig",
    "packaging",
    "exceptiongroup",
    "tomli",
    "typing-extensions",
)
OLDEST_RUNNER = {"3.11": "7.0", "3.13": "7.4"}
"""First pytest that works on a Python, beyond the one that takes the options of grading."""
PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)==(\S+)")
NO_WHEEL = re.compile(r"([a-z0-9][\w.-]*)(?:[<>=!~][^ ]*)? ha(?:s|ve) no (?:usable wheels|wheels)")
NOWHERE = re.compile(
    r"([a-z0-9][\w.-]*)(?:[<>=!~][^ ]*)? was not found|"
    r"there (?:is|are) no versions? of ([a-z0-9][\w.-]*)|no versions? of ([a-z0-9][\w.-]*)"
)
REQUIRED = re.compile(r"you require ([a-z0-9][\w.-]*)")
"""How uv names what cannot be had, and which of the requirements leads there."""
PREAMBLE = re.compile(r"^(?:error: )?(?:No solution found when resolving \w+:? )?(?:cause: )?")
NETWORK = re.compile(r"error sending request|Failed to fetch|dns error|timed out|os error 1\d\d")


class Build(Protocol):
    """Makes a wheel of a source distribution and puts it into the wheelhouse.

    That runs the distribution's own code, so it must happen where hostile code may run.
    """

    def __call__(self, name: str, *, python: str, cutoff: str, version: str = "") -> bool:
        """Whether there is a wheel now, of a version or of the last one before the cutoff."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Exact versions, and what had to give way for them."""

    lock: tuple[str, ...]
    """`name==version`, sorted."""
    changed: tuple[str, ...] = ()
    """What was loosened or left out, and why; one sentence each."""


def resolve(
    requirements: Sequence[str],
    python: str,
    cutoff: str = "",
    distribution: str = "",
    build: Build | None = None,
) -> Resolution:
    """Resolve requirements for a Python as of a date, loosening no more than it takes.

    cutoff: ISO date after which no release counts, "" for none; distribution: the project's own
    name, which is never installed; build: makes a wheel of what has none. Raises MissingError if
    they cannot be resolved at all.
    """
    wanted: dict[str, str] = {canonicalize_name(Requirement(r).name): r for r in requirements}
    notches = dict.fromkeys(wanted, 0)
    make = partial(build, python=python, cutoff=cutoff) if build else None
    reasons: dict[str, str] = {}
    tried: set[str] = set()
    message = ""
    for _ in range(len(NOTCHES) * len(wanted) + 1):
        chosen = [NOTCHES[notches[n]](r) for n, r in wanted.items() if notches[n] < len(NOTCHES)]
        result = _compile(chosen, python, cutoff, distribution)
        if isinstance(result, tuple):
            return Resolution(lock=result, changed=tuple(_changes(wanted, notches, reasons)))
        message = " ".join(result.split())
        if make is not None and _built(message, tried, make):
            continue
        left = [name for name in wanted if notches[name] < len(NOTCHES)]
        blamed = _blamed(message, left)
        # If no requirement is to blame alone, all of them give way together, but none is left out.
        for name in [blamed] if blamed else left:
            most = len(NOTCHES) - (0 if blamed and name != "pytest" else 1)
            notches[name] = min(notches[name] + 1, most)
            reasons[name] = _short(message)
        if not blamed and all(notches[name] == len(NOTCHES) - 1 for name in left):
            break
    raise MissingError(
        f"requirements cannot be resolved for Python {python}: {_short(message)}",
        "Building needs a package index: see UV_DEFAULT_INDEX or PIP_INDEX_URL.",
    )


def _changes(
    wanted: Mapping[str, str], notches: Mapping[str, int], reasons: Mapping[str, str]
) -> Iterator[str]:
    for name, notch in notches.items():
        if notch == len(NOTCHES):
            yield f"{name} is left out: {reasons[name]}"
        elif notch and NOTCHES[notch](wanted[name]) != wanted[name]:
            yield f"{wanted[name]} is loosened to {NOTCHES[notch](wanted[name])}"


def without_wheel(message: str) -> Iterator[str]:
    """Names of distributions of which uv says that they have no wheel."""
    for match in NO_WHEEL.finditer(message):
        yield canonicalize_name(match[1])


def _built(message: str, tried: set[str], build: Callable[[str], bool]) -> bool:
    """Whether a wheel was made of something that has none; each is tried once."""
    for name in without_wheel(message):
        if name not in tried:
            tried.add(name)
            if build(name):
                return True
    return False


def _blamed(message: str, names: Sequence[str]) -> str:
    """The requirement that cannot be had, or that leads to what cannot; "" if it is not one."""
    absent = [
        canonicalize_name(next(filter(None, match.groups())))
        for pattern in (NOWHERE, NO_WHEEL)
        for match in pattern.finditer(message)
    ]
    leading = [canonicalize_name(match[1]) for match in REQUIRED.finditer(message)]
    # Two requirements that exclude each other: neither is to blame.
    known = [*absent, *(leading if absent or len(set(leading)) == 1 else [])]
    return next((name for name in known if name in names), "")


def _declared(text: str) -> str:
    return text


def _lower_bounds(text: str) -> str:
    """`==` and `~=` as `>=`, so that a release that has no wheel makes way for the next."""
    requirement = Requirement(text)
    kept = []
    for specifier in requirement.specifier:
        version = specifier.version.removesuffix(".*")
        if specifier.operator in ("==", "===", "~="):
            kept.append(f">={version}")
        elif specifier.operator in (">=", ">", "!="):
            kept.append(str(specifier))
    requirement.specifier = SpecifierSet(",".join(kept))
    return str(requirement)


def _name_only(text: str) -> str:
    requirement = Requirement(text)
    requirement.specifier = SpecifierSet()
    return str(requirement)


NOTCHES: tuple[Callable[[str], str], ...] = (_declared, _lower_bounds, _name_only)
"""How a requirement is loosened, the strictest first; beyond the last it is left out."""


def _compile(
    requirements: Sequence[str], python: str, cutoff: str, distribution: str
) -> tuple[str, ...] | str:
    """The lock, or what uv said. Raises MissingError if no index answers."""
    own = canonicalize_name(distribution)
    options = ["--only-binary", ":all:", "--no-header", "--no-annotate", "--quiet"]
    options += ["--find-links", str(wheelhouse(python, cutoff))]
    options += ["--exclude-newer", cutoff] if cutoff else []
    if cutoff and INDEPENDENT_RUNNER in requirements:
        # Of the time when it no longer stood on what it grades, and so are its own needs.
        newer = (f"{name}={RUNNER_CUTOFF}" for name in RUNNER)
        options += [word for entry in newer for word in ("--exclude-newer-package", entry)]
    options += ["--no-emit-package", distribution] if own else []
    floor = f"pytest>={OLDEST_RUNNER.get(python, '6.2')}"  # pins of tools of old must give way
    runner = (
        [floor]
        if any(canonicalize_name(Requirement(r).name) == "pytest" for r in requirements)
        else []
    )
    text = "\n".join([*requirements, *runner])
    done = uv(["pip", "compile", *target(python), *options, "-"], text)
    if done.returncode:
        if NETWORK.search(done.stderr):
            raise MissingError(
                f"no package index answers: {_short(done.stderr)}",
                "Set UV_DEFAULT_INDEX or PIP_INDEX_URL to one that does.",
            )
        return done.stderr
    pins = (PINNED.match(line) for line in done.stdout.splitlines())
    lock = {canonicalize_name(pin[1]): pin.group() for pin in pins if pin}
    return tuple(lock[name] for name in sorted(lock) if name != own)


def _short(message: str) -> str:
    text = " ".join(re.sub(r"[×╰─▶│]", " ", message).split())
    return PREAMBLE.sub("", text).partition(" hint: ")[0][:200]
