"""`SeqEnv`: the issues of one codebase as an environment with `reset` and `step`.

It has gymnasium's five-tuple and needs no gymnasium. A rollout in it is a rollout of the loop, with
the agent's turn taken by whoever calls `step`: the same sandboxes, audits, grading and memory.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from seqswe.agent import Attempt, Usage
from seqswe.env.actions import Action, Ask, Note, Patch, Run, Submit, parse_action
from seqswe.env.stage import Stage, Start, Turn, open_stage
from seqswe.errors import RolloutError, UsageError
from seqswe.experiment import Experiment
from seqswe.runs.rollout import Rollout
from seqswe.runs.trajectory import middle_cut
from seqswe.sandbox import Completed

Episode = Literal["task", "stream"]
Observation = dict[str, Any]
Step = tuple[Observation, float, bool, bool, dict[str, Any]]
"""Observation, reward, terminated, truncated, info."""

POLICY = "policy"
"""The agent of a run whose steps are decided elsewhere."""
BUDGET = 50
SHOWN = 20_000
"""Characters of a command's output in an observation."""
APPLY = "git apply --whitespace=nowarn -"
NOBODY = "OUT-OF-SCOPE: there is no user to ask."
OPTIONS = ("position", "memory")
BUDGET_SPENT = "agent_out_of_budget"


