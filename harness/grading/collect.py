"""Collect an agent's patch: everything that differs from the base commit, new files included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from seqswe.errors import RolloutError
from seqswe.sandbox import Limits, Sandbox

OUTPUT_BYTES = Limits().output_bytes
PARTS = ("repository.py", "collect.py")


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
    if not done.ok or done.truncated:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        why = "it took too long" if done.timed_out else (lines or ["no reason is given"])[-1]
        raise RolloutError("agent_crashed", f"its patch could not be collected: {why[:200]}")
    files, rest = _fields(done.stdout.decode("utf-8", "surrogateescape"))
    left_out, patch = _fields(rest)
    pairs = zip(left_out[::2], left_out[1::2], strict=True)
    return Collected(patch=patch, files=tuple(sorted(files)), left_out=dict(pairs))


def _fields(text: str) -> tuple[list[str], str]:
    """Take a list of fields, each ended by a null byte, and then one more, from a text."""
    if text.startswith("\0"):
        return [], text[1:]
    fields, _, rest = text.partition("\0\0")
    return fields.split("\0"), rest


@cache
def _program() -> str:
    """The program of `inside/` as one text, as a command line takes it: it needs no file inside."""
    folder = resources.files("harness.grading") / "inside"
    first, second = ((folder / name).read_text("utf-8") for name in PARTS)
    # The second part imports the first, and asks for the same features: here they are one.
    own = ("from __future__", "from harness.")
    lines = [line for line in second.splitlines() if not line.startswith(own)]
    return "\n".join([first, *lines])
