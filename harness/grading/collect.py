"""Collect an agent's patch: everything that differs from the base commit, new files included."""

from __future__ import annotations

from seqswe.errors import RolloutError
from seqswe.sandbox import Sandbox

# An index of its own: whatever the agent staged, committed or stashed, the files count.
SCRIPT = """
set -e
export GIT_INDEX_FILE=$(mktemp)
cp .git/index "$GIT_INDEX_FILE" 2>/dev/null || git read-tree "$BASE"
git -c core.hooksPath=/dev/null add -A . 2>/dev/null
git diff --cached --binary --full-index --no-color --no-ext-diff --no-textconv --no-renames "$BASE"
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
