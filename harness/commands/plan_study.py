"""`seqswe plan` of a suite or a matrix: what a study would do, cost and see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.commands.plan import counted, disk, instruction_lines
from seqswe.arms import BASELINE
from seqswe.experiment import Plan
from seqswe.manifests.manifest import Manifest
from seqswe.runs.study import Study, but_memory
from seqswe.statistics import MINIMUM_CODEBASES, MINIMUM_RUNS, power


def study_facts(study: Study) -> Iterator[str]:
    """The lines of a plan. Raises ManifestError, UsageError; see `Study.manifests`."""
    suite, found = study.suite, study.manifests()
    plans, manifest_of = study.plans(found), study.as_set(found)
    yield f"{suite.label}, {suite.digest}" if suite else f"a study of {study.label}"
    if suite and suite.note:
        yield suite.note
    for name, planned in plans.items():
        yield from _part(name, manifest_of[planned.experiment.codebase], planned)
    limit, whole = study.info.experiment.limit, {n: len(m.instances) for n, m in found.items()}
    if suite and limit and any(limit < tasks for tasks in whole.values()):
        yield f"ONLY the first {limit} tasks of each: a part of the suite"
    yield from _size(plans, manifest_of)
    rollouts = sum(planned.rollouts for planned in plans.values())
    if any("memory" in part.settings for part in study.parts):
        yield (
            f"at most: an iid arm is run once for all memories that recall nothing when they are "
            f"empty, which leaves {_least(study, plans)} rollouts if all do"
        )
    yield _cost(study, rollouts)
    yield from _power({plans[n].experiment.codebase: plans[n] for n in reversed(plans)})


def _size(plans: Mapping[str, Plan], manifest_of: Mapping[str, Manifest]) -> Iterator[str]:
    """Rollouts and disk. Runs over one codebase share its environments."""
    rollouts = sum(planned.rollouts for planned in plans.values())
    used: dict[str, set[str]] = {}
    for planned in plans.values():
        tasks, codebase = set(planned.instance_ids), planned.experiment.codebase
        records = (r for r in manifest_of[codebase].instances if r.instance_id in tasks)
        used.setdefault(codebase, set()).update(r.environment for r in records)
    environments = [
        manifest_of[codebase].environment(k) for codebase in used for k in used[codebase]
    ]
    seeds = {tuple(planned.experiment.seeds_by_arm.items()) for planned in plans.values()}
    if len(seeds) == 1:
        by_arm, tasks_in_all = dict(seeds.pop()), sum(len(p.instance_ids) for p in plans.values())
        each = " and ".join(f"{counted(n, 'seed')} of {arm}" for arm, n in by_arm.items())
        if len({*by_arm.values()}) == 1:
            each = f"{len(by_arm)} arms x {counted(max(by_arm.values()), 'seed')}"
        yield f"{rollouts} rollouts: {tasks_in_all} tasks x {each}"
    else:
        yield f"{rollouts} rollouts"
    yield f"{disk(environments, rollouts)}, beside the clones"


def _least(study: Study, plans: Mapping[str, Plan]) -> int:
    """Rollouts if every iid arm that may be shared is."""
    seen: set[str] = set()
    rollouts = 0
    for part in study.parts:
        group, plan = repr(sorted(but_memory(part).items())), plans[part.name]
        rollouts += sum(
            len(cell.order) for cell in plan.cells if cell.arm != BASELINE or group not in seen
        )
        seen.add(group)
    return rollouts


def _part(name: str, manifest: Manifest, planned: Plan) -> Iterator[str]:
    tasks = set(planned.instance_ids)
    records = [r for r in manifest.instances if r.instance_id in tasks]
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
        return f"cost: at most {most:,.2f} USD of the agent's model for all runs"
    return "cost: the agent's model has no bound; give --max-cost (for all runs together)"


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
