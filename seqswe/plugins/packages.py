"""What a plug-in stands on beside SeqSWE itself: packages, the extra that brings them, licences."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution
from typing import Any

EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
CLASSIFIER = "License :: OSI Approved :: "


def extra_of(point: EntryPoint) -> str:
    """`seqswe[mem0]` for a plug-in whose package has an extra of the plug-in's name, else ""."""
    if point.dist is None or point.name not in _values(point.dist, "Provides-Extra"):
        return ""
    return f"{point.dist.name}[{point.name}]"


def packages_of(point: EntryPoint, plugin: Any) -> tuple[str, ...]:
    """Distributions that a plug-in wraps: those it names in `wraps`, and its extra's."""
    named = tuple(getattr(plugin, "wraps", ()))
    if point.dist is None or not extra_of(point):
        return named
    mine = [line for line in point.dist.requires or () if _extra_in(line) == point.name]
    required = [match.group() for match in map(NAME.match, mine) if match]
    return tuple(dict.fromkeys([*named, *required]))


def installed(package: str) -> Distribution | None:
    """A distribution of this environment; None if it is not installed."""
    try:
        return distribution(package)
    except PackageNotFoundError:
        return None


def licence_of(package: Distribution | None) -> str:
    """The licence that a distribution declares, short; "" where it declares none."""
    if package is None:
        return ""
    declared = next(iter(_values(package, "License-Expression") + _values(package, "License")), "")
    classifiers = [c for c in _values(package, "Classifier") if c.startswith(CLASSIFIER)]
    # Some put the whole text of their licence there.
    if (not declared or len(declared) > 40 or "\n" in declared) and classifiers:
        return classifiers[0].removeprefix(CLASSIFIER)
    return " ".join(declared.split())[:40]


def _extra_in(requirement: str) -> str:
    marker = EXTRA.search(requirement)
    return marker[1] if marker else ""


def _values(package: Distribution, field: str) -> list[str]:
    return list(package.metadata.get_all(field) or ())
