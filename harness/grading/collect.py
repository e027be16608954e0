"""Collect an agent's patch: everything that differs from the base commit, new files included."""

from __future__ import annotations

from seqswe.errors import RolloutError
from seqswe.sandbox import Sandbox

# A new git folder, so that only the files count, whatever the agent staged, committed, stashed,
# marked as unchanged or configured. Only the packs' place and the ignored names are taken over
# from the agent's own. Repositories inside the checkout count as files, like the rest.
SCRIPT = """
set -e
export GIT_DIR="$(mktemp -d)" GIT_WORK_TREE="$PWD" GIT_CONFIG_GLOBAL=/dev/null
git init -q --template=
mkdir -p "$GIT_DIR/info"
cp .git/objects/info/alternates "$GIT_DIR/objects/info/"
cp .git/info/exclude "$GIT_DIR/info/" 2>/dev/null || true
find . -mindepth 2 -name .git -prune -exec rm -rf {} +
git read-tree "$BASE"
git -c core.quotePath=false -c core.safecrlf=false add -A .
git -c core.quotePath=false diff-index -p --cached --binary --full-index --no-color \
  --no-ext-diff --no-textconv --no-renames --src-prefix=a/ --dst-prefix=b/ "$BASE"
rm -rf "$GIT_DIR"
"""


def collect_patch(sandbox: Sandbox, base_commit: str) -> str:
    """Return the difference between the sandbox's files and `base_commit`, for `git apply`.

    Raises RolloutError("agent_crashed") if the agent left no repository to compare, or if the
    patch is larger than a sandbox may print.
    """
    done = sandbox.run(SCRIPT, env={"BASE": base_commit})
    if not done.ok or done.truncated:
        why = "it is too large" if done.truncated else done.stderr[-200:].decode(errors="replace")
        raise RolloutError("agent_crashed", f"its patch could not be collected: {why}")
    return done.stdout.decode("utf-8", "surrogateescape")
