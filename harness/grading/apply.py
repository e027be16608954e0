"""Apply a candidate's patch without what it must not change, by the names that git reads in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import PurePosixPath
from secrets import token_hex

from harness.grading.layout import is_test
from harness.grading.patch import sections_of
from seqswe.manifests.manifest import Layout
from seqswe.runs.rollout import Reason
from seqswe.sandbox import Sandbox

STEERS_TESTS = (
    "conftest.py",
    "pytest.ini",
    ".pytest.ini",
    "pytest.toml",
    ".pytest.toml",
    "tox.ini",
    "setup.cfg",
    "pyproject.toml",
    "sitecustomize",
    "sitecustomize.*",
    "usercustomize",
    "usercustomize.*",
    "*.pth",
    "noxfile.py",
    "entry_points.txt",
    ".gitattributes",
)
"""Names of files and folders (a package is imported like a module) that decide how tests run, or
how they are restored. A candidate may touch them only if gold does."""
END = """diff --git a/{name} b/{name}
new file mode 100644
index 0000000..e69de29
"""
"""A section of our own after the last one: git reads it last, or first where it reverses."""
# Git names a moved file by its new name, and in reverse by its old one.
READ = """
set -e
file=$(mktemp); cat > "$file"
git apply --numstat -z "$file"
printf '\\0'
git apply -R --numstat -z "$file"
rm "$file"
"""
APPLY = "git apply --whitespace=nowarn -"
READ_AND_APPLY = "git apply --whitespace=nowarn --numstat -z --apply -"
Forbidden = Callable[[str], str]
"""Why a candidate must not change a path; empty if it may."""


class PatchError(Exception):
    """A patch that cannot be applied, by its own fault."""

    def __init__(self, reason: Reason, problem: str, log: str = "") -> None:
        super().__init__(problem)
        self.reason, self.problem, self.log = reason, problem, log

    def __reduce__(self) -> tuple[type[PatchError], tuple[Reason, str, str]]:
        return type(self), (self.reason, self.problem, self.log)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What was applied and what was not."""

    files: tuple[str, ...] = ()
    dropped: Mapping[str, str] = field(default_factory=dict)
    """Path → why it was not applied."""


def forbidden_paths(layout: Layout, gold_paths: Iterable[str]) -> Forbidden:
    """Return a function that says why a candidate must not change a path.

    Tests, test configuration and start-up hooks are forbidden unless gold touches them.
    """
    allowed, test = frozenset(gold_paths), is_test(layout)

    def why(path: str) -> str:
        parts = PurePosixPath(path).parts
        if path in allowed:
            return ""
        if any(fnmatch(part, name) for part in parts for name in STEERS_TESTS):
            return "it steers the tests"
        return "it is a test" if test(path) else ""

    return why


def apply_patch(sandbox: Sandbox, patch: str, forbidden: Forbidden) -> Applied:
    """Apply a patch to a sandbox, section by section, but for those with a forbidden path.

    Raises PatchError if git cannot read it, reads it in another way than it was read here, or
    cannot apply it.
    """
    if not patch.strip():
        return Applied()
    sections = sections_of(patch)
    names = _names(sandbox, patch)
    if not sections or len(names) != len(sections):
        raise PatchError(
            "patch_unreadable",
            f"the patch cannot be read: {len(sections)} headers, and git sees {len(names)} files",
        )
    kept, dropped = [], {}
    for section, paths in zip(sections, names, strict=True):
        reasons = {path: why for path in paths if (why := forbidden(path))}
        dropped.update(reasons)
        if not reasons:
            kept.append((section, paths))
    if kept:
        _apply(sandbox, kept)
    files = sorted({path for _, paths in kept for path in paths})
    return Applied(files=tuple(files), dropped=dict(sorted(dropped.items())))


def _names(sandbox: Sandbox, patch: str) -> list[frozenset[str]]:
    """The old and new path of every file in a patch, as git reads it."""
    end = token_hex(8)
    text = (patch if patch.endswith("\n") else patch + "\n") + END.format(name=end)
    done = sandbox.run(READ, stdin=text.encode("utf-8", "surrogateescape"))
    if not done.ok:
        raise PatchError("patch_unreadable", *_said("the patch cannot be read", done.stderr))
    forward, reverse = map(_records, [*done.stdout.split(b"\0\0", 1), b""][:2])
    if end in reverse[:1]:  # as newer versions of git do
        reverse.reverse()
    if not [end] == forward[-1:] == reverse[-1:] or len(forward) != len(reverse):
        raise PatchError("patch_unreadable", "the patch cannot be read: it does not end")
    return [frozenset(pair) for pair in zip(forward[:-1], reverse[:-1], strict=True)]


def _apply(sandbox: Sandbox, kept: list[tuple[str, frozenset[str]]]) -> None:
    text = "".join(section for section, _ in kept)
    done = sandbox.run(READ_AND_APPLY, stdin=text.encode("utf-8", "surrogateescape"))
    if not done.ok:
        raise PatchError("patch_not_applicable", *_said("the patch does not apply", done.stderr))
    applied = _records(done.stdout)
    if len(applied) != len(kept) or any(
        name not in paths for name, (_, paths) in zip(applied, kept, strict=True)
    ):
        raise PatchError("patch_unreadable", "the patch cannot be read: its parts are not its sum")


def _records(output: bytes) -> list[str]:
    """The names in what `--numstat -z` prints."""
    records = output.decode("utf-8", "surrogateescape").split("\0")
    return [record.split("\t", 2)[2] for record in records if record]


def _said(problem: str, stderr: bytes) -> tuple[str, str]:
    """A problem with the first line of what git says, and all that it says."""
    log = stderr.decode(errors="replace")
    lines = log.splitlines() or ["no reason is given"]
    return f"{problem}: {lines[0]}", f"{problem}\n{log}"
