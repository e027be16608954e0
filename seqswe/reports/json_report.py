"""report.json: every number of the report for programs. docs/formats.md describes the schema."""

from __future__ import annotations

import json
from dataclasses import asdict
from math import isfinite
from typing import Any

from seqswe import __version__
from seqswe.analysis import (
    Analysis,
    ArmOutcome,
    ArmResult,
    Contrast,
    Efficiency,
    FailureCount,
    Probe,
    RunResult,
    Secondary,
    SweBenchClMetrics,
)
from seqswe.analysis.carried import CarriedPatches
from seqswe.analysis.coupling import is_coupled
from seqswe.analysis.lost import LostLessons
from seqswe.analysis.standing import run_standings
from seqswe.analysis.words import verdict
from seqswe.comparison.baseline import PLACES
from seqswe.manifests.outcome_tables import OutcomeTable
from seqswe.runs.rollout import ThrownAway
from seqswe.statistics import Curve, Estimate
from seqswe.visible import visible_json

SCHEMA = "seqswe.report"
SCHEMA_VERSION = 2
"""Raised when a field changes its meaning or goes; a new field does not raise it."""


class JsonReport:
    """The JSON report."""

    suffix = ".json"

    def render(self, analysis: Analysis) -> bytes:
        """UTF-8 JSON without NaN: what is missing is null."""
        text = visible_json(strict(as_json(analysis), indent=1, ensure_ascii=False))
        return (text + "\n").encode()


def strict(data: Any, **options: Any) -> str:
    """JSON that every parser takes: null for each number that is not finite."""
    try:
        return json.dumps(data, allow_nan=False, **options)
    except ValueError:
        return json.dumps(finite(data), allow_nan=False, **options)


def finite(data: Any) -> Any:
    """The same data with null for every number that is not finite: an interval may be endless."""
    if isinstance(data, float):
        return data if isfinite(data) else None
    if isinstance(data, dict):
        return {key: finite(value) for key, value in data.items()}
    return [finite(value) for value in data] if isinstance(data, list | tuple) else data


def as_json(analysis: Analysis) -> dict[str, Any]:
    """The analysis as plain data, schema `seqswe.report`."""
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "seqswe": __version__,
        "complete": analysis.complete,
        "synthetic": analysis.synthetic,
        "headline": {
            "outcome": analysis.headline_outcome.name,
            "reason": analysis.headline_reason,
            "sentences": list(analysis.sentences),
            "contrasts": [contrast_json(c) for c in analysis.headlines()],
        },
        "standings": [
            {"run": s.contrast.run, "ranks": list(s.ranks) if s.ranks else None}
            for s in run_standings(analysis)
        ],
        "warnings": list(analysis.warnings),
        "runs": [run_json(run) for run in analysis.runs],
        "arms": [arm_json(arm) for arm in analysis.arms],
        "contrasts": [contrast_json(contrast) for contrast in analysis.contrasts],
        "probes": [probe_json(probe) for probe in analysis.probes],
        "efficiency": [efficiency_json(efficiency) for efficiency in analysis.efficiencies],
        "verdicts": [asdict(verdict) for verdict in analysis.verdicts],
        "failures": [failure_json(failure) for failure in analysis.failures],
        "repeats": [asdict(repeat) for repeat in analysis.repeats],
        "secondary": [secondary_json(estimate) for estimate in analysis.secondary],
        "swe_bench_cl": [swe_bench_cl_json(metrics) for metrics in analysis.swe_bench_cl],
    }


