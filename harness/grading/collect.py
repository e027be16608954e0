"""Collect an agent's patch: everything that differs from the base commit, new files included."""

from __future__ import annotations

from seqswe.errors import RolloutError
from seqswe.sandbox import Sandbox

# An index of its own, read anew from the base: whatever the agent staged, committed, stashed or
# marked as unchanged, the files count. Its own git settings do not: they may rename the prefixes
# that `git apply` needs. Repositories inside the checkout are told by their files, like the rest.
SCRIPT = """
set -e
export GIT_INDEX_FILE="$(mktemp -u)" GIT_CONFIG_GLOBAL=/dev/null
find . -mindepth 2 -name .git -prune -exec rm -rf {} +
git read-tree "$BASE"
git -c core.fsmonitor=false -c core.untrackedCache=false -c core.fileMode=true -c core.bare=false \
  -c core.worktree="$PWD" -c core.hooksPath=/dev/null -c core.quotePath=false add -A .
git -c core.quotePath=false diff-index -p --cached --binary --full-index --no-color \
  --no-ext-diff --no-textconv --no-renames --src-prefix=a/ --dst-prefix=b/ "$BASE"
rm -f "$GIT_INDEX_FILE"
"""


def collect_patch(sandbox: Sandbox, base_commit: str) -> str:
    """The difference between the sandbox's files and `base_commit`, as `git apply` reads it.

    Raises RolloutError("agent_crashed") when the agent left no repository to compare, and
    when the patch is larger than a sandbox may print.
    """
    done = sandbox.run(SCRIPT, env={"BASE": base_commit})
    if not done.ok or done.truncated:
        why = "it is too large" if done.truncated else done.stderr[-200:].decode(errors="replace")
        raise RolloutError("agent_crashed", f"its patch could not be collected: {why}")
    return done.stdout.decode("utf-8", "surrogateescape")
