"""The user of a run: builds one for every rollout, and runs failing tests for its facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, cast

from harness.codebases.statements.symptom import OPTIONS
from harness.grading import Grader
from harness.grading.layout import is_test
from harness.users.facts import FailingRun, facts_of
from harness.users.session import AskSession
from seqswe import plugins
from seqswe.agent import AgentModel
from seqswe.experiment import Experiment
from seqswe.instance import Instance, Task
from seqswe.sandbox import Sandbox
from seqswe.user import Fact, User

Do = Callable[[Sandbox], FailingRun]
InSandbox = Callable[[Do], FailingRun]
"""Does something in a fresh sandbox of a grader, and gives what that gives."""


class UserDesk:
    """Opens the conversations of a run. Safe between threads.

    statement: the whole issue text of a position.
    """

    def __init__(
        self,
        experiment: Experiment,
        instances: Sequence[Instance],
        statement: Callable[[int], str],
        grader: Grader,
    ) -> None:
        self._experiment, self._instances, self._statement = experiment, instances, statement
        self._grader = grader

    def session(
        self, seed: int, task: Task, in_sandbox: InSandbox, model: AgentModel | None = None
    ) -> AskSession:
        """The conversation of one rollout; model: what the user asks, if it asks one."""
        instance = self._instances[task.position]
        given: dict[str, Any] = {"model": model} if model else {}
        user = cast(User, plugins.build("user", self._experiment.user, seed=seed, **given))

        @cache
        def run() -> FailingRun:
            return in_sandbox(lambda sandbox: self._failing_run(instance, sandbox))

        known = facts_of(
            instance, self._statement(task.position), run, is_test(self._grader.layout)
        )

        @cache
        def facts(kind: str) -> Sequence[Fact]:
            return known(kind)

        return AskSession(user, task, facts, self._experiment.ask_budget)

    def _failing_run(self, instance: Instance, sandbox: Sandbox) -> FailingRun:
        test = instance.fail_to_pass[0]
        arguments = (*instance.pytest_arguments, *OPTIONS)
        asked = replace(instance, pytest_arguments=arguments)
        self._grader.restore_tests(asked, sandbox)
        _, log = self._grader.execute(asked, sandbox, ids=[test])
        paths = dict.fromkeys((*instance.gold_files, *instance.test_files))
        return FailingRun(log=log, sources={path: _text(sandbox, path) for path in paths})


def check_user(experiment: Experiment) -> None:
    """Raise UsageError, UnknownName or MissingError for a user that cannot be built."""
    if not experiment.can_ask:
        return
    given = {"model": None} if experiment.user_model else {}
    plugins.check("user", experiment.user, seed=0, **given)


def _text(sandbox: Sandbox, path: str) -> str:
    try:
        return sandbox.read(path).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
