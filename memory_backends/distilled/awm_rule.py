"""`awm_rule`: what solved tasks did, one trajectory for each abstract sequence of actions.

Source: the rule-based induction of Agent Workflow Memory (arXiv 2409.07429), which did as well on
WebArena as the one with a model: keep validated successful trajectories, and of those with the
same sequence of abstract actions only one. Written from the paper; no code of theirs.

Deviations: an action is a shell command without its arguments (programs and options); a
trajectory counts as validated if the verdict says so, so under the policy `none` nothing is kept;
of equal sequences the first is shown, with the origins of all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from memory_backends.shared.asking import headline
from memory_backends.shared.items import Item, ItemMemory
from memory_backends.shared.text import clean
from seqswe.instance import Task
from seqswe.memory import Experience, Recalled
from seqswe.runs.trajectory import middle_cut

SHOWN = 2_000
"""Characters of a trajectory that are kept."""
ARGUMENTS = re.compile(
    r"(?<!<)<<-?\s*(['\"]?)([A-Za-z_]\w*)\1([^\n]*).*?(?:\n[ \t]*+\2(?=\n|\Z)|\Z)"
    r"|'[^']*'|\"[^\"]*\"",
    re.DOTALL,
)
"""A here-document, and group 3 what follows it on its first line; or a quoted text."""
BETWEEN = re.compile(r"(&&|\|\||[|;&\n])")
ASSIGNED = re.compile(r"\w+=\S*$")


class AwmRule(ItemMemory):
    """Trajectories of solved tasks, one for each abstract sequence of actions; no model."""

    def learn(self, experience: Experience) -> None:
        """Keep the trajectory if it solved its task and did something new."""
        if not experience.resolved:
            return
        # Only the commands: their output belongs to this task alone.
        commands = commands_of(experience.steps)
        if not commands:
            return
        key = clean("\n".join(map(abstract, commands)))
        shown = middle_cut(
            clean("\n".join("$ " + command.replace("\n", "\n> ") for command in commands)), SHOWN
        )
        title = headline(experience.task.problem_statement)
        text = f"What solved an earlier issue ({title}):\n{shown}"
        repeated = any(item.key == key for item in self.items)
        # A repeated trajectory adds its origin alone, so that `items` only grows at its end.
        self.items.append(Item.of(experience, key=key, text="" if repeated else text))

    def choose(self, task: Task) -> Iterable[Recalled]:
        """Choose one trajectory of each kind, with the origins of all; the latest kind first."""
        kinds: dict[str, Item] = {}
        for item in self.items:
            kinds[item.key] = kinds[item.key].taught_by(item) if item.key in kinds else item
        return [item.recalled() for item in reversed(kinds.values())]


def commands_of(steps: str) -> list[str]:
    """Read the commands out of a trajectory as `seqswe.runs.trajectory.compact` writes it."""
    commands: list[str] = []
    for line in steps.split("\n"):
        if line.startswith("$ "):
            commands.append(line[2:])
        elif line.startswith("> ") and commands:
            commands[-1] += "\n" + line[2:]
    return commands


def abstract(command: str) -> str:
    """Keep programs and options of a command: `sed -n 1,20p a.py | head -5` → `sed -n | head -`."""
    parts = BETWEEN.split(ARGUMENTS.sub(r"\3", command))
    return " ".join(filter(None, (_action(part) for part in parts)))


def _action(part: str) -> str:
    if BETWEEN.fullmatch(part):
        return part.strip()
    words = [word for word in part.split() if not ASSIGNED.match(word)]
    kept = [
        word
        for index, word in enumerate(words)
        # The program, its options, and what is as good as a program.
        if not index or word[0] == "-" or words[index - 1] in ("-m", "git")
    ]
    return " ".join(re.sub(r"\d+", "", word) for word in kept)