def run_json(run: RunResult) -> dict[str, Any]:
    """Settings, digests and versions of one run directory; no path of the machine it is on."""
    if run.table:
        return _table_json(run, run.table)
    experiment = run.info.experiment
    settings = {**experiment.as_dict(), "agent": experiment.agent_name}
    carried = CarriedPatches.of(run.info, run.rollouts)
    return {
        "run": run.label,
        "codebase": experiment.codebase,
        "agent": experiment.agent_name,
        "agent_version": run.info.agent_version,
        "memory": experiment.memory,
        "policies": {"feedback": experiment.feedback, "code": experiment.code_policy},
        "sandbox": experiment.sandbox,
        "settings": {k: v for k, v in settings.items() if k not in PLACES},
        "settings_digest": experiment.digest,
        "sequence_digest": run.info.sequence_digest,
        "results_digest": run.results_digest,
        "environments": dict(run.info.environments),
        "machine": {
            key: {name: about[name] for name in ("python", "image") if name in about}
            for key, about in run.info.machine.items()
        },
        "instructions": asdict(run.info.instructions),
        "looks": run.info.looks,
        "coupled": is_coupled(experiment.agent, run.info.coupled),
        "crashed": sum(rollout.crashed for rollout in run.rollouts),
        "carried": asdict(carried) if carried else None,
        "lost": asdict(LostLessons.of(run.info, run.rollouts)),
        "thrown_away": asdict(ThrownAway.of(run.rollouts)),
        "made_with": run.info.seqswe,
        "synthetic": run.info.synthetic,
        "renamed": run.info.renamed,
        "complete": run.complete,
        "rollouts": run.planned,
        "graded": run.graded,
        "tests": asdict(run.info.tests) if run.info.tests else None,
        "plugin_reach": None if run.info.plugin_reach is None else list(run.info.plugin_reach),
        "warnings": list(run.warnings),
    }


def _table_json(run: RunResult, table: OutcomeTable) -> dict[str, Any]:
    """What is known of a run that was read from an outcome table."""
    return {
        "run": run.label,
        "codebase": table.name,
        "table": {
            "name": table.path.name,
            "digest": table.digest,
            "seeds": {arm: list(names) for arm, names in table.seeds.items()},
            "passed_over": list(table.passed_over),
        },
        "sequence_digest": run.info.sequence_digest,
        "results_digest": run.results_digest,
        "synthetic": False,
        "complete": run.complete,
        "rollouts": run.planned,
        "graded": run.graded,
        "warnings": list(run.warnings),
    }


def arm_json(arm: ArmResult) -> dict[str, Any]:
    """One arm: `n` rollouts planned, `graded`, `resolved`, and the mean of every outcome."""
    return {
        "run": arm.run,
        "arm": arm.arm,
        "seeds": list(arm.seeds),
        "tasks": arm.tasks,
        "n": arm.rollouts,
        "graded": arm.graded,
        "resolved": arm.resolved,
        "resolved_of_graded": arm.resolved / arm.graded if arm.graded else None,
        "resolved_of_all": arm.resolved / arm.rollouts if arm.rollouts else None,
        "complete": arm.complete,
        "diagnostic": arm.diagnostic,
        "deterministic": arm.deterministic,
        "outcomes": {name: _arm_outcome(outcome) for name, outcome in arm.outcomes.items()},
    }


def contrast_json(contrast: Contrast) -> dict[str, Any]:
    """One contrast: outcome, estimate, interval, p, verdict word, and what stands beside them."""
    lift = contrast.lift
    return {
        "run": contrast.run,
        "arm": contrast.arm,
        "baseline": contrast.baseline,
        "outcome": contrast.outcome.name,
        "title": contrast.outcome.title,
        "unit": contrast.outcome.unit,
        "better": contrast.outcome.better,
        "scale": contrast.scale,
        "estimate": contrast.estimate,
        "interval": [contrast.low, contrast.high],
        "level": lift.overall.level,
        "p": contrast.p,
        "p_unadjusted": lift.overall.p if contrast.final else None,
        "stream_interval": [contrast.shown(lift.stream.low), contrast.shown(lift.stream.high)]
        if lift.stream
        else None,
        "final": contrast.final,
        "verdict": verdict(contrast) if contrast.final else None,
        "word": contrast.verdict.word.value if contrast.verdict else None,
        "single_run": contrast.single_run,
        "paired_by_seed": lift.coupled,
        "detectable": contrast.shown(lift.verdict.detectable),
        "margin": lift.verdict.margin,
        "n": lift.overall.n,
        "k1": lift.overall.k1,
        "k0": lift.overall.k0,
        "missing": lift.diagnostics.missing,
        "dropped_seeds": contrast.dropped_seeds,
        "se": lift.overall.se,
        "dof": lift.overall.dof,
        "task_variance": lift.overall.task_variance,
        "run_variance": lift.overall.run_variance,
        "late": _estimate(contrast, lift.late),
        "slope": _estimate(contrast, lift.slope),
        "log_slope": _estimate(contrast, lift.log_slope),
        "diagnostics": asdict(lift.diagnostics),
        "curve": curve_json(contrast.curve),
    }


