"""Carries a recipe out: writes the program's files, runs it, reads what it did and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from harness.agents.recipes.find import RECIPES, find
from harness.agents.recipes.native import keep, restore
from harness.agents.recipes.prompt import the_prompt
from harness.agents.recipes.recipe import Recipe
from harness.agents.recipes.replaying import COMMON
from harness.agents.recipes.setup import (
    MEMORY_FILE,
    PROMPT_FILE,
    Setup,
    set_up,
    values_of,
    way_of,
)
from harness.agents.recipes.transcripts import Account, read_transcript
from seqswe.agent import Attempt, Usage
from seqswe.errors import RolloutError, UnknownName
from seqswe.instance import Task, digest_of
from seqswe.memory import OWN_MEMORY, Recall
from seqswe.sandbox import Completed, Sandbox

NO_LIMIT = 1e9
"""Seconds, for a command that may take what is left of the task's."""
SIDE_SECONDS = 60.0
"""For writing the program's files, and for reading its transcript; a fraction of a second each."""
EXCLUDES = ".git/info/exclude"
LOOK = """
import os, sys
home = os.environ["HOME"]
print(home)
print(os.path.isfile(os.path.join(home, sys.argv[1])))
"""
COLLECT = """
import glob, os, sys
files = [path for path in glob.glob(sys.argv[1], recursive=True) if os.path.isfile(path)]
if files:
    with open(max(files, key=os.path.getmtime), "rb") as file:
        while data := file.read(1 << 16):
            sys.stdout.buffer.write(data)
"""


class RecipeAgent:
    """A command line agent, a class of its own for each recipe; `seconds` bounds one task."""

    recipe: ClassVar[Recipe]
    inside = True
    ignores_scores = True
    apis: ClassVar[tuple[str, ...]] = ()
    side_models: ClassVar[tuple[str, ...]] = ()
    deliveries: ClassVar[tuple[str, ...]] = ()
    replay_drop: ClassVar[tuple[str, ...]] = ()
    replay_blank: ClassVar[tuple[str, ...]] = ()
    version: ClassVar[str] = ""
    digest: ClassVar[str] = ""

    def __init__(self, *, seed: int, seconds: float | None = None) -> None:
        self._seed, self._seconds = seed, seconds or NO_LIMIT

    def solve(self, task: Task, recall: Recall, sandbox: Sandbox) -> Attempt:
        """Hand the task over, run the program to its end, read its transcript."""
        home, has_file = _look(sandbox)
        values = values_of(task, self._seed, recall.env, home, sandbox.root)
        native = self.recipe.native if OWN_MEMORY in recall.env else None
        told = Recall() if native else recall
        text = the_prompt().text(task, told, sandbox.root)
        values["prompt"] = the_prompt().argument(text, values["prompt_file"])
        way = way_of(recall.env, has_file=has_file)
        setup = set_up(self.recipe, way, values)
        for path, content in {**setup.files, PROMPT_FILE: text + "\n"}.items():
            sandbox.write(f"{home}/{path}", content.encode("utf-8", "replace"))
        if self.recipe.ignore:
            sandbox.write(EXCLUDES, "".join(f"{each}\n" for each in self.recipe.ignore).encode())
        environment = setup.environment
        if native:
            restore(recall, home, sandbox)
            environment = {**environment, **native.environment}
        done = sandbox.run(setup.command, timeout=self._seconds, env=environment)
        attempt = self._attempt(done, self._account(done, setup, sandbox))
        return replace(attempt, notes=keep(native.files, sandbox)) if native else attempt

    def _account(self, done: Completed, setup: Setup, sandbox: Sandbox) -> Account:
        """What it did, as far as that can be read."""
        events = done.stdout.decode("utf-8", "replace")
        form = self.recipe.transcript.format
        transcript = events
        if form != "none" and setup.transcript != "stdout":
            transcript = _aside(sandbox, COLLECT, setup.transcript).text
        return read_transcript(form, transcript, events, self.recipe.replay.blank)

    def _attempt(self, done: Completed, account: Account) -> Attempt:
        """How it ended. Its exit code and its own word count, not what it calls success."""
        calls = sum(len(step.get("tool_calls", ())) for step in account.steps)
        failure = message = ""
        if done.timed_out:
            failure, message = "agent_out_of_budget", f"{self.recipe.name} did not end in time"
        elif not done.ok or account.error:
            printed = (done.stderr or done.stdout)[-300:].decode("utf-8", "replace").strip()
            said = account.error or printed
            failure = "agent_crashed"
            message = f"{self.recipe.name} ended with exit code {done.exit_code}: {said}"
        return Attempt(
            usage=Usage(steps=calls if account.steps else None),
            message=message or _last_words(account.steps),
            failure=failure,
            steps=tuple(account.steps),
            own_usage=account.usage,
            agent_version=self.recipe.shown_version,
        )


def agent_class(recipe: Recipe) -> type[RecipeAgent]:
    """The class of a recipe's agents, with what it says of itself."""
    facts = {
        "recipe": recipe,
        "apis": (recipe.api,) if recipe.api else (),
        "side_models": recipe.side_models,
        "deliveries": tuple(recipe.memory),
        "version": recipe.shown_version,
        "replay_drop": recipe.replay.drop,
        "replay_blank": (*recipe.replay.blank, *COMMON),
        "scripts": recipe.scripts,
        "digest": digest_of(f"{replace(recipe, about='')!r}\n{the_prompt().digest}"),
        "__doc__": recipe.about,
        "__module__": __name__,
    }
    name = "".join(part.capitalize() for part in recipe.name.split("-"))
    return type(name, (RecipeAgent,), facts)


def from_name(name: str) -> type[RecipeAgent]:
    """The class behind the name of a recipe, or behind the path of one.

    Raises UnknownName, and ManifestError for a file that is no recipe.
    """
    recipe = find(name)
    if recipe is None:
        raise UnknownName("recipe", name, RECIPES)
    return agent_class(recipe)


def _look(sandbox: Sandbox) -> tuple[str, bool]:
    """HOME of the sandbox, and whether a memory lies there as a file."""
    done = _aside(sandbox, LOOK, MEMORY_FILE)
    lines = done.text.splitlines()
    if not done.ok or len(lines) != 2:
        raise RolloutError("sandbox_failed", f"no HOME: {done.stderr[-200:]!r}")
    return lines[0], lines[1] == "True"


def _aside(sandbox: Sandbox, program: str, *arguments: str) -> Completed:
    """Run a program of ours, which is no step of the agent's."""
    run = getattr(sandbox, "aside", sandbox.run)
    command = ["python3", "-I", "-c", program, *arguments]
    done: Completed = run(command, timeout=SIDE_SECONDS)
    return done


def _last_words(steps: Sequence[Mapping[str, Any]]) -> str:
    words = (str(s["message"]) for s in reversed(steps) if s["source"] == "agent" and s["message"])
    return next(words, "")[:2000]
