"""The leak audit: a sandbox must show exactly what its base commit reaches, or the run fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seqswe.errors import LeakError, RolloutError
from seqswe.sandbox import Sandbox, SandboxSpec

LIST = "git cat-file --batch-all-objects --batch-check='%(objectname)'"
"""Every object git can reach in the sandbox: loose, packed or through alternates; sorted."""

# One command with few processes, because a sandbox may be far away.
SCRIPT = f"""
set -e
listing=$(mktemp)
{LIST} > $listing  # not into a pipe, where git could fail unseen
echo objects $(sha256sum < $listing)
rm $listing
git status --porcelain=v2 --branch --untracked-files=all
git for-each-ref --format='ref %(refname) %(objectname)'
for name in FETCH_HEAD ORIG_HEAD MERGE_HEAD logs packed-refs shallow worktrees; do
  [ ! -e .git/$name ] || echo trace .git/$name
done
while read -r place; do
  find "$place" -type f ! -name 'pack-*.pack' ! -name 'pack-*.idx' ! -name 'pack-*.rev' \
    ! -path "$place/tree.tar" -printf 'trace stray file %p\\n' -quit
  for pack in "$place"/pack/*.pack; do
    [ -e "${{pack%.pack}}.idx" ] || echo trace pack without index "$pack"
  done
done < .git/objects/info/alternates
git config --name-only --get-regexp '^remote[.]' | sed 's/^/trace /'
find . -name '*.pyc' -printf 'trace bytecode %p\\n' -quit
python=$(command -v python)
printf 'installed %s\\n' "${{python%/*}}"/../lib/python*/site-packages/*
"""
CHANGED = ("1 ", "2 ", "u ", "? ")
"""Beginnings of the lines about changed files in git's second status format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The audit's result, in the words that reports print."""

    objects: int

    def __str__(self) -> str:
        return f"{self.objects} objects, 0 extra, 0 missing"


def audit(sandbox: Sandbox, spec: SandboxSpec, reachable: Callable[[str], Sequence[str]]) -> Audit:
    """Compare a fresh sandbox with what its base commit reaches.

    `reachable` returns the ids that a commit reaches, sorted; it is only called if digests differ.
    Raises LeakError, which names what is extra or missing.
    """
    done = sandbox.run(SCRIPT)
    if not done.ok:
        raise RolloutError("sandbox_failed", f"the audit could not run: {done.stderr[-300:]!r}")
    lines = done.text.splitlines()

    def fields(word: str) -> list[str]:
        return [line.removeprefix(f"{word} ") for line in lines if line.startswith(f"{word} ")]

    digest, head = fields("objects"), fields("# branch.oid")
    if not digest or not head:
        raise RolloutError("sandbox_failed", f"the audit said only {done.text[:200]!r}")
    checkout = spec.checkout
    if digest[0].split()[0] != checkout.digest:
        raise _difference(sandbox, reachable(checkout.commit), checkout.commit)
    refs = fields("ref")
    traces = fields("trace") + _copies(fields("installed"), spec.environment.distribution)
    if refs != [f"refs/heads/main {checkout.commit}"]:
        traces += [f"ref {ref}" for ref in refs]
    changed = sum(line.startswith(CHANGED) for line in lines)
    if head != [checkout.commit] or changed:
        traces.append(f"HEAD {head[0][:12]}, {changed} changed files")
    if traces:
        raise LeakError(
            f"the sandbox of {checkout.commit[:12]} shows {'; '.join(traces)}",
            "The run stops here: later results would be contaminated.",
        )
    return Audit(objects=checkout.count)


def _copies(installed: Sequence[str], distribution: str) -> list[str]:
    """Return installed copies of a distribution, whose code may be of a later version."""
    name = re.escape(re.sub(r"[-_.]+", "-", distribution).lower())
    copy = re.compile(rf".*/{name}(-py|-[0-9][^/]*-(dist|egg)-info)?")
    normal = (re.sub(r"[_.]", "-", path).lower() for path in installed)
    return [f"installed {path}" for path in normal if distribution and copy.fullmatch(path)]


def _difference(sandbox: Sandbox, expected: Sequence[str], commit: str) -> LeakError:
    seen = set(sandbox.run(LIST).text.split())
    extra, missing = sorted(seen - set(expected)), sorted(set(expected) - seen)
    examples = ", ".join([*extra[:3], *missing[:3]])
    return LeakError(
        f"the sandbox of {commit[:12]} shows {len(extra)} extra and {len(missing)} missing "
        f"git objects ({examples})",
        "The run stops here: later results would be contaminated. Remove the history cache "
        "and check the clone.",
    )
