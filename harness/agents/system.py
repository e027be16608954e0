"""An agent of a continual-learning system with three methods: `respond`, `observe`, `reset`.

The form is CL-Bench's. `class Mine(SystemAgent): system = MySystem` in a file of one's own is an
agent, `--agent ./mine.py:Mine --memory native`: the system's state is its own memory, which the
harness takes after each task, wipes where an arm says so, and hands back before the next one. The
state is pickled, so whatever it holds must be.
"""

from __future__ import annotations

import base64
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel

from seqswe.agent import Attempt, Usage
from seqswe.errors import RolloutError
from seqswe.instance import Task
from seqswe.memory import OWN_FILES, OWN_MEMORY, TOLD, Recall
from seqswe.sandbox import Sandbox

STATE = "system.pickle"
LINE = 76
SHOWN = 20_000
"""Characters of a command's output that are observed, its end."""
PROMPT = """\
Resolve this issue of the repository {repo}, which is checked out in the working directory, by \
changing its source code. Answer with one shell command at a time, and with an empty one when the \
issue is resolved. Hidden tests decide.

{issue}"""


class Action(BaseModel):
    """What a system answers: a shell command, or an empty text to end the task."""

    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a system is asked, once per turn."""

    prompt: str
    instance_id: str
    instance_index: int
    """The task's position in the sequence."""
    response_schema: type[BaseModel] = Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What came of an answer; or, before the first query of a task, of the task before it."""

    content: str
    instance_complete: bool = False


class LearningSystem(Protocol):
    """What `SystemAgent.system` makes."""

    def respond(self, query: Query) -> Any:
        """Answer with an object whose `action` is an `Action`, or a text."""
        ...

    def observe(self, observation: Observation, next_query: Query | None = None) -> None:
        """Learn what came of the last answer."""
        ...

    def reset(self) -> None:
        """Forget everything."""
        ...


class SystemAgent:
    """Runs the commands that a system answers; at most `turns` a task."""

    own_memory = True
    system: ClassVar[Callable[[], LearningSystem]]

    def __init__(self, *, seed: int, turns: int = 30) -> None:
        self._turns = turns

    def solve(self, task: Task, recall: Recall, sandbox: Sandbox) -> Attempt:
        """Go on from the state that was recalled, or from none."""
        files = {item.notes.get("path"): item.text for item in recall.items}
        system = self._restored(files.get(STATE, ""))
        prompt = PROMPT.format(repo=task.repo, issue=task.problem_statement)
        query = Query(prompt=prompt, instance_id=task.instance_id, instance_index=task.position)
        if told := files.get(TOLD):
            system.observe(Observation(content=told, instance_complete=True), query)
        steps = 0
        while steps < self._turns and (command := _command(system.respond(query))):
            done = sandbox.run(command)
            text = (done.stdout + done.stderr).decode("utf-8", "replace")[-SHOWN:]
            system.observe(Observation(content=f"{text}[exit {done.exit_code}]"), query)
            steps += 1
        kept = {OWN_FILES: {STATE: _text(system)}} if OWN_MEMORY in recall.env else {}
        return Attempt(notes=kept, usage=Usage(steps=steps))

    def _restored(self, state: str) -> LearningSystem:
        if state:
            # Of this very agent: a snapshot is as trusted as the program that it belongs to.
            restored: LearningSystem = pickle.loads(base64.b64decode(state))
            return restored
        system = type(self).system()
        system.reset()
        return system


def _text(system: LearningSystem) -> str:
    """The state as lines of text."""
    data = base64.b64encode(pickle.dumps(system)).decode()
    return "\n".join(data[at : at + LINE] for at in range(0, len(data), LINE)) + "\n"


def _command(response: Any) -> str:
    """The command of an answer. Raises RolloutError("agent_crashed") for anything else."""
    action = getattr(response, "action", response)
    command = getattr(action, "command", action)
    if not isinstance(command, str):
        raise RolloutError("agent_crashed", f"its answer is no command: {response!r:.200}")
    return command.strip()
