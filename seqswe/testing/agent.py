"""The contract of an agent: it answers, it can be repeated, and what it says can be written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from math import isfinite
from typing import Any

from seqswe import plugins
from seqswe.agent import Agent, Attempt
from seqswe.memory import Recall, Recalled
from seqswe.sandbox import Sandbox
from seqswe.testing.expect import expect, expect_equal
from seqswe.testing.experiences import experiences

STORY = experiences(4)
REPEATED = "runs are compared seed by seed, and a resumed run must come to the same results"
JOURNALED = "it is written to the journal, and told to the memory"
RECALLS = (
    Recall(),
    Recall(
        items=(
            Recalled(
                text="Earlier issue: 日本語 " + "x" * 5000,
                score=2.5,
                origins=(STORY.task(0).instance_id,),
                files=("src/house/parser.py", "no/such/file.py"),
                notes={"note": "of another agent", "nested": {"list": [1, None, "é"]}},
            ),
            Recalled(text="", score=0.1),
        ),
        truncated=True,
    ),
)
"""What an agent must cope with: nothing, and notes and files that are not its own."""


def check_agent(name: str, open_sandbox: Callable[[], Sandbox], **options: Any) -> None:
    """Run the contract for an agent by name or `module:attribute`.

    open_sandbox: opens a fresh sandbox with the same checkout each time; it is closed here.
    Raises AssertionError where the contract is broken.
    """
    for recall in RECALLS:
        first, second = (_solve(name, open_sandbox, recall, options) for _ in range(2))
        check_attempt(first[0])
        # Usage may hold what was measured; ranking, notes and patch decide results.
        for what in ("ranking", "notes"):
            came, before = (getattr(attempt, what) for attempt, _ in (second, first))
            expect_equal(came, before, f"the same {what} with the same seed", REPEATED)
        expect_equal(second[1], first[1], "the same patch with the same seed", REPEATED)


def check_attempt(attempt: Attempt) -> None:
    """Whether an attempt can be journaled and told to a memory. Raises AssertionError."""
    expect(isinstance(attempt, Attempt), "`solve` returns an Attempt", attempt, JOURNALED)
    ranking = attempt.ranking
    ranks = "hit@k counts the rank of a file: it can have one rank"
    expect(len(set(ranking)) == len(ranking), "every file ranked once", ranking, ranks)
    named = all(isinstance(file, str) and file for file in ranking)
    expect(named, "a ranking of file names", ranking, JOURNALED)
    json.dumps(dict(attempt.notes))
    for field, value in asdict(attempt.usage).items():
        sound = value is None or (isfinite(value) and value >= 0)
        expect(sound, f"usage.{field} is a number from 0, or None", value, JOURNALED)


def _solve(
    name: str, open_sandbox: Callable[[], Sandbox], recall: Recall, options: dict[str, Any]
) -> tuple[Attempt, bytes]:
    factory = plugins.resolve("agent", name)
    gold = {"gold": STORY.services().gold} if getattr(factory, "reads_gold", False) else {}
    agent = plugins.build("agent", name, seed=0, **gold, **options)
    has = [name for name in dir(agent) if not name.startswith("_")]
    expect(isinstance(agent, Agent), "an agent with the method `solve`", has, "it is all we call")
    sandbox = open_sandbox()
    try:
        attempt = agent.solve(STORY.task(3), recall, sandbox)
        return attempt, sandbox.run("git add -A && git diff --cached HEAD").stdout
    finally:
        sandbox.close()
