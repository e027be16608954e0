"""`mini`: mini-swe-agent as the built-in model agent. A fresh one of its objects per rollout."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.agents.mini import library
from harness.agents.mini.environment import SandboxEnvironment
from harness.agents.mini.model import GatewayModel
from harness.agents.recipes.prompt import the_prompt
from harness.agents.recipes.replaying import COMMON
from harness.agents.recipes.transcripts.account import Account
from harness.agents.recipes.transcripts.traj import read_mini
from seqswe.agent import AgentModel, Attempt, Usage
from seqswe.errors import RolloutError
from seqswe.instance import Task, digest_of
from seqswe.memory import Recall
from seqswe.sandbox import Sandbox

DefaultAgent: Any = library.module("agents.default").DefaultAgent
OUT_OF_BUDGET = ("LimitsExceeded", "TimeExceeded")
"""How it says that a limit ended it."""


class Mini:
    """Runs mini's loop in this process. `step_limit`: requests to the model; 0 for no limit.

    `command_seconds` bounds each of its commands; `temperature` is sent if it is given.
    """

    apis: ClassVar[tuple[str, ...]] = ("chat",)
    deliveries: ClassVar[tuple[str, ...]] = ("prompt", "folder")
    replay_blank: ClassVar[tuple[str, ...]] = COMMON
    version: ClassVar[str] = library.version()
    digest: ClassVar[str] = digest_of(
        f"{library.version()}\n{library.config()!r}\n{the_prompt().digest}"
    )

    def __init__(
        self,
        *,
        seed: int,
        model: AgentModel,
        step_limit: int = 250,
        command_seconds: float = 120.0,
        temperature: float | None = None,
    ) -> None:
        del seed  # Nothing is drawn here.
        self._model, self._step_limit = model, step_limit
        self._command_seconds = command_seconds
        self._settings = {} if temperature is None else {"temperature": temperature}

    def solve(self, task: Task, recall: Recall, sandbox: Sandbox) -> Attempt:
        """Run the loop to its end; how it ended is a verdict, a budget or a crash."""
        agent = self._agent(sandbox)
        failure = message = ""
        try:
            ended = agent.run(the_prompt().text(task, recall, sandbox.root))
        except RolloutError as error:
            if error.cause not in ("agent_crashed", "agent_out_of_budget"):
                raise
            failure, message = error.cause, error.message
        else:
            status = str(ended.get("exit_status", ""))
            if status in OUT_OF_BUDGET:
                failure = "agent_out_of_budget"
                message = f"its {self._step_limit} requests are used up"
            elif status != "Submitted":
                failure, message = "agent_crashed", f"it ended with {status}"
        account = Account()
        read_mini(agent.serialize(), account)
        return Attempt(
            usage=Usage(steps=sum(len(step.get("tool_calls", ())) for step in account.steps)),
            message=message or "submitted",
            failure=failure,
            steps=tuple(account.steps),
            agent_version=library.version(),
        )

    def _agent(self, sandbox: Sandbox) -> Any:
        settings = library.config()["agent"]
        return DefaultAgent(
            GatewayModel(self._model, self._settings),
            SandboxEnvironment(sandbox, self._command_seconds),
            system_template=settings["system_template"],
            instance_template=settings["instance_template"],
            step_limit=self._step_limit,
            # Its budgets are the gateway's, which know prices.
            cost_limit=0,
        )
