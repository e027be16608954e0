"""`files`: a folder of notes that an agent, or a model after each task, keeps in order.

Source: the public description of Anthropic's memory tool (view, create, str_replace, insert,
delete, rename below /memories). Written from it; no code of theirs.

Deviations: agents here have no such tool, so after each task the model is asked to keep the folder
by the same commands, as JSON, in at most `turns` answers; before a task the notes are shown whole
rather than looked up. A file's origins are those of every file that was seen or changed in the
same sitting: what was read may have been written down elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from memory_backends.shared.asking import Form, episode
from memory_backends.shared.folder import ROOT, Folder, RefusedPath
from memory_backends.shared.items import Item, ModelMemory
from memory_backends.shared.records import at_least
from memory_backends.shared.replies import listed
from memory_backends.shared.schemas import document, either, many, one_of, record, text
from memory_backends.shared.text import clip
from seqswe.instance import Task
from seqswe.memory import Experience, Recalled, Services

NOTES = "memories"
KEEP = f"""\
You keep a folder of notes, {ROOT}, for coding agents that work on the issues of one software \
project, one after the other. You are shown a finished task and the files there are. Write down \
what will help with later issues; correct, merge and remove what does not. Commands, as JSON:
{{"command": "view", "path": "{ROOT}/a.md", "view_range": [1, 20]}}
{{"command": "create", "path": "{ROOT}/a.md", "file_text": "..."}}
{{"command": "str_replace", "path": "{ROOT}/a.md", "old_str": "...", "new_str": "..."}}
{{"command": "insert", "path": "{ROOT}/a.md", "insert_line": 0, "insert_text": "..."}}
{{"command": "delete", "path": "{ROOT}/a.md"}}
{{"command": "rename", "old_path": "{ROOT}/a.md", "new_path": "{ROOT}/b.md"}}
Answer with one JSON object and nothing else: {{"commands": [...]}}. You are told what came of \
them and may go on; an empty list ends it."""
_COMMANDS = (
    {"command": one_of("view"), "path": text()},
    {"command": one_of("create"), "path": text(), "file_text": document()},
    {
        "command": one_of("str_replace"),
        "path": text(),
        "old_str": document(),
        "new_str": document(),
    },
    {
        "command": one_of("insert"),
        "path": text(),
        "insert_line": {"type": "integer"},
        "insert_text": document(),
    },
    {"command": one_of("delete"), "path": text()},
    {"command": one_of("rename"), "old_path": text(), "new_path": text()},
)
COMMANDS = Form(
    lambda answer: listed(answer, "commands"),
    record(commands=many(either(*(record(**fields) for fields in _COMMANDS)))),
)
RESULT = 20_000
"""Characters of the results of one answer's commands."""


class Files(ModelMemory):
    """A folder of notes that a model keeps by the six commands of the memory tool.

    turns: answers of the model after each task, at most.
    """

    def __init__(self, home: Path, *, services: Services, turns: int = 6, **options: Any) -> None:
        super().__init__(home, services=services, **options)
        at_least(turns=(turns, 1))
        self.turns = turns
        self.folder = Folder(home / NOTES)

    def learn(self, experience: Experience) -> None:
        """Let the model work on the folder. If it fails on the way, nothing has changed."""
        # Not the folder's content: something else may have written in it since.
        before = {item.key: item.text for item in self.items}
        try:
            self._sit(experience)
        except BaseException:
            self.folder.replace(before)
            raise
        self._settle(before, Item.of(experience, key="", text=""))

    def choose(self, task: Task) -> Iterable[Recalled]:
        """Choose all notes, by path."""
        return [
            replace(item, text=f"{ROOT}/{item.key}\n{item.text}").recalled() for item in self.items
        ]

    def load(self, directory: Path) -> None:
        """Read the state and lay out the folder."""
        super().load(directory)
        self.folder.replace({item.key: item.text for item in self.items})

    def _sit(self, experience: Experience) -> None:
        shown = self.folder.run({"command": "view", "path": ROOT})
        talk = [
            {"role": "system", "content": KEEP},
            {"role": "user", "content": f"{episode(experience)}\n\n## {shown}"},
        ]
        for _ in range(self.turns):
            commands, answer = self.asker.go_on(talk, COMMANDS, 4096)
            if not commands:
                return
            results = clip("\n".join(self._carried_out(command) for command in commands), RESULT)
            talk += [
                {"role": "assistant", "content": answer},
                {"role": "user", "content": results},
            ]

    def _carried_out(self, command: dict[str, Any]) -> str:
        try:
            return self.folder.run(command)
        except RefusedPath as problem:
            return f"error: {problem} ({json.dumps(command)[:200]})"

    def _settle(self, before: dict[str, str], new: Item) -> None:
        """Make items from files; the changed ones take the origins of every touched file."""
        by_name = {item.key: item for item in self.items}
        for name in sorted(self.folder.touched & by_name.keys()):
            new = by_name[name].taught_by(new)
        self.folder.touched = set()
        self.items = [
            by_name[name]
            if before.get(name) == text
            else Item(key=name, text=text, origins=new.origins)
            for name, text in self.folder.files().items()
        ]
