"""`repair`: generates small edits and validates them with the issue's reproduction.

It needs no model. It runs the reproduction, orders edits of the functions in its trace, and tries
them under a fixed budget of executions until one makes the reproduction pass. The memory decides
which edits come first (`fe`), and earlier reproductions veto edits that break them (`r`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from harness.agents.repair.knowledge import knowledge_of
from seqswe.agent import Attempt, Usage
from seqswe.errors import RolloutError, UsageError
from seqswe.instance import Task
from seqswe.memory import Recall
from seqswe.sandbox import Sandbox
from seqswe.user import ASK_BUDGET, ask

CODE = re.compile(r"```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
SAVE_AS = re.compile(r"save this as `([^`\s]+\.py)`")
BOOT = """
import gc, io, json, os, sys
gc.disable()  # a short life, in which a look for cycles frees next to nothing
sys.path.remove("")  # as -P does, which is only there since Python 3.11
given = json.load(sys.stdin)
home = os.path.join(os.environ["HOME"], ".seqswe", "repair")
os.makedirs(os.path.join(home, "inside"), exist_ok=True)
for name, text in given["modules"].items():
    with open(os.path.join(home, "inside", name), "w", encoding="utf-8") as file:
        file.write(text)
sys.path.insert(0, home)
sys.stdin = io.StringIO(json.dumps(given["job"]))
from inside.main import main
main()
"""
BUDGET = 20
SECONDS = 3.0
"""Processor time of one candidate."""


class Repair:
    """Tries at most `budget` executions a task, of `seconds` processor time each.

    An execution is a run of pytest in a forked child: a candidate on the reproduction, or a
    plausible candidate on the earlier reproductions (all of them in one run). `memory_use`: which
    of f, e and r (`knowledge.PARTS`) are used, or none. `arguments`: further arguments for
    pytest, separated by spaces.
    """

    coupled = True
    ignores_scores = True

    def __init__(
        self,
        *,
        seed: int,
        budget: int = BUDGET,
        seconds: float = SECONDS,
        memory_use: str = "fe+r",
        arguments: str = "",
    ) -> None:
        if budget < 1 or seconds <= 0:
            raise UsageError("budget and seconds of repair must be positive", "For example 20, 3.")
        knowledge_of(Recall(), memory_use)
        self._seed, self._budget, self._seconds = seed, budget, float(seconds)
        self._use, self._arguments = memory_use, arguments.split()

    def solve(self, task: Task, recall: Recall, sandbox: Sandbox) -> Attempt:
        """Repair the checkout, if an edit makes the reproduction pass."""
        if not reproduction_of(task.problem_statement)[0]:
            return Attempt(message="the issue has no reproduction")
        knowledge = knowledge_of(recall, self._use)
        job = job_of(task, self._seed, self._budget, self._seconds, self._arguments) | {
            "known": {
                "fixes": knowledge.fixes,
                "passes": knowledge.passes,
                "kinds": knowledge.kinds,
            },
            "regressions": knowledge.regressions,
            "gold": knowledge.gold,
        }
        if ASK_BUDGET in recall.env:
            answer = self._with_user(sandbox, job)
        else:
            answer = run_job(sandbox, job)
        return _attempt(answer, job["reproduction"])

    def _with_user(self, sandbox: Sandbox, job: dict[str, Any]) -> dict[str, Any]:
        """Ask for the file once half of the attempts have come to nothing."""
        half = max(1, self._budget // 2)
        answer = run_job(sandbox, job | {"budget": half})
        made = answer["executions"]
        if answer["accepted"] or not half <= made < self._budget:
            return answer
        if file := ask(sandbox, "file"):
            job = job | {"only": [file]}
        # Nothing was plausible, so every execution was the next edit of the ranking.
        again = run_job(sandbox, job | {"budget": self._budget - made, "skip": made})
        return again | {"executions": made + again["executions"]}


def job_of(
    task: Task,
    seed: int,
    budget: int = BUDGET,
    seconds: float = SECONDS,
    arguments: Sequence[str] = (),
) -> dict[str, Any]:
    """The order to repair a task, without any knowledge; see `inside.main.Job`."""
    code, path = reproduction_of(task.problem_statement)
    return {
        "path": path,
        "reproduction": code,
        "budget": budget,
        "seconds": seconds,
        "seed": f"{seed} {task.instance_id}",
        "arguments": list(arguments),
        "spared": ["test", path],
    }


def run_job(sandbox: Sandbox, job: Mapping[str, Any]) -> dict[str, Any]:
    """Carry an order out in a sandbox; returns what `inside.main` answers. Raises RolloutError."""
    payload = json.dumps({"modules": modules(), "job": job}).encode()
    done = sandbox.run(["python", "-c", BOOT], stdin=payload)
    if done.timed_out:
        raise RolloutError("agent_out_of_budget", "the candidates took too long together")
    if not done.ok:
        raise RolloutError("agent_crashed", done.stderr[-300:].decode("utf-8", "replace"))
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def reproduction_of(statement: str) -> tuple[str, str]:
    """Find the reproduction in an issue's text and where to save it; empty if it has none."""
    code, path = CODE.search(statement), SAVE_AS.search(statement)
    return code[1] if code else "", path[1] if path else "test_reproduction.py"


@cache
def modules() -> Mapping[str, str]:
    """Return the modules that are sent into the sandbox, by file name."""
    folder = files("harness.agents.repair") / "inside"
    sources = (f for f in folder.iterdir() if f.name.endswith(".py"))
    return {f.name: f.read_text(encoding="utf-8") for f in sorted(sources, key=lambda f: f.name)}


def _attempt(answer: Mapping[str, Any], code: str) -> Attempt:
    accepted, functions = answer["accepted"], answer["functions"]
    notes: dict[str, Any] = {"agent": "repair", "code": code, "functions": functions}
    if accepted:
        function = f"{accepted['path']}::{accepted['function']}"
        notes |= {"file": accepted["path"], "function": function, "kind": accepted["kind"]}
        notes |= {"text": accepted["text"], "note": f"{accepted['kind']} in {function}"}
    ranking = dict.fromkeys(name.partition("::")[0] for name in functions)
    if accepted:
        ranking = {accepted["path"]: None} | ranking
    return Attempt(
        ranking=tuple(ranking),
        notes=notes,
        usage=Usage(steps=1 + answer["executions"], executions=answer["executions"]),
        message=f"{'repaired' if accepted else 'no edit'} after {answer['executions']} executions "
        f"({answer['plausible']} plausible, {answer['vetoed']} vetoed)",
    )
