"""The agent's model in a run: a gateway, if the agent asks a model, and nothing if it does not."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from harness.gateway import GatewaySettings, RolloutId
from harness.gateway.limits import Spending
from harness.loop.attempt import CheckedAttempt
from harness.loop.user_model import UserModel, as_usage, user_facts
from harness.plugin_host.agent import Post
from harness.plugin_host.host import Facts
from harness.sandboxes.cleanup import make_folder, sweep
from seqswe import plugins
from seqswe.arms import Cell
from seqswe.errors import RolloutError, UsageError
from seqswe.experiment import Experiment
from seqswe.instance import Task
from seqswe.memory import Recall
from seqswe.runs.model_requests import ModelRequests
from seqswe.runs.rollout import CAUSES, Failure
from seqswe.sandbox import Sandbox, SandboxProvider, SandboxSpec

if TYPE_CHECKING:  # they need aiohttp, which only agents with a model do
    from harness.gateway.engine import Door
    from harness.gateway.gateway import Gateway
    from harness.gateway.session import Session

PREFIX = "seqswe-gateway-"
IDLE_SECONDS = 86_400.0
"""What a sandbox outlives while its agent waits for a model: no limit counts that time."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What a rollout's agent is given of the gateway; nothing, if it asks no model."""

    gateway: Gateway | None = None
    session: Session | None = None

    @property
    def post(self) -> Post | None:
        """The way of an agent whose code runs on the host."""
        gateway, session = self.gateway, self.session
        if gateway is None or session is None:
            return None
        return lambda path, body: gateway.post(session, path, body)

    def told(self, recall: Recall) -> Recall:
        """The recall, with the variables by which the gateway is found."""
        return replace(recall, env={**recall.env, **self.session.env}) if self.session else recall

    def settled(self, solved: CheckedAttempt) -> CheckedAttempt:
        """The attempt with what the wire says: what was used, and whose failure it was.

        Raises RolloutError for a failure that is not the agent's.
        """
        if self.session is None:
            return solved
        attempt = solved.attempt
        usage = as_usage(self.session.usage, attempt.usage)
        solved = replace(solved, attempt=replace(attempt, usage=usage))
        if self.session.failure is None:
            return solved
        cause, detail = self.session.failure
        if not CAUSES[cause].grade:
            raise RolloutError(cause, detail)
        return replace(solved, failure=Failure(cause=cause, detail=detail))


