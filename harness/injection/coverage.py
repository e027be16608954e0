"""Which functions the tests call, and which tests may show a bug in each function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.grading.hidden_tests import function_of, is_shown
from harness.grading.layout import is_source
from harness.history.git import Clone
from harness.injection.operators import functions
from harness.injection.workbench import Seen
from seqswe.manifests.manifest import Layout

MODULES = 4
"""Test modules run for one bug at most: those that call the function most."""
SHOWING, GRADING = 3, 2
"""Tests of each kind that must call a function before it may have more than one bug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Tests by function; a function is `path::qualified.name`."""

    tests: Mapping[str, Sequence[str]]

    def modules(self, function: str) -> list[str]:
        """Return the test modules to run for a bug in a function."""
        counts = Counter(test.split("::", 1)[0] for test in self.tests[function])
        ranked = sorted(counts, key=lambda module: (-counts[module], module))
        return sorted(ranked[:MODULES])

    def eligible(self, seed: int, *, once: bool = False) -> list[str]:
        """Return functions that tests of both kinds call, several of each unless `once`."""
        least_shown, least_grading = (1, 1) if once else (SHOWING, GRADING)
        names = []
        for name, tests in self.tests.items():
            shown = sum(is_shown(seed, test) for test in tests)
            if shown >= least_shown and len(tests) - shown >= least_grading:
                names.append(name)
        return sorted(names)


def coverage_of(clone: Clone, commit: str, layout: Layout, seen: Seen) -> Coverage:
    """Compute coverage from a run that noted calls; tests lose their parameters."""
    callers: dict[tuple[str, int], set[str]] = {}
    for test, called in seen.calls.items():
        if test in seen.passed:
            for place in called:
                callers.setdefault(place, set()).add(function_of(test))
    tests_by_function: dict[str, set[str]] = {}
    source = is_source(layout)
    for path in sorted({path for path, _ in callers if source(path)}):
        for name, first, last in functions(clone.show(commit, path) or ""):
            tests = [t for line in range(first, last + 1) for t in callers.get((path, line), ())]
            if tests:
                tests_by_function.setdefault(f"{path}::{name}", set()).update(tests)
    return Coverage(tests={name: sorted(tests) for name, tests in tests_by_function.items()})


def by_module(names: Iterable[str]) -> dict[str, list[str]]:
    """Group functions by their file."""
    grouped: dict[str, list[str]] = {}
    for name in names:
        grouped.setdefault(name.split("::", 1)[0], []).append(name)
    return grouped
