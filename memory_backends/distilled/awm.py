"""`awm`: reusable workflows that a model induces from solved tasks (Agent Workflow Memory).

Source: Wang, Mao, Fried, Neubig, "Agent Workflow Memory", arXiv 2409.07429 (ICML 2025), its online
variant. Written from the paper; no code of theirs.

Deviations: a step is a command or an edit rather than a web action; answers are JSON rather than
blocks between blank lines; success is the verdict where the feedback policy gives one, else a
model judges as in the paper; a workflow of a known name takes its place; the latest come first,
so a budget drops the oldest, where the paper's memory has no end. `reinduce` does what the
authors' code does rather than the paper: all workflows are made anew from all solved tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from memory_backends.shared.asking import Form, episode, succeeded
from memory_backends.shared.items import Item, ModelMemory, latest
from memory_backends.shared.replies import rows
from memory_backends.shared.schemas import lines, many, record, text
from memory_backends.shared.text import clean
from seqswe.instance import Task
from seqswe.memory import Experience, Recalled, Services
from seqswe.runs.trajectory import middle_cut

INDUCE = """\
You read how issues of one software project were solved, and find the routines that will serve \
again. A workflow is a sub-routine of at least two steps that recurs or plainly will: not a whole \
solution, and not overlapping with another workflow. Each step says what the state is, why the \
step is taken, and the command or edit itself. Write what varies from task to task as {names in \
braces}; keep what is fixed in this project, such as paths and commands. Do not repeat a workflow \
that is known. Answer with one JSON object and nothing else: {"workflows": [{"name": "...", \
"description": "when to use it", "steps": ["...", "..."]}]}. The list may be empty."""
WORKFLOWS = record(workflows=many(record(name=text(), description=text(), steps=lines())))
KNOWN = 10_000
"""Characters of the names of known workflows."""
EXAMPLE, EXAMPLES = 6_000, 40_000
"""Characters of one solved task, and of all together, when everything is induced again."""


class Awm(ModelMemory):
    """Workflows that a model induces from solved tasks (Agent Workflow Memory).

    reinduce: make all workflows anew from all solved tasks after each, instead of adding to them.
    """

    def __init__(
        self, home: Path, *, services: Services, reinduce: bool = False, **options: Any
    ) -> None:
        super().__init__(home, services=services, **options)
        self.reinduce = reinduce

    def learn(self, experience: Experience) -> None:
        """Induce workflows if the task was solved."""
        if not succeeded(self.asker, experience):
            return
        if self.reinduce:
            self._again(experience)
            return
        names = latest((f"- {item.key}" for item in self.items), KNOWN)
        for row in self._induce(f"## Known workflows\n{names}\n\n{episode(experience)}"):
            self.put(Item.of(experience, kind="workflow", **row))

    def choose(self, task: Task) -> Iterable[Recalled]:
        """Choose all workflows, the latest first."""
        return [item.recalled() for item in reversed(self.items) if item.kind == "workflow"]

    def _again(self, experience: Experience) -> None:
        text = middle_cut(episode(experience), EXAMPLE)
        solved = [item for item in self.items if item.kind == "solved"]
        name = clean(experience.task.instance_id)
        solved.append(Item.of(experience, kind="solved", key=name, text=text))
        shown = _latest(solved)
        workflows = self._induce("\n\n".join(item.text for item in shown))
        whole = shown[0]
        for item in shown[1:]:
            whole = whole.taught_by(item)
        self.items = [*solved]
        for row in workflows:
            # Which task taught which workflow is not known: each has the origins of all.
            self.put(replace(whole, kind="workflow", files=(), key=row["key"], text=row["text"]))

    def _induce(self, prompt: str) -> list[dict[str, str]]:
        entries = self.asker.ask(
            INDUCE,
            prompt,
            Form(
                lambda answer: rows(answer, "workflows", "name", "description", "steps"), WORKFLOWS
            ),
        )
        return [
            {
                "key": row["name"],
                "text": f"Workflow: {row['name']}\n{row['description']}\n{row['steps']}",
            }
            for row in entries
        ]


def _latest(solved: Sequence[Item]) -> list[Item]:
    """Return the latest items that fit into EXAMPLES characters, at least one, in order."""
    kept, left = [solved[-1]], EXAMPLES - len(solved[-1].text)
    for item in reversed(solved[:-1]):
        left -= len(item.text)
        if left < 0:
            break
        kept.append(item)
    return kept[::-1]
