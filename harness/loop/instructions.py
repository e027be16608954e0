"""Instruction files out of an agent's sight: not in its working tree, and not in its patch."""

from __future__ import annotations

from collections.abc import Collection

from harness.grading import Collected
from harness.grading.patch import parts
from seqswe.errors import RolloutError
from seqswe.sandbox import Sandbox

# The index says that they need not be there, so that git reports no change. History keeps them.
HIDE = """
set -e
git update-index --skip-worktree -- "$@"
rm -f -- "$@"
for file; do
  case "$file" in */*) rmdir -p -- "${file%/*}" 2>/dev/null || true;; esac
done
"""


def hide(sandbox: Sandbox, files: Collection[str]) -> None:
    """Take files out of a fresh checkout. Raises RolloutError("sandbox_failed")."""
    if files:
        done = sandbox.run(["sh", "-c", HIDE, "sh", *files])
        if not done.ok:
            reason = done.stderr.decode("utf-8", "replace")[-200:]
            raise RolloutError("sandbox_failed", f"instruction files could not be hidden: {reason}")


def without(collected: Collected, files: Collection[str]) -> Collected:
    """What was collected, but for hidden files: their absence is not the agent's doing."""
    if not files:
        return collected
    hidden = set(files)
    kept = (part.text for part in parts(collected.patch) if hidden.isdisjoint(part.paths))
    return Collected(
        patch="".join(kept),
        files=tuple(path for path in collected.files if path not in hidden),
        left_out={path: why for path, why in collected.left_out.items() if path not in hidden},
    )
