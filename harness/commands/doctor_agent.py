"""`seqswe doctor --agent`: the whole way of an agent to its model, tried with one request."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.commands.run import install_program
from harness.loop.loaded_experiment import LoadedExperiment
from harness.loop.rollout import run_rollout
from harness.sandboxes.provider import open_provider
from seqswe.errors import MissingError
from seqswe.experiment import Experiment
from seqswe.manifests.read import read_json_lines
from seqswe.runs.model_requests import FILE
from seqswe.runs.rollout import Rollout
from seqswe.runs.snapshots import EMPTY
from seqswe.runs.store import RunDirectory


def try_agent(**settings: Any) -> str:
    """Let an agent work on a task of the demo codebase until it has asked its model once.

    settings: of an experiment, such as `agent` and `model`. Raises MissingError if no answer came,
    and what a run raises before it begins.
    """
    experiment = Experiment(
        **settings,
        codebase="ledgerlite",
        memory="none",
        arm=("iid",),
        seeds=1,
        limit=1,
        retries=0,
        rollout_requests=1,
        allow_unpriced=True,
    )
    with tempfile.TemporaryDirectory(prefix="seqswe-doctor-") as folder:
        out = Path(folder, "run")
        loaded = LoadedExperiment.load(experiment, out)
        loaded.try_plugins()
        with open_provider(experiment.sandbox_choice) as provider:
            install_program(loaded, provider)
            store = RunDirectory.create(out, loaded.info(provider))
            with loaded.context(store, provider) as context:
                rollout = run_rollout(context, loaded.plan.cells[0], 0, EMPTY)
        loaded.plugins.close()
        return _found(loaded, rollout, _answers(out))


def _answers(out: Path) -> Sequence[int]:
    """Statuses of the answers that came; those that never came have none."""
    path = out / FILE
    lines = [entry.value for entry in read_json_lines(path, "")] if path.exists() else []
    return [line["status"] for line in lines if isinstance(line.get("status"), int)]


def _found(loaded: LoadedExperiment, rollout: Rollout, answers: Sequence[int]) -> str:
    experiment = loaded.plan.experiment
    program = loaded.program
    name = f"{experiment.agent} {program.version}" if program else experiment.agent
    if not loaded.plugins.agent.facts.apis or not experiment.model:
        if rollout.graded and not rollout.crashed:
            return f"{name} runs; it asks no model"
    elif any(200 <= status < 300 for status in answers):
        tokens = rollout.usage.tokens
        took = f"{tokens:,} tokens" if tokens else "an unknown number of tokens"
        return f"{name} asked {experiment.model} once and was answered ({took})"
    failure = rollout.failure
    reason = f"{failure.cause}: {failure.detail}" if failure else "it ended without asking"
    raise MissingError(
        f"{name} got no answer: {' '.join(reason.split())}"[:300],
        "Check the key, the model's name and the provider's address: see docs/agents.md.",
    )
