"""Plug-ins of pytest that are installed in a site-packages folder; none of them is imported."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from configparser import Error
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

GROUP = "pytest11"
LEFT_OUT = frozenset(
    {"allure-pytest", "pytest-clarity", "pytest-codspeed", "pytest-cov", "pytest-custom-exit-code"}
    | {"pytest-durations", "pytest-emoji", "pytest-github-actions-annotate-failures"}
    | {"pytest-github-report", "pytest-html", "pytest-icdiff", "pytest-instafail"}
    | {"pytest-json-report", "pytest-md", "pytest-metadata", "pytest-monitor", "pytest-picked"}
    | {"pytest-pretty", "pytest-profiling", "pytest-random-order", "pytest-randomly"}
    | {"pytest-reportlog", "pytest-reverse", "pytest-rich", "pytest-split", "pytest-sugar"}
    | {"pytest-testmon", "pytest-tldr", "pytest-xdist"}
)
"""Distributions whose plug-ins only choose, reorder, count or report: the grader does that."""
MODULE = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*", re.A)
NAME = re.compile(r"[\w][\w.+-]*", re.A)


def pytest_plugins_of(
    site_packages: Path, leave_out: Collection[str] = LEFT_OUT
) -> tuple[str, ...]:
    """Plug-ins that the distributions of a folder register, sorted, as `pytest -p` takes them.

    leave_out: names of distributions whose plug-ins are not wanted.
    """
    unwanted = {canonicalize_name(name) for name in leave_out}
    names: set[str] = set()
    for distribution in distributions(path=[str(site_packages)]):
        if _name(distribution) not in unwanted:
            names.update(_plugins(distribution))
    return tuple(sorted(names))


def _plugins(distribution: Distribution) -> Iterator[str]:
    try:
        registered = [(e.name, e.value) for e in distribution.entry_points if e.group == GROUP]
    except (ValueError, TypeError, OSError, Error):  # no text, or no entry points in it
        return
    yield from plugins_among(registered)


def plugins_among(registered: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Entry points (name, value) of pytest's group as `pytest -p` takes them."""
    found = []
    for name, value in registered:
        # An object inside a module is no module: pytest finds it by the entry point's name.
        module, _, inside = value.partition(":")
        if not inside and MODULE.fullmatch(module.strip()):
            found.append(module.strip())
        elif NAME.fullmatch(name):
            found.append(name)
    return tuple(found)


def _name(distribution: Distribution) -> str:
    try:
        name = distribution.metadata["Name"]
    except (ValueError, OSError, KeyError):
        return ""
    return canonicalize_name(name) if isinstance(name, str) else ""
