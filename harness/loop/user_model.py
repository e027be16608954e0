"""The user's model in a run: a gateway of its own, if the user asks one, and nothing if not.

Of its own, so that no agent reaches the model, and none of what it takes is taken for the agent's.
What the run may spend is one budget of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.gateway import ModelUsage, RolloutId
from harness.plugin_host.host import Facts
from seqswe import plugins
from seqswe.agent import ModelAnswer, Usage
from seqswe.errors import RolloutError, UsageError
from seqswe.experiment import Experiment
from seqswe.runs.rollout import CAUSES

if TYPE_CHECKING:  # they need aiohttp, which only models do
    from harness.gateway.gateway import Gateway
    from harness.gateway.session import Session


class UserModel:
    """The way of one rollout's user to its model; see `seqswe.agent.AgentModel`."""

    def __init__(self, gateway: Gateway, rollout: RolloutId) -> None:
        self.name = gateway.settings.model
        self._gateway, self._rollout = gateway, rollout
        self._session: Session | None = None
        self.usage = Usage()
        """What the rollout took, once `opened` is over."""

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Let the user ask, for this block.

        Raises RolloutError for a failure that is not the agent's, whatever the agent made of it.
        """
        with self._gateway.session(None, self._rollout) as session:
            self._session = session
            try:
                yield
            finally:
                self._session = None
        self.usage = as_usage(session.usage, Usage())
        if session.failure and not CAUSES[session.failure[0]].grade:
            raise RolloutError(*session.failure)

    def post(self, path: str, body: Mapping[str, Any]) -> ModelAnswer:
        """Ask; what comes back as an error is final.

        Raises RolloutError if the provider stayed dead, a budget is used up or a recording differs.
        """
        session = self._session
        if session is None:
            raise RolloutError("harness_failed", "the user asked its model after the rollout")
        answer = self._gateway.post(session, path, body)
        if session.failure:
            raise RolloutError(*session.failure)
        return answer


def as_usage(wire: ModelUsage, counted: Usage) -> Usage:
    """What came over the wire, in place of what somebody counted himself."""
    return replace(
        counted,
        prompt_tokens=wire.prompt_tokens,
        completion_tokens=wire.output,
        cost_usd=wire.cost_usd,
    )


def user_facts(experiment: Experiment) -> Facts:
    """What the user's class says of the model that it asks.

    Raises UsageError for a model that would not be asked, and for one that is not given.
    """
    user, model, can_ask = experiment.user, experiment.user_model, experiment.can_ask
    apis = getattr(plugins.resolve("user", user), "apis", ()) if can_ask else ()
    if model and not apis:
        who = f"user {user!r} does not ask a model" if can_ask else "no user can be asked"
        message = f"{who}, so --user-model would change nothing"
        raise UsageError(message, "Leave --user-model out.")
    if apis and not model:
        hint = "Give --user-model NAME."
        raise UsageError(f"user {user!r} asks a model, and none is given", hint)
    return Facts(apis=tuple(apis))
