"""The leak audit: what a sandbox shows equals what its base commit reaches, or the run fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seqswe.errors import LeakError, RolloutError
from seqswe.sandbox import Sandbox, SandboxSpec

LIST = "git cat-file --batch-all-objects --batch-check='%(objectname)'"
"""Every object git can reach in the sandbox: loose, packed or through alternates; sorted."""

# One command for everything: a sandbox may be far away.
SCRIPT = f"""
set -e
listing=$(mktemp)
{LIST} > $listing
echo objects $(wc -l < $listing) $(sha256sum < $listing | cut -d' ' -f1)
rm $listing
echo head $(git rev-parse HEAD)
echo status $(git status --porcelain --untracked-files=all | wc -l)
git for-each-ref --format='ref %(refname) %(objectname)'
for name in FETCH_HEAD ORIG_HEAD MERGE_HEAD logs packed-refs shallow worktrees; do
  [ ! -e .git/$name ] || echo trace .git/$name
done
while read -r place; do
  find "$place" -type f ! -name 'pack-*.pack' ! -name 'pack-*.idx' ! -name 'pack-*.rev' |
    head -3 | sed 's/^/trace stray file /'
  for pack in "$place"/pack/*.pack; do
    [ -e "${{pack%.pack}}.idx" ] || echo trace pack without index "$pack"
  done
done < .git/objects/info/alternates
git remote | sed 's/^/trace remote /'
find . -name '*.pyc' | head -3 | sed 's/^/trace bytecode /'
site=$(dirname "$(command -v python)")/../lib
[ -z "$AUDIT_DISTRIBUTION" ] || ls -d "$site"/python*/site-packages/* | tr 'A-Z_.' 'a-z--' |
  grep -E "/$AUDIT_DISTRIBUTION(-py|-[0-9][^/]*-(dist|egg)-info)?$" | sed 's/^/trace installed /'
true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What the audit saw, in the words that reports print."""

    objects: int

    def __str__(self) -> str:
        return f"{self.objects} objects, 0 extra, 0 missing"


def audit(sandbox: Sandbox, spec: SandboxSpec, reachable: Callable[[str], Sequence[str]]) -> Audit:
    """Compare a fresh sandbox with what its base commit reaches.

    `reachable` names the ids a commit reaches, sorted; it is only asked when digests differ.
    Raises LeakError naming what is extra or missing.
    """
    name = re.sub(r"[-_.]+", "-", spec.environment.distribution).lower()
    done = sandbox.run(SCRIPT, env={"AUDIT_DISTRIBUTION": name})
    if not done.ok:
        raise RolloutError("sandbox_failed", f"the audit could not run: {done.stderr[-300:]!r}")
    seen = [line.split(" ", 1) for line in done.text.splitlines()]
    facts = {name: value for name, value in seen if name in ("objects", "head", "status")}
    if len(facts) < 3:
        raise RolloutError("sandbox_failed", f"the audit said only {done.text[:200]!r}")
    checkout = spec.checkout
    count, digest = facts["objects"].split()
    if (int(count), digest) != (checkout.count, checkout.digest):
        raise _difference(sandbox, reachable(checkout.commit), checkout.commit)
    refs = [value for name, value in seen if name == "ref"]
    traces = [value for name, value in seen if name == "trace"]
    if refs != [f"refs/heads/main {checkout.commit}"]:
        traces += [f"ref {ref}" for ref in refs]
    if facts["head"] != checkout.commit or facts["status"] != "0":
        traces.append(f"HEAD {facts['head'][:12]}, {facts['status']} changed files")
    if traces:
        raise LeakError(
            f"the sandbox of {checkout.commit[:12]} shows {'; '.join(traces)}",
            "The run stops here: later results would be contaminated.",
        )
    return Audit(objects=int(count))


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
