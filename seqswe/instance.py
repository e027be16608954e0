"""What is asked (`Task`) and what is known about it afterwards (`Instance`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What an agent and a memory may see of an instance. There are no gold fields to leak."""

    instance_id: str
    repo: str
    base_commit: str
    created_at: datetime
    problem_statement: str
    position: int = 0
    """0-based place in the sequence."""
    synthetic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One issue with its gold data; the fields are SWE-bench's.

    `bug_patch` is empty for real issues; for an injected bug it is applied to `base_commit`
    before the agent starts, and `patch` is its reverse.
    """

    instance_id: str
    repo: str
    base_commit: str
    created_at: datetime
    problem_statement: str
    patch: str
    test_patch: str
    fail_to_pass: tuple[str, ...]
    pass_to_pass: tuple[str, ...]
    environment: str
    gold_files: tuple[str, ...] = ()
    """Source files that the gold patch touches, for the localization outcomes."""
    test_files: tuple[str, ...] = ()
    """Test modules that grading runs."""
    flaky: tuple[str, ...] = ()
    """Tests seen to change their outcome with the gold patch applied: never graded."""
    pytest_arguments: tuple[str, ...] = ()
    """Further arguments that its tests need, found at validation."""
    bug_patch: str = ""
    instructions: tuple[str, ...] = ()
    """Files of the base commit that agents read on their own, such as CLAUDE.md."""
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def synthetic(self) -> bool:
        """Whether the bug was injected rather than made by a person."""
        return bool(self.bug_patch)

    def task(self, position: int) -> Task:
        """The part of this instance that may be shown, at its place in the sequence."""
        return Task(
            instance_id=self.instance_id,
            repo=self.repo,
            base_commit=self.base_commit,
            created_at=self.created_at,
            problem_statement=self.problem_statement,
            position=position,
            synthetic=self.synthetic,
        )

    @property
    def digest(self) -> str:
        """sha256 over everything that decides what is asked and how it is graded."""
        parts = (
            self.instance_id,
            self.base_commit,
            self.problem_statement,
            self.patch,
            self.test_patch,
            self.bug_patch,
            *self.fail_to_pass,
            "|",
            *self.pass_to_pass,
            *(["|", *self.pytest_arguments] if self.pytest_arguments else []),
        )
        return digest_of("\0".join(parts))


def digest_of_fields(fields: Mapping[str, object]) -> str:
    """Digest of plain data (JSON), whatever the order of its keys.

    Kept beside the data, it tells damage and careless editing. It is no signature: who edits the
    data can make the digest anew.
    """
    return digest_of(json.dumps(fields, sort_keys=True))


def digest_of(text: str | bytes) -> str:
    """`sha256:` and the hexadecimal digest of a text (as UTF-8) or of bytes."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return "sha256:" + sha256(data).hexdigest()
