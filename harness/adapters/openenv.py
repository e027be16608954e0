"""`SeqEnv` behind OpenEnv's server, and its client; tried with openenv 0.10.0.

    SEQSWE_CODEBASE=ledgerlite uvicorn --factory harness.adapters.openenv:app --port 8000

Settings are the variables of `seqswe run`, and SEQSWE_EPISODE, SEQSWE_BUDGET and SEQSWE_OUT.
"""

from __future__ import annotations

import sys
from typing import Any

import click
from openenv.core import EnvClient
from openenv.core.client_types import StepResult
from openenv.core.env_server import Action, Environment, Observation, State, create_app

from seqswe.cli import complain, described
from seqswe.cli.options import experiment_options
from seqswe.env import SeqEnv
from seqswe.errors import SeqSWEError


class SeqAction(Action):
    """An action of `SeqEnv`: a line of text such as `run pytest`."""

    line: str


class SeqObservation(Observation, extra="allow"):  # type: ignore[call-arg]
    """An observation of `SeqEnv`, with its `info`, and `truncated`, as metadata."""


class SeqEnvironment(Environment[SeqAction, SeqObservation, State]):
    """One session. A failure of the machine is an error message to the client, and no reward."""

    SUPPORTS_CONCURRENT_SESSIONS = True
    state = State()

    def __init__(self, env: SeqEnv) -> None:
        super().__init__()
        self._env = env

    def reset(self, seed: int | None = None, episode_id: str | None = None, **options: Any) -> Any:
        """Begin an episode; `position` and `memory` are the options of `SeqEnv.reset`."""
        observation, info = self._env.reset(seed=seed, options=options)
        self.state = State(episode_id=episode_id, tasks=len(self._env.instance_ids))
        return SeqObservation(metadata=info, **observation)

    def step(self, action: SeqAction, timeout_s: float | None = None, **_: Any) -> SeqObservation:
        """Do what the line says; the settings limit a command's time, not `timeout_s`."""
        observation, reward, terminated, truncated, info = self._env.step(action.line)
        self.state.step_count += 1
        ended = {"done": terminated or truncated, "reward": reward}
        return SeqObservation(metadata=info | {"truncated": truncated}, **ended, **observation)

    def close(self) -> None:
        """Give up the task at hand, and close its sandbox."""
        self._env.close()


class SeqClient(EnvClient[SeqAction, SeqObservation, State]):
    """A client with types; OpenEnv's `GenericEnvClient` does as well, without SeqSWE."""

    def _step_payload(self, action: SeqAction) -> dict[str, Any]:
        return {"line": action.line}

    def _parse_result(self, payload: dict[str, Any]) -> StepResult[SeqObservation]:
        ended = {"done": payload["done"], "reward": payload["reward"]}
        return StepResult(SeqObservation(**payload["observation"], **ended), **ended)

    def _parse_state(self, payload: dict[str, Any]) -> State:
        return State(**payload)


@click.command()
@click.option("--episode", default="task")
@click.option("--budget", default=50)
@click.option("--out", default="")
@experiment_options
def server(**settings: Any) -> Any:
    """Serve as many sessions at a time as there are jobs, each with a sandbox of its own."""
    shared = SeqEnv(**settings)

    def session() -> SeqEnvironment:
        return SeqEnvironment(SeqEnv(stage=shared.stage, **settings))

    served = create_app(session, SeqAction, SeqObservation, max_concurrent_envs=settings["jobs"])
    served.router.on_shutdown.append(shared.close)  # uvicorn ends by its signal, past `atexit`
    return served


def app() -> Any:
    """The application. What is wrong with its variables is two lines and an exit code."""
    given: Any = {"auto_envvar_prefix": "SEQSWE", "default_map": {"agent": "policy", "seeds": 1}}
    try:
        return server.main([], "seqswe run", standalone_mode=False, **given)
    except (SeqSWEError, click.ClickException) as error:
        complain(*described(error))
        sys.exit(error.exit_code)
