"""`SeqEnv` as a taskset and an environment of verifiers; tried with verifiers 0.4.0.

    vf-eval seqswe-verifiers --env.taskset.codebase ledgerlite -c 2 --no-push --model NAME

The model is the policy: each of its replies is an action. Nothing runs in verifiers' own runtime.
"""

from __future__ import annotations

import asyncio
import sys
from functools import cache
from typing import Any

import verifiers.v1 as vf

from seqswe.cli import complain, described
from seqswe.env import SeqEnv
from seqswe.env.actions import HINT
from seqswe.errors import SeqSWEError

__all__ = ["SeqTaskset", "SeqVerifiersEnv"]
PROMPT = f"Solve the issue in the checkout. Each of your replies is one action and no more. {HINT}"


class SeqData(vf.TaskData):
    """An episode: the position of its first issue, and how many there are."""

    position: int
    issues: int


class SeqTask(vf.Task[SeqData]):
    """The environment tells the issue, and the reward."""


class SeqTasksetConfig(vf.TasksetConfig):
    """What `SeqEnv` takes: a codebase, and `settings` such as `{"sandbox": "local"}`."""

    codebase: str = "ledgerlite"
    settings: dict[str, Any] = {}  # noqa: RUF012  (pydantic copies it)


class SeqTaskset(vf.Taskset[SeqTask, SeqTasksetConfig]):
    """The tasks of a codebase, in their order; with the episode `stream`, one for all of them."""

    def __init__(self, config: SeqTasksetConfig) -> None:
        super().__init__(config)
        self.shared = cache(self.environment)  # one for all views of this taskset

    def environment(self, **more: Any) -> SeqEnv:
        """Make an environment. What is wrong with its settings is two lines and an exit code."""
        try:
            return SeqEnv(self.config.codebase, **self.config.settings, **more)
        except SeqSWEError as error:
            complain(*described(error))
            sys.exit(error.exit_code)

    def load(self) -> list[SeqTask]:
        """The episodes; `shared` is closed when the interpreter ends."""
        names = self.shared().instance_ids
        issues = len(names) if self.shared().episode == "stream" else 1
        about: dict[str, Any] = {"issues": issues, "system_prompt": PROMPT}
        rows = [SeqData(id=name, position=i, **about) for i, name in enumerate(names[::issues])]
        return [SeqTask(row, self.config.task) for row in rows]


class SeqEnvConfig(vf.EnvConfig):
    """The player only talks, so it needs no machine."""

    player: vf.AgentConfig = vf.AgentConfig(harness={"id": "null"}, runtime=vf.SubprocessConfig())


class SeqVerifiersEnv(vf.Env[SeqEnvConfig]):
    """Steps a `SeqEnv` by the player's replies. A failure of the machine raises: no reward."""

    async def run(self, task: SeqTask, agents: vf.Agents) -> None:
        """Play an episode. If the player stops early, what is there is graded."""
        env = self.taskset.environment(stage=self.taskset.shared().stage)
        begin, total, done = {"position": task.data.position}, 0.0, False
        try:
            seen, _ = await asyncio.to_thread(env.reset, options=begin)
            async with agents.player.interaction(task) as interaction:
                while not done:
                    reply = await interaction.turn(_text(seen, env.budget))
                    if interaction.trace.errors:
                        return  # of its provider, say: no reward either
                    line = "submit" if reply.terminated else reply.last_reply
                    seen, reward, *over, _ = await asyncio.to_thread(env.step, line)
                    total, done = total + reward, any(over) or reply.terminated
            interaction.trace.record_reward("resolved", total / task.data.issues)
        finally:
            env.close()


def _text(seen: dict[str, Any], budget: int) -> str:
    if seen["budget"] < budget:
        return f"{seen['output']}\n[{seen['budget']} actions are left]"
    return "\n\n".join([*(item["text"] for item in seen["recall"]), seen["issue"]])
