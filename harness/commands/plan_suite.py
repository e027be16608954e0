"""`seqswe plan --suite`: what a study of a whole suite would do, cost and see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.commands.plan import IMAGE_BYTES, ROLLOUT_BYTES, counted, instruction_lines
from seqswe.experiment import Plan, make_plan
from seqswe.manifests.manifest import Manifest
from seqswe.runs.study import Study
from seqswe.statistics import MINIMUM_CODEBASES, MINIMUM_RUNS, power


def suite_facts(study: Study) -> Iterator[str]:
    """The lines of a plan. Raises ManifestError, UsageError; see `Study.manifests`."""
    suite, experiment = study.suite, study.info.experiment
    found = study.manifests()
    plans = {
        name: make_plan(experiment, tuple(r.instance_id for r in manifest.instances))
        for name, manifest in found.items()
    }
    yield f"{suite.label}, {suite.digest}"
    if suite.note:
        yield suite.note
    for name, manifest in found.items():
        yield from _codebase(name, manifest, plans[name])
    shown = {n: m.instances[: len(plans[n].instance_ids)] for n, m in found.items()}
    if experiment.limit and any(len(shown[n]) < len(m.instances) for n, m in found.items()):
        yield f"ONLY the first {experiment.limit} tasks of each: a part of the suite"
    rollouts = sum(planned.rollouts for planned in plans.values())
    images = sum(len({r.environment for r in records}) for records in shown.values()) * IMAGE_BYTES
    tasks, by_arm = sum(map(len, shown.values())), experiment.seeds_by_arm
    each = " and ".join(f"{counted(n, 'seed')} of {arm}" for arm, n in by_arm.items())
    if len({*by_arm.values()}) == 1:
        each = f"{len(by_arm)} arms x {counted(max(by_arm.values()), 'seed')}"
    yield f"{rollouts} rollouts: {tasks} tasks x {each}"
    yield (
        f"disk: at most {(images + rollouts * ROLLOUT_BYTES) / 1e9:.1f} GB (images "
        f"{images / 1e9:.1f}, rollouts {rollouts * ROLLOUT_BYTES / 1e9:.2f}), beside the clones"
    )
    yield _cost(study, rollouts)
    yield from _power(plans)


def _codebase(name: str, manifest: Manifest, planned: Plan) -> Iterator[str]:
    records = manifest.instances[: len(planned.instance_ids)]
    environments = len({r.environment for r in records})
    yield (
        f"{name:16} {counted(len(records), 'task')}, {records[0].created_at.date()} to "
        f"{records[-1].created_at.date()}, {counted(environments, 'environment')}, "
        f"{planned.rollouts} rollouts"
    )
    yield from (
        f"{name:16} {line}" for line in instruction_lines([r.instructions for r in records])
    )


def _cost(study: Study, rollouts: int) -> str:
    experiment = study.info.experiment
    if not experiment.model:
        return "cost: the agent is given no model"
    bounds = [experiment.max_cost, experiment.rollout_cost * rollouts]
    most = min((bound for bound in bounds if bound), default=0.0)
    if most:
        return f"cost: at most {most:,.2f} USD of the agent's model for all codebases"
    return "cost: the agent's model has no bound; give --max-cost (for all codebases together)"


def _power(plans: Mapping[str, Plan]) -> Iterator[str]:
    by_arm = next(iter(plans.values())).experiment.seeds_by_arm
    seeds = min(by_arm.values())
    if seeds < MINIMUM_RUNS:
        yield "statistics: SINGLE-RUN, no p-value for a codebase under 3 seeds"
    sought = [
        power.PowerPlan(n=max(2, len(p.instance_ids)), k1=seeds, k0=seeds) for p in plans.values()
    ]
    if len(sought) < MINIMUM_CODEBASES:
        if seeds >= MINIMUM_RUNS:
            smallest = [100 * power.smallest_effect(one) for one in sought]
            each = ", ".join(f"{effect:.1f}" for effect in smallest)
            yield f"statistics: a lift of {each} points is detected with 80 % power"
        return
    pooled = 100 * power.smallest_pooled_effect(sought)
    yield (
        f"statistics: a mean lift of {pooled:.1f} points over {len(sought)} codebases is detected "
        f"with 80 % power, if true lifts differ from codebase to codebase by "
        f"{100 * power.SPREAD:.0f} points (standard deviation)"
    )