class AgentModel:
    """The gateway of a run, or none. Safe between threads."""

    def __init__(
        self,
        gateway: Gateway | None,
        *,
        inside: bool = False,
        alone: bool = True,
        of_user: Gateway | None = None,
    ) -> None:
        """inside: whether the agent asks from its sandbox; alone: whether nobody else can; of_user:
        the gateway of the user's model, which has the same account."""
        self._gateway, self._inside, self._alone = gateway, inside, alone
        self._of_user = of_user
        self._all = [each for each in (gateway, of_user) if each]
        self._elsewhere, self._lock = (0.0, 0, 0), Lock()

    @property
    def used_up(self) -> str:
        """What of the run's budget is used up, in words; "" if nothing is."""
        return self._all[0].used_up if self._all else ""

    @property
    def cost(self) -> float | None:
        """USD that the run has spent; None without a model, or where one has no price."""
        priced = self._all and all(each.priced for each in self._all)
        return self._all[0].spent.cost if priced else None

    @property
    def spent(self) -> str:
        """What the run has spent, in words; "" without a model."""
        if not self._all:
            return ""
        spent = self._all[0].spent
        counted = f"{spent.requests:,} requests to the model, {spent.tokens:,} tokens"
        return counted if self.cost is None else f"{counted}, ${self.cost:.2f}"

    def add(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Count requests that were made on another machine, as it told them."""
        for line in lines if self._all else ():
            self._all[0].add(line)

    def spent_elsewhere(self, cost: float, tokens: int, requests: int) -> None:
        """Count what other machines have spent in all; told again, only what is new counts."""
        with self._lock:
            old, self._elsewhere = self._elsewhere, (cost, tokens, requests)
            if self._all:
                self._all[0].charge(cost - old[0], tokens - old[1], requests - old[2])

    def open_door(self, spec: SandboxSpec) -> tuple[SandboxSpec, Door | None]:
        """A sandbox's specification with a way to the gateway, if its agent has one."""
        if not self._gateway:
            return spec, None
        spec = replace(spec, idle_seconds=IDLE_SECONDS)
        if not self._inside:
            return spec, None
        door = self._gateway.open_door()
        return replace(spec, model=door.access), door

    def of_user(self, cell: Cell, task: Task) -> UserModel | None:
        """The way of a rollout's user to its model, if it asks one."""
        if self._of_user is None:
            return None
        rollout = rollout_id(cell, task.position, task.instance_id)
        return UserModel(self._of_user, replace(rollout, arm=f"user-{cell.arm}"))

    def close_door(self, door: Door | None) -> None:
        """Shut it for good."""
        if self._gateway and door:
            self._gateway.close_door(door)

    @contextmanager
    def session(
        self, cell: Cell, task: Task, sandbox: Sandbox, door: Door | None
    ) -> Iterator[Asking]:
        """Let the agent of a rollout ask, for this block."""
        if not self._gateway:
            yield Asking()
            return
        rollout = rollout_id(cell, task.position, task.instance_id)
        # In a container the checkout always lies at the same place.
        places = {} if self._alone else {str(Path(sandbox.root).parent): "<sandbox>"}
        url = getattr(sandbox, "model_url", "")
        with self._gateway.session(
            door, rollout, url, guessable=self._alone, places=places
        ) as session:
            yield Asking(self._gateway, session)


NO_MODEL = AgentModel(None)


def rollout_id(cell: Cell, position: int, instance_id: str) -> RolloutId:
    """How the requests of a rollout are kept, those of its agent and those of its memory."""
    return RolloutId(arm=cell.arm, seed=cell.seed, position=position, instance_id=instance_id)


def check_agent_model(experiment: Experiment, facts: Facts) -> None:
    """Raise UsageError or MissingError for a model that could not be asked, before anything is."""
    name = experiment.agent
    of_user = user_facts(experiment)
    if of_user.apis:
        _gateway(_as_user(experiment), of_user, Path(), Account(Path(os.devnull)))
    if not facts.apis:
        return
    if not experiment.model:
        if facts.model_optional:
            return
        raise UsageError(f"agent {name!r} asks a model, and none is given", "Give --model NAME.")
    sandbox = plugins.resolve("sandbox", experiment.sandbox)
    if facts.inside and not getattr(sandbox, "reaches_models", False):
        raise UsageError(
            f"an agent in --sandbox {experiment.sandbox} cannot reach a model",
            "Choose --sandbox docker; a sandbox of your own says `reaches_models`.",
        )
    _gateway(experiment, facts, Path(), Account(Path(os.devnull)))


@contextmanager
def open_agent_model(
    experiment: Experiment, facts: Facts, provider: SandboxProvider, root: Path
) -> Iterator[AgentModel]:
    """The gateways of a run whose folder is `root`, for this block; none without a model."""
    of_user = user_facts(experiment)
    asks = bool(facts.apis and experiment.model)
    if not (asks or of_user.apis):
        yield NO_MODEL
        return
    parent = Path(tempfile.gettempdir())
    sweep(parent, PREFIX)
    folder = make_folder(parent, PREFIX)
    (folder / "user").mkdir()
    account = Account(root)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        agents = _gateway(experiment, facts, folder, account) if asks else None
        users = (
            _gateway(_as_user(experiment), of_user, folder / "user", account)
            if of_user.apis
            else None
        )
        for gateway in (agents, users):
            if gateway:
                stack.callback(gateway.close)
        alone = provider.isolates
        yield AgentModel(agents, inside=facts.inside, alone=alone, of_user=users)


class Account:
    """What a run has spent, and where its requests are noted: one for all its gateways."""

    def __init__(self, root: Path) -> None:
        cost, tokens, count = (requests := ModelRequests(root)).charged()
        self.spent = Spending(cost=cost, tokens=tokens, requests=count)
        self.note = requests.append


def _gateway(experiment: Experiment, facts: Facts, folder: Path, account: Account) -> Gateway:
    plugins.require("aiohttp", "agents", f"model {experiment.model!r}")
    from harness.gateway.gateway import Gateway

    return Gateway(_settings(experiment, facts), folder, account.spent, account.note)


def _as_user(experiment: Experiment) -> Experiment:
    return replace(experiment, model=experiment.user_model)


def _settings(experiment: Experiment, facts: Facts) -> GatewaySettings:
    def folder(name: str) -> Path | None:
        value = getattr(experiment, name)
        return Path(value) if value else None

    return GatewaySettings(
        model=experiment.model,
        apis=facts.apis,
        side_models=facts.side_models,
        max_cost=experiment.max_cost,
        max_tokens=experiment.max_tokens,
        rollout_cost=experiment.rollout_cost,
        rollout_tokens=experiment.rollout_tokens,
        rollout_requests=experiment.rollout_requests,
        rpm=experiment.rpm,
        tpm=experiment.tpm,
        silence_seconds=experiment.provider_seconds,
        record=folder("record"),
        replay=folder("replay"),
        replay_drop=facts.replay_drop,
        replay_blank=facts.replay_blank,
        prices=folder("prices"),
        allow_unpriced=experiment.allow_unpriced,
        environ=os.environ,
    )
