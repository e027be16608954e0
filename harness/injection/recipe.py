"""From a recipe to the texts of an instance: nothing of a codebase's code is stored."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from harness.history.git import Clone
from harness.injection.operators import mutate
from harness.injection.statement import statement
from harness.injection.testfile import without
from seqswe.errors import ManifestError
from seqswe.manifests.convert import parse
from seqswe.manifests.manifest import InstanceRecord, InstanceTexts

SOURCE = "injected"
"""`statement_source` of every injected bug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """How one bug is made, again and again, from the clone."""

    path: str
    function: str
    operator: str
    site: int
    reproduction: str
    """Id of the failing test that the issue shows."""
    failure: str
    """Message of that test, from the real run."""
    line: int
    """Line of the test module at which it failed; 0 if elsewhere."""
    hidden: tuple[str, ...]
    """Every other failing test, without parameters; the agent's tree has none of them."""
    seed: int
    zipf: float
    codebase: str

    def as_json(self) -> dict[str, Any]:
        """Return the fields as `InstanceRecord.bug` holds them."""
        return {**asdict(self), "hidden": list(self.hidden)}


def bug_of(record: InstanceRecord) -> Bug:
    """Read the recipe of a record. Raises ManifestError for a wrong or missing field."""
    return parse(Bug, record.bug, f"{record.instance_id}, field 'bug'")


def texts_of(clone: Clone, record: InstanceRecord) -> InstanceTexts:
    """Make statement and patches of an injected bug from the base commit.

    Raises ManifestError if the recipe does not fit the clone.
    """
    bug, base = bug_of(record), record.base_commit
    good, module = clone.show(base, bug.path), bug.reproduction.split("::", 1)[0]
    source = clone.show(base, module)
    try:
        if good is None or source is None:
            raise LookupError(f"{bug.path if good is None else module} is not there")
        bad = mutate(good, bug.function, bug.operator, bug.site)
        issue = statement(source, bug.reproduction, bug.failure, bug.line)
    except LookupError as error:
        raise ManifestError(
            f"{record.instance_id}: its recipe does not fit {base[:12]}: {error}",
            "The clone or the operators are not those it was made with: inject again.",
        ) from None
    return InstanceTexts(
        statement=issue,
        source=SOURCE,
        patch=file_patch(bug.path, bad, good),
        test_patch="".join(restoring(clone, base, bug.hidden)),
        bug_patch=file_patch(bug.path, good, bad),
    )


def restoring(clone: Clone, base: str, hidden: Iterable[str]) -> Iterable[str]:
    """Yield patches that put hidden tests back, module by module."""
    for path, tests in by_module(hidden).items():
        whole = clone.show(base, path) or ""
        yield file_patch(path, without(whole, tests), whole)


def by_module(tests: Iterable[str]) -> Mapping[str, list[str]]:
    """Group test ids, without their paths, by module, sorted."""
    grouped: dict[str, list[str]] = {}
    for test in sorted(tests):
        path, _, name = test.partition("::")
        grouped.setdefault(path, []).append(name)
    return grouped


def file_patch(path: str, before: str, after: str) -> str:
    """Write the git patch of one file; empty if nothing differs."""
    diff = list(difflib.unified_diff(_split(before), _split(after), f"a/{path}", f"b/{path}"))
    if not diff:
        return ""
    ended = "\n\\ No newline at end of file\n"
    lines = [line if line.endswith("\n") else line + ended for line in diff]
    return f"diff --git a/{path} b/{path}\n" + "".join(lines)


def _split(text: str) -> list[str]:
    # Not splitlines(): git ends a line at "\n" only.
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
