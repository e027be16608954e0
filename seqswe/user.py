"""The user protocol: whom an agent can ask about its task, and what an answer costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from seqswe.instance import Task, digest_of
from seqswe.sandbox import Sandbox

NOBODY = "none"
"""The user of a run without one."""
ASK_BUDGET = "SEQSWE_ASK_BUDGET"
"""Variable of every command where there is a user to ask (and of `recall.env`, for agents on the
host): what all answers of the task may cost. Then `ask KIND [ARGUMENT]` is a command."""
OUT_OF_SCOPE = "OUT-OF-SCOPE"
"""How an answer begins that tells nothing: an unknown kind, no such fact, or no budget for it."""
MARK_DIGITS = 16
PRICES: Mapping[str, int] = {
    "title-rest": 1,
    "error-type": 2,
    "test-id": 3,
    "file": 4,
    "test-call": 5,
    "expected-actual": 5,
    "function": 6,
    "traceback": 6,
}
"""Kinds of facts of the user `facts`, and what one of them costs: the dearer, the nearer to the
fix. They are a convention, fixed before any run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something true of a task, and what it costs to be told."""

    kind: str
    text: str
    price: int
    files: tuple[str, ...] = ()
    """The files that it names as places of the fix, for precision and recall."""


Facts = Callable[[str], Sequence[Fact]]
"""All facts of a kind, in a fixed order; some are only found out when they are first asked for."""


@runtime_checkable
class User(Protocol):
    """Answers the questions of one agent about one task. A fresh one is built for every rollout.

    Built as `Factory(seed=...)`, in the harness's own process: it knows gold, so it is code that
    you trust. The same questions must get the same answers.

    A class with `apis`, such as `("chat",)`, asks the model of `--user-model`: it is built with
    `model`, a `seqswe.agent.AgentModel`, whose requests are metered, limited and recorded.
    """

    def answer(self, task: Task, kind: str, argument: str, facts: Facts) -> Fact | None:
        """Answer a question; None for what it does not tell. The harness counts and charges."""
        ...


def ask(sandbox: Sandbox, kind: str, argument: str = "") -> str:
    """Ask from the host, for an agent that finds ASK_BUDGET in `recall.env`.

    Returns what the user tells; "" if that is nothing.
    """
    done = sandbox.run(["ask", kind, *([argument] if argument else [])])
    text = done.text.rstrip("\n").rpartition("\n")[0]  # the last line is the mark
    return text if done.ok and not done.text.startswith(OUT_OF_SCOPE) else ""


def mark_of(instance_id: str, kind: str) -> str:
    """The mark of a task's answers of a kind, the same in every run; it stands nowhere else.

    By it an audit sees that a memory kept what only the user said.
    """
    digest = digest_of(f"{instance_id} {kind}").partition(":")[2]
    return f"answer-{digest[:MARK_DIGITS]}"