class SeqEnv:
    """The tasks of a codebase, one an episode or all of them in order.

    codebase, statement, feedback, sandbox and all further `settings` are those of `seqswe run`
    (`limit`, `memory`, `mirror`, `user`...). budget: actions of one task, without `submit`; when
    they are used up, what is there is graded and the task ends. out: a run directory, new or to be
    gone on with, for every rollout that a run with these settings has (arms `iid` and
    `sequential`, `seeds` of each). stage: one that is shared, and that is not closed here.

    An observation is a dictionary: `issue`, `instance_id`, `position`, `recall` (a tuple of `text`
    and `origins`), `output` of the last action, and `budget`, the actions that are left. It holds
    no times: the same actions give the same observations.

    Raises UsageError and MissingError as `seqswe run` does.
    """

    def __init__(
        self,
        codebase: str,
        *,
        episode: Episode = "task",
        feedback: str = "gold",
        statement: str = "full",
        sandbox: str = "docker",
        budget: int = BUDGET,
        out: Path | str | None = None,
        stage: Stage | None = None,
        **settings: Any,
    ) -> None:
        if episode not in get_args(Episode):
            raise UsageError(f"unknown episode {episode!r:.80}", "Choose 'task' or 'stream'.")
        if budget < 1:
            raise UsageError(f"budget must be at least 1, not {budget!r:.80}", "For example 50.")
        given = {"agent": POLICY, "seeds": 1, **settings}
        chosen: dict[str, Any] = {"feedback": feedback, "statement": statement, "sandbox": sandbox}
        try:
            experiment = Experiment(codebase=codebase, **chosen, **given)
        except TypeError as error:
            raise UsageError(f"a setting is wrong: {error}", "See `seqswe run --help`.") from None
        self.episode: Episode = episode
        self.budget = budget
        self.stage = stage or open_stage(experiment, Path(out) if out else None)
        # What nobody closes is closed when the interpreter ends, if not before.
        self._release = None if stage else weakref.finalize(self, self.stage.close)
        self._seed, self._next = 0, 0
        self._memory = "carry" if episode == "stream" else "empty"
        self._turn: Turn | None = None
        self._notes: list[str] = []
        self._left = budget
        self._last: Observation = {}
        self.completed: Completed | None = None
        """How the last command of this task ended."""

    @property
    def instance_ids(self) -> tuple[str, ...]:
        """Ids of the tasks, in their order."""
        return self.stage.instance_ids

    @property
    def turn(self) -> Turn:
        """The rollout at hand. Raises UsageError before `reset` and after the end."""
        if self._turn is None:
            raise UsageError("the episode has not begun, or is over", "Call reset() first.")
        return self._turn

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode; returns the first observation and `info`.

        seed: of the rollouts, as `seqswe run` counts them; None keeps the last one. options:
        `position` (of a stream: where it begins; else of the task: by default one after the other,
        from 0 after a seed) and `memory`: "empty", "carry" (of this seed's stream so far), or the
        digest of a snapshot, which is read and not added to. A stream carries by default; with
        another memory each of its tasks starts from that.

        Raises UsageError for what is not there, and RolloutError if the machine fails.
        """
        options = dict(options or {})
        if unknown := [name for name in options if name not in OPTIONS]:
            raise UsageError(f"unknown option {unknown[0]!r:.80}", f"Known: {', '.join(OPTIONS)}.")
        self._abandon()
        if seed is not None:
            self._seed, self._next = seed, 0
        stream = self.episode == "stream"
        position = options.get("position", 0 if stream else self._next)
        if not isinstance(position, int) or not 0 <= position < len(self.instance_ids):
            most = len(self.instance_ids) - 1
            raise UsageError(f"there is no position {position!r:.80}", f"Give 0 to {most}.")
        self._memory = str(options.get("memory", "carry" if stream else "empty"))
        self._next = (position + 1) % len(self.instance_ids)
        self._begin(position)
        return self._observation(""), self._info()

    def step(self, action: Action | str) -> Step:
        """Do one thing. The reward of the step that ends a task is its verdict, 0 or 1; else 0.

        `terminated` after the task, or after a stream's last one; `truncated` if the budget ended
        it. The step that ends a task has `info["task_done"]`, its whole result. What cannot be read
        as an action is answered in words, and counts as one.

        Raises RolloutError if the machine failed: that is no reward, and the episode is over.
        """
        turn = self.turn
        try:
            if isinstance(action, str):
                action = parse_action(action)
        except UsageError as error:
            return self._go_on(f"error: {error.message}. {error.hint}")
        if isinstance(action, Submit):
            used = Usage(steps=self.budget - self._left)
            return self._end(self._hand_in(action.attempt or Attempt(usage=used)))
        try:
            output = self._act(turn, action)
        except RolloutError as error:
            return self._end(self._settle(partial(turn.fail, error)))
        return self._go_on(output)

    def close(self) -> None:
        """Give up what is open, and close the sandboxes. Safe to call twice."""
        self._abandon()
        if self._release:
            self._release()

    def _go_on(self, output: str) -> Step:
        self._left -= 1
        if self._left:
            return self._observation(output), 0.0, False, False, self._info()
        message, used = f"its {self.budget} actions are used up", Usage(steps=self.budget)
        spent = Attempt(failure=BUDGET_SPENT, message=message, usage=used)
        return self._end(self._hand_in(spent))

    def _act(self, turn: Turn, action: Run | Patch | Note | Ask) -> str:
        if isinstance(action, Note):
            self._notes.append(action.text)
            return "noted"
        command: Any = APPLY
        how: dict[str, Any] = {}
        if isinstance(action, Ask):
            if not self.can_ask:
                return NOBODY
            command = ["ask", action.kind, *([action.argument] if action.argument else [])]
        elif isinstance(action, Patch):
            how["stdin"] = action.text.encode("utf-8", "surrogateescape")
        else:
            command = action.command
            how = {"stdin": action.stdin, "env": action.env, "timeout": action.timeout}
        self.completed = turn.sandbox.run(command, **how)
        return _text_of(self.completed)

    @property
    def can_ask(self) -> bool:
        """Whether there is a user, for the task at hand."""
        return bool(self.turn.about["user"])

    def _hand_in(self, attempt: Attempt) -> Rollout:
        turn = self.turn
        notes = {**attempt.notes, **({"notes": list(self._notes)} if self._notes else {})}
        return self._settle(partial(turn.hand_in, replace(attempt, notes=notes)))

    def _settle(self, end: Callable[[], Rollout]) -> Rollout:
        self._turn = None  # whatever comes of it, it is over
        return end()

    def _end(self, rollout: Rollout) -> Step:
        failure = rollout.failure
        spent = failure is not None and failure.cause == BUDGET_SPENT
        reward = float(bool(rollout.resolved))
        done = {"task_done": rollout.result()}
        following = rollout.position + 1
        if self.episode == "stream" and following < len(self.instance_ids):
            self._begin(following)
            return self._observation(""), reward, False, False, self._info() | done
        left = {**self._last, "output": "", "budget": self._left}
        return left, reward, not spent, spent, done

    def _begin(self, position: int) -> None:
        self._notes, self._left, self.completed = [], self.budget, None
        start = Start(position=position, seed=self._seed, memory=self._memory)
        self._turn = self.stage.begin(start)

    def _abandon(self) -> None:
        if self._turn is not None:
            self._turn.abandon()
            self._turn = None

    def _observation(self, output: str) -> Observation:
        turn = self.turn
        items = ({"text": i.text, "origins": tuple(i.origins)} for i in turn.recall.items)
        self._last = {
            "issue": turn.task.problem_statement,
            "instance_id": turn.task.instance_id,
            "position": turn.task.position,
            "recall": tuple(items),
            "output": output,
            "budget": self._left,
        }
        return dict(self._last)

    def _info(self) -> dict[str, Any]:
        return dict(self.turn.about)


def _text_of(done: Completed) -> str:
    text = middle_cut((done.stdout + done.stderr).decode("utf-8", "replace"), SHOWN)
    if done.timed_out:
        return f"{text}\n[timed out]"
    return f"{text}\n[exit {done.exit_code}]" if done.exit_code else text
