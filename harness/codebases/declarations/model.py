"""The words that all readers share: files of a commit, and what one of them declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

TEST_GROUPS = frozenset(
    {"test", "tests", "testing", "unittest", "unit", "pytest", "check", "dev", "develop"}
    | {
        "development",
        "devel",
        "dev-dependencies",
        "ci",
        "all",
        "full",
        "complete",
        "test-dependencies",
    }
)
"""Names of extras and groups that hold what tests need, lower case."""


class Files(Protocol):
    """The files of one commit; see `harness.history.objects.CommitFiles`."""

    def text(self, path: str) -> str | None:
        """A file's text, or None."""
        ...

    def names(self, folder: str = "") -> list[str]:
        """Names in a folder."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What one file declares. Requirements are texts as written, markers included."""

    runtime: tuple[str, ...] = ()
    """Needed to import the project."""
    tests: tuple[str, ...] = ()
    """Needed by its tests."""
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Every other optional group, by name."""
    name: str = ""
    """The distribution's name, if the file gives it."""
    python: str = ""
    """`requires-python`, if the file gives it."""
    unread: tuple[str, ...] = ()
    """What is declared but could not be read, in words."""

    @property
    def empty(self) -> bool:
        """Whether it says nothing of requirements."""
        return not (self.runtime or self.tests or self.extras)


def is_test_group(name: str) -> bool:
    """Whether an extra or group is meant for tests, by its name."""
    return name.lower().replace("_", "-") in TEST_GROUPS


def sorted_groups(
    groups: Mapping[str, Iterable[str]],
) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Requirements of test groups as one tuple, and the other groups by name."""
    tests: list[str] = []
    extras: dict[str, tuple[str, ...]] = {}
    for name, requirements in groups.items():
        if is_test_group(name):
            tests += requirements
        else:
            extras[name] = tuple(requirements)
    return tuple(tests), extras


def texts(value: Any) -> list[str]:
    """The texts of a list in outside data; everything else is passed over."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def table(value: Any) -> dict[str, Any]:
    """A table in outside data; {} for everything else."""
    return value if isinstance(value, dict) else {}
