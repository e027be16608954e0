"""Collect an agent's patch: everything that differs from the base commit, new files included."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from seqswe.errors import RolloutError
from seqswe.sandbox import Limits, Sandbox

OUTPUT_BYTES = Limits().output_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """A patch for `git apply`, the paths that it touches, and what is not in it."""

    patch: str = ""
    files: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Path → reason, of changed files that could not be taken."""


def collect_patch(
    sandbox: Sandbox, base_commit: str, output_bytes: int = OUTPUT_BYTES
) -> Collected:
    """Return the difference between the sandbox's files and `base_commit`.

    Every process in the sandbox is ended first, and its temporary folder is emptied: no agent can
    work in it afterwards. Changed files that do not fit into `output_bytes`, the sandbox's limit of
    output, are left out.
    Raises RolloutError("agent_crashed") if the agent left nothing that could be compared.
    """
    sandbox.end_processes()
    arguments = (sandbox.root, sandbox.objects, base_commit, str(output_bytes))
    done = sandbox.run(["python3", "-I", "-S", "-c", _program(), *arguments])
    header, _, patch = done.stdout.partition(b"\n")
    if not done.ok or done.truncated:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        why = "it took too long" if done.timed_out else (lines or ["no reason is given"])[-1]
        raise RolloutError("agent_crashed", f"its patch could not be collected: {why[:200]}")
    about = json.loads(header)
    return Collected(
        patch=patch.decode("utf-8", "surrogateescape"),
        files=tuple(sorted(about["files"])),
        left_out=about["left_out"],
    )


@cache
def _program() -> str:
    """The program of `inside/` as a command line takes it."""
    return (resources.files("harness.grading") / "inside" / "collect.py").read_text("utf-8")
