"""`native`: the agent's own memory, kept from task to task: the files that it wrote below HOME.

It decides nothing: what is remembered, and how it is used, is the agent's. So only agents that
keep such files can be used with it, and they say which.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from seqswe.instance import Task
from seqswe.manifests.read import read_json
from seqswe.memory import OWN_FILES, TOLD, Experience, Recall, Recalled

STATE = "files.json"


class Native:
    """Holds the files that the last rollout left, and the ids of all that may have written them.

    tell: whether `told.md` is among the files, with what the feedback policy told of the last task.
    """

    def __init__(self, home: Path, *, tell: bool = False) -> None:
        self._tell = tell
        self._files: dict[str, str] = {}
        self._origins: list[str] = []

    def recall(self, task: Task) -> Recall:
        """Return every file, each with its path; none before the first rollout."""
        items = [
            Recalled(text=text, origins=tuple(self._origins), notes={"path": path})
            for path, text in sorted(self._files.items())
        ]
        return Recall(items=tuple(items))

    def record(self, experience: Experience) -> None:
        """Keep the files as this rollout left them; as they were if it did not say."""
        left = experience.notes.get(OWN_FILES)
        if isinstance(left, dict):
            self._files = {str(path): str(text) for path, text in left.items()}
        if self._tell:
            self._files[TOLD] = told(experience)
        if experience.task.instance_id not in self._origins:
            self._origins.append(experience.task.instance_id)

    def save(self, directory: Path) -> None:
        """Write files and origins."""
        state = {"files": self._files, "origins": self._origins}
        (directory / STATE).write_text(json.dumps(state, indent=1, sort_keys=True) + "\n")

    def load(self, directory: Path) -> None:
        """Read what `save` wrote."""
        state: dict[str, Any] = read_json(directory / STATE, "Restore it from a copy.")
        self._files, self._origins = state["files"], state["origins"]


def told(experience: Experience) -> str:
    """What the feedback policy let be known of a task, as a text."""
    known = {
        "resolved": experience.resolved,
        "tests": experience.test_output,
        "the merged fix": experience.gold_patch,
    }
    lines = [f"{name}: {value}" for name, value in known.items() if value is not None]
    return "\n".join([f"task: {experience.task.instance_id}", *lines, ""])