def probe_json(probe: Probe) -> dict[str, Any]:
    """Dose and response, retention or transfer: an estimate beside the headline."""
    estimate = probe.estimate
    return {
        "run": probe.run,
        "kind": probe.kind,
        "arm": probe.arm,
        "baseline": probe.baseline,
        "outcome": probe.outcome.name,
        "learnt": probe.learnt,
        "estimate": estimate.estimate,
        "interval": [estimate.low, estimate.high],
        "p": estimate.p,
        "n": estimate.n,
        "k1": estimate.k1,
        "k0": estimate.k0,
        "single_run": estimate.single_run,
    }


def efficiency_json(efficiency: Efficiency) -> dict[str, Any]:
    """What a resolved task costs in one resource."""
    ratio, practice = efficiency.ratio, efficiency.practice
    return {
        "run": efficiency.run,
        "arm": efficiency.arm,
        "baseline": efficiency.baseline,
        "resource": efficiency.outcome.name,
        "per_resolved": efficiency.per_resolved,
        "baseline_per_resolved": efficiency.baseline_per_resolved,
        "ratio": ratio.ratio if ratio else None,
        "interval": [ratio.low, ratio.high] if ratio else None,
        "practice_rate": practice.rate if practice else None,
        "practice_interval": [practice.low, practice.high] if practice else None,
    }


def failure_json(failure: FailureCount) -> dict[str, Any]:
    """Failures of one cause in one arm."""
    return asdict(failure)


def secondary_json(secondary: Secondary) -> dict[str, Any]:
    """One secondary estimate; the interval is null where there is none, an end where it is open."""
    return {
        "run": secondary.run,
        "name": secondary.name,
        "title": secondary.title,
        "contrast": secondary.contrast,
        "unit": secondary.unit,
        "estimate": secondary.estimate,
        "interval": _interval_of(secondary),
        "n": secondary.n,
        "meaning": secondary.meaning,
    }


def _interval_of(secondary: Secondary) -> list[float | None] | None:
    """Both ends, null for one that is open; null for the whole where there is no end at all."""
    ends = [secondary.low, secondary.high]
    return None if ends == [None, None] else ends


def swe_bench_cl_json(metrics: SweBenchClMetrics) -> dict[str, Any]:
    """SWE-Bench-CL's metrics of one run, with their warning."""
    return {"run": metrics.run, "contrast": metrics.contrast, **asdict(metrics.metrics)}


def curve_json(curve: Curve | None) -> dict[str, Any] | None:
    """A curve with its simultaneous band, on the scale of the statistics."""
    if curve is None:
        return None
    return {
        "position": curve.position.tolist(),
        "estimate": curve.estimate.tolist(),
        "low": curve.low.tolist(),
        "high": curve.high.tolist(),
        "level": curve.level,
        "single_run": curve.single_run,
    }


def _estimate(contrast: Contrast, estimate: Estimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    return {
        "estimate": contrast.shown(estimate.estimate),
        "interval": [contrast.shown(estimate.low), contrast.shown(estimate.high)],
        "p": estimate.p if contrast.final else None,
        "n": estimate.n,
    }


def _arm_outcome(outcome: ArmOutcome) -> dict[str, Any]:
    mean = outcome.mean
    return {
        "mean": mean.estimate if mean else None,
        "interval": [mean.low, mean.high] if mean else None,
        "run_means": list(outcome.run_means),
        "missing": outcome.missing,
        "curve": curve_json(outcome.curve),
    }
