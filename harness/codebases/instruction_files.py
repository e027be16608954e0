"""Files of a repository that agents on the command line read on their own, such as CLAUDE.md.

Where they come and go within a sequence, what an agent is told changes between tasks.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import PurePosixPath

from harness.history.objects import TREE, TREES, Objects

NAMES = frozenset(
    {
        "AGENT.md",
        "AGENTS.md",
        "AGENTS.local.md",
        "AGENTS.override.md",
        "CLAUDE.md",
        "CLAUDE.local.md",
        "CODEX.md",
        "CRUSH.md",
        "GEMINI.md",
        "QWEN.md",
        "WARP.md",
        ".aider.conf.yml",
        ".augment-guidelines",
        ".clinerules",
        ".cursorrules",
        ".goosehints",
        ".roorules",
        ".windsurfrules",
    }
)
"""Read in the top folder, and by most agents in the folders below it as well."""
FOLDERS = frozenset(
    {
        ".agent",
        ".agents",
        ".amazonq",
        ".augment",
        ".claude",
        ".cline",
        ".clinerules",
        ".codex",
        ".continue",
        ".crush",
        ".cursor",
        ".devin",
        ".gemini",
        ".junie",
        ".kilocode",
        ".kiro",
        ".opencode",
        ".openhands",
        ".qwen",
        ".roo",
        ".trae",
        ".windsurf",
    }
)
"""Rules, commands and settings of one agent each: every file in them."""
TOP = frozenset({"CONVENTIONS.md", ".rules"})
"""Read in the top folder only; elsewhere these names may mean anything."""
GITHUB = (".github/copilot-instructions.md", ".github/instructions/")
WHOLE = FOLDERS | {".github"}


def is_instructions(path: str) -> bool:
    """Whether an agent reads a file on its own, going by its path from the top folder."""
    *folders, name = PurePosixPath(path).parts
    # A name that is no text cannot stand in a manifest, and no agent looks for it.
    return path.isprintable() and (
        name in NAMES
        or (path in TOP)
        or path.startswith(GITHUB)
        or any(folder in FOLDERS for folder in folders)
    )


class InstructionFiles:
    """Finds them at many commits: a folder that did not change is looked at once."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._below = lru_cache(maxsize=TREES)(self._candidates)

    def at(self, commit: str) -> tuple[str, ...]:
        """Paths at a commit, sorted."""
        found = self._below(f"{commit}^{{tree}}", False)
        return tuple(sorted(filter(is_instructions, found)))

    def _candidates(self, tree: str, whole: bool) -> tuple[str, ...]:
        """Paths below a tree that may be such files; all of them in a folder of an agent."""
        return tuple(self._found(tree, whole))

    def _found(self, tree: str, whole: bool) -> Iterable[str]:
        for name, (mode, oid) in self._objects.tree(tree).items():
            if mode == TREE:
                below = self._below(oid, whole or name in WHOLE)
                yield from (f"{name}/{path}" for path in below)
            elif whole or name in NAMES or name in TOP:
                yield name
