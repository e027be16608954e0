"""`seqswe grade`: grade the stored patches of a run again, without running an agent."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import click

from harness.loop.clock import Clock
from harness.loop.context import RunContext
from harness.loop.loaded_experiment import LoadedExperiment
from harness.loop.rollout import grade_patch
from harness.loop.sandbox_pool import SandboxRequest
from harness.sandboxes.provider import open_provider
from seqswe.arms import Cell
from seqswe.cli.echo import echo
from seqswe.cli.options import setting_options
from seqswe.cli.progress import progress
from seqswe.errors import IncompleteError, RunDirError
from seqswe.instance import digest_of
from seqswe.manifests.read import read_bytes
from seqswe.runs.rollout import Rollout, Verdict
from seqswe.runs.store import RunDirectory


@click.command()
@click.argument("run_directory", metavar="RUN", type=click.Path(path_type=Path))
@setting_options("mirror", "jobs")
def grade(run_directory: Path, mirror: str, jobs: int) -> None:
    """Grade every stored patch of RUN in a fresh sandbox and compare with the journal.

    Writes grades.jsonl; the journal stays as it is, because the memories of later tasks were
    made from its verdicts. Exit code 1 when a verdict differs.
    """
    store = RunDirectory.open(run_directory)
    experiment = store.info.experiment
    experiment = replace(experiment, mirror=mirror or experiment.mirror)
    loaded = LoadedExperiment.load(experiment, store.root)
    store.check_sequence(loaded.digest())
    rollouts = [r for r in store.journal().rollouts if r.graded]
    if not rollouts:
        raise IncompleteError(f"{run_directory} has no graded rollouts", "Run or resume it first.")
    with (
        open_provider(experiment.sandbox_choice) as provider,
        loaded.context(store, provider) as context,
    ):
        verdicts = _grade_all(context, rollouts, jobs)
    same = sum(verdicts[key_of(r)].resolved == r.resolved for r in rollouts)
    lines = [
        json.dumps(
            {
                "arm": r.arm,
                "seed": r.seed,
                "position": r.position,
                "instance_id": r.instance_id,
                "journal": r.resolved,
                "resolved": verdicts[key_of(r)].resolved,
            }
        )
        for r in rollouts
    ]
    (store.root / "grades.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    resolved = sum(verdicts[key_of(r)].resolved for r in rollouts)
    echo(
        f"{resolved} resolved of {len(rollouts)} graded again, from {len(verdicts)} "
        f"different patches; {same} verdicts as before, {len(rollouts) - same} differ"
    )
    if same < len(rollouts):
        raise click.exceptions.Exit(1)


Key = tuple[str, str, str]
"""Instance id, carried code and digest of the patch: equal ones are graded once."""


def key_of(rollout: Rollout) -> Key:
    """What a rollout's verdict depends on."""
    return rollout.instance_id, rollout.code_before, rollout.patch_digest


def _grade_all(context: RunContext, rollouts: list[Rollout], jobs: int) -> dict[Key, Verdict]:
    chosen = {key_of(r): r for r in rollouts}

    def one(rollout: Rollout) -> Verdict:
        cell = Cell(arm=rollout.arm, seed=rollout.seed, order=(rollout.position,))
        request = SandboxRequest(cell, rollout.position, for_agent=False)
        return grade_patch(context, request, _patch(context, rollout), Clock()).verdict

    verdicts = {}
    pool = ThreadPoolExecutor(jobs)
    try:
        with progress("grade", len(chosen)) as bar:
            for key, verdict in zip(chosen, pool.map(one, chosen.values()), strict=True):
                verdicts[key] = verdict
                bar.advance()
    except BaseException:
        context.provider.close()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return verdicts


def _patch(context: RunContext, rollout: Rollout) -> str:
    folder = context.store.folder(rollout.arm, rollout.seed, rollout.position, rollout.instance_id)
    path = folder / "patch.diff"
    patch = read_bytes(path).decode("utf-8", "surrogateescape")
    if digest_of(patch) != rollout.patch_digest:
        raise RunDirError(
            f"{path} is not the patch that was graded",
            "It was changed after the run; restore it from a copy.",
        )
    return patch
