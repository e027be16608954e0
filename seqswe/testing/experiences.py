"""A made-up codebase and what befell it: experiences for tests, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha1
from random import Random

from seqswe.instance import Instance, Task
from seqswe.memory import Commit, Experience, Services
from seqswe.models.endpoint import Endpoint
from seqswe.models.meter import Meter
from seqswe.models.openai import Chat, Embeddings

REPO = "example/house"
_START = datetime(2020, 1, 1, tzinfo=UTC)
_NAMES = (
    "parser lexer planner optimizer cache scheduler router session cookie header template loader "
    "writer reader encoder decoder schema migration index cursor pool socket proxy logger metric "
    "config plugin signal worker queue ledger invoice calendar timezone currency locale font "
    "canvas shader mesh physics audio codec packet cipher token grammar macro linker profiler"
)
_ROOMS = tuple(_NAMES.split())
_FAULTS = (
    "raises KeyError when the input is empty",
    "drops the last element of a nested list",
    "returns stale values after a reload",
    "ignores the encoding given by the caller",
    "loses precision for very large numbers",
    "never closes its handle on failure",
    "compares names without regard to case",
)

_STEPS = """\
$ grep -rn {room}_run src
  {file}:{number}: def {room}_run(value):
$ sed -n 1,40p {file}
  old = {number}
$ python -m pytest tests/test_{room}.py
  [exit 1]
"""


class Experiences:
    """`count` experiences of one codebase in chronological order, and the services beside them."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[Experience]:
        return (self.at(position) for position in range(self.count))

    def at(self, position: int) -> Experience:
        """The experience at a position; gold feedback, and a note of the agent."""
        instance, room = self.instance(position), _room(position)
        resolved = position % 3 != 0
        return Experience(
            task=instance.task(position),
            patch=instance.patch if resolved else "",
            ranking=instance.gold_files,
            notes={"note": f"faults of the {room} are in {instance.gold_files[0]}"},
            steps=_STEPS.format(room=room, file=instance.gold_files[0], number=position),
            resolved=resolved,
            test_output=None if resolved else f"FAILED tests/test_{room}.py::test_{position}",
            gold_patch=instance.patch,
            gold_files=instance.gold_files,
            edited_files=instance.gold_files if resolved else (),
        )

    def task(self, position: int) -> Task:
        """The task at a position, also beyond `count`: the next one that is to be solved."""
        return self.instance(position).task(position)

    def instance(self, position: int) -> Instance:
        """The instance at a position, gold fields and all."""
        room, fault = _room(position), _FAULTS[position % len(_FAULTS)]
        file = f"src/house/{room}.py"
        return Instance(
            instance_id=f"example__house-{position:05}",
            repo=REPO,
            base_commit=_sha(position),
            created_at=_START + timedelta(hours=position),
            problem_statement=(
                f"{room.title()} {fault} (case {position})\n\n"
                f"Calling `house.{room}.{room}_run(...)` {fault}. Seen in version 1.{position}."
            ),
            patch=(
                f"--- a/{file}\n+++ b/{file}\n@@ -1 +1 @@\n-old = {position}\n+new = {position}\n"
            ),
            test_patch=f"--- a/tests/test_{room}.py\n+++ b/tests/test_{room}.py\n",
            fail_to_pass=(f"tests/test_{room}.py::test_{position}",),
            pass_to_pass=(),
            environment="example",
            gold_files=(file, "src/house/core.py") if position % 5 == 0 else (file,),
        )

    def services(self, model_url: str = "") -> Services:
        """The services a memory may need: the log before each task, and the gold data.

        With the URL of an OpenAI-compatible endpoint (ScriptedModel has one) also a model and
        embeddings, and a clock and chance that stand still.
        """
        services = Services(
            history=self._log, gold=lambda instance_id: self.instance(int(instance_id[-5:]))
        )
        if not model_url:
            return services
        endpoint, meter = _endpoint(model_url), Meter()
        return replace(
            services,
            model=Chat(endpoint, "scripted", meter),
            embed=Embeddings(endpoint, "scripted", meter),
            clock=lambda: _START,
            rng=lambda: Random(0),
        )

    def _log(self, task: Task) -> Iterator[Commit]:
        for position in reversed(range(task.position)):
            earlier = self.instance(position)
            yield Commit(
                sha=_sha(position + 1),
                created_at=earlier.created_at,
                message=f"Fix: {earlier.problem_statement.splitlines()[0]}",
                files=earlier.gold_files,
            )


def experiences(count: int) -> Experiences:
    """`count` experiences in chronological order, the same on every machine."""
    return Experiences(count)


def _room(position: int) -> str:
    # A stride that is coprime to the number of rooms: neighbours in time differ, rooms recur.
    return _ROOMS[position * 7 % len(_ROOMS)]


@lru_cache(maxsize=4)
def _endpoint(url: str) -> Endpoint:
    return Endpoint(url, wait=0.01)


def _sha(position: int) -> str:
    return sha1(f"commit {position}".encode(), usedforsecurity=False).hexdigest()
