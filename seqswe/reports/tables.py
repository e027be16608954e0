"""The tables that Markdown and HTML share."""

from __future__ import annotations

from collections.abc import Mapping

from seqswe.analysis import (
    Analysis,
    ArmResult,
    Contrast,
    Efficiency,
    FailureCount,
    RepeatCount,
    RunResult,
    VerdictCount,
)
from seqswe.analysis.standing import Standing, run_standings
from seqswe.analysis.words import (
    certainty,
    change,
    mean_interval,
    p_number,
    p_value,
    percent,
    plain,
    seeds_of,
    verdict,
)
from seqswe.manifests.outcome_tables import OutcomeTable
from seqswe.memory import row_name
from seqswe.reports.probe_tables import (
    diagnostic_arms_table,
    doses_table,
    retention_table,
    windows_table,
)
from seqswe.reports.secondary import secondary_table, swe_bench_cl_table
from seqswe.reports.table import Column, Columns, Table
from seqswe.runs.scored import SCORE
from seqswe.statistics import Diagnostics

NOT_RECORDED = "not recorded by the version that made this run"


_RESOLVED: Columns[ArmResult] = (
    Column("Resolved / graded", lambda arm: f"{arm.resolved} / {arm.graded}"),
    Column("Resolved / all", lambda arm: f"{arm.resolved} / {arm.rollouts}"),
)
"""Both denominators; a table of scores resolves nothing."""


def arms_table(analysis: Analysis) -> Table:
    """Every arm with both denominators and its mean on the headline outcome."""
    outcome = analysis.headline_outcome
    columns: Columns[ArmResult] = (
        Column("Run", lambda arm: arm.run),
        Column("Arm", lambda arm: arm.arm),
        Column("Tasks", lambda arm: str(arm.tasks)),
        Column("Seeds", seeds_of),
        *(() if outcome is SCORE else _RESOLVED),
        Column(
            f"{outcome.title} (95 % interval)",
            lambda arm: mean_interval(outcome, arm.outcomes[outcome.name].mean),
        ),
    )
    return Table.of(
        "Arms",
        columns,
        (arm for arm in analysis.arms if not arm.diagnostic),
        "Both denominators: rollouts with a verdict, and all that were planned. An arm's "
        "interval (Wilson's, for shares) speaks of tasks like these; arms are compared pair by "
        "pair below.",
    )


def standings_table(analysis: Analysis) -> Table:
    """The runs in their order, with the ranks that the data do not exclude."""
    outcome = analysis.headline_outcome
    found = run_standings(analysis)
    arm = found[0].contrast.arm if found else ""
    columns: Columns[Standing] = (
        Column("Rank (95 %)", _ranks),
        Column("Run", lambda s: s.contrast.run),
        Column(f"{outcome.short}, {arm} (95 % interval)", lambda s: mean_interval(outcome, s.mean)),
        Column("Lift", lambda s: change(s.contrast, s.contrast.estimate)),
        Column("Interval", lambda s: certainty(s.contrast)),
    )
    return Table.of(
        "The runs in their order",
        columns,
        found,
        f"By {outcome.title.lower()} of {arm}. Each pair of runs is compared task by task; all "
        "ranks hold together (95 %, Holm over all pairs), so where two overlap their order is not "
        "known. No run has a rank where no pair can be tested (under three seeds).",
    )


def contrasts_table(analysis: Analysis) -> Table:
    """Every contrast: estimate, interval, p and verdict."""
    columns: Columns[Contrast] = (
        Column("Run", lambda c: c.run),
        Column("Outcome", lambda c: c.outcome.title),
        Column("Contrast", lambda c: c.name),
        Column("Estimate", lambda c: change(c, c.estimate)),
        Column(_interval_title(analysis), certainty),
        Column("p", _p),
        Column("Verdict", verdict),
        Column("Tasks", _tasks),
    )
    return Table.of(
        "Contrasts, paired by task",
        columns,
        analysis.contrasts,
        "GAIN is a change for the better whichever way better is, LEARNING one that is shown to "
        "grow along the sequence or with the dose, HARM one for the worse. Amounts above zero are "
        "compared by their ratio. Intervals speak of tasks like these; without any spread in N "
        "tasks they are ± 3/N. Only the headline outcome is a test made in advance; the others "
        "describe.",
    )


def diagnostics_table(analysis: Analysis) -> Table:
    """What tells whether the headline's numbers can be trusted."""
    columns: Columns[Contrast] = (
        Column("Run", lambda c: c.run),
        Column("Tasks, seeds", lambda c: _sizes(c.lift.diagnostics)),
        Column("Dropped tasks", lambda c: str(c.lift.diagnostics.missing)),
        Column("Wins / losses / ties", lambda c: _wins(c.lift.diagnostics)),
        Column("ICC", lambda c: _number(c.lift.diagnostics.sequential.icc)),
        Column("DEFF run, arm | baseline", lambda c: _design_effects(c.lift.diagnostics)),
        Column("F test of the baseline's runs", lambda c: _run_test(c.lift.diagnostics)),
        Column("Paired by seed", lambda c: "yes" if c.lift.coupled else "no"),
        Column("σ run", lambda c: _number(c.lift.diagnostics.sequential.sigma_run, 3)),
        Column("Lag-1 of lift", lambda c: _number(c.lift.diagnostics.autocorrelation)),
        Column("Detectable", _detectable),
    )
    return Table.of(
        "Diagnostics of the headline",
        columns,
        analysis.headlines(),
        "ICC: share of variance between tasks. DEFF run: variance between runs over what "
        "tasks explain; near 1 in the baseline, unless seeds have luck of their own or the batch "
        "drifted, which the F test is of. Paired by seed: the agent draws the same dice in both "
        "arms. Detectable: smallest lift seen with 80 % power.",
    )


def efficiency_table(analysis: Analysis) -> Table:
    """What a resolved task costs in each arm, and how that changes with practice."""
    columns: Columns[Efficiency] = (
        Column("Run", lambda e: e.run),
        Column("Resource", _resource),
        Column("Contrast", lambda e: f"{e.arm} against {e.baseline}"),
        Column("Arm", lambda e: _spent(e.per_resolved)),
        Column("Baseline", lambda e: _spent(e.baseline_per_resolved)),
        Column("Ratio (95 %)", _ratio),
        Column("Practice (95 %)", _practice),
    )
    return Table.of(
        "Cost per resolved task",
        columns,
        analysis.efficiencies,
        "Everything spent, failures included, over the tasks resolved; none where nothing was "
        "resolved. Practice: the share saved with each doubling of tasks, tasks' own difficulty "
        "taken out.",
    )


def verdicts_table(analysis: Analysis) -> Table:
    """Verdicts by reason, and how many are of a patch that is not whole."""
    columns: Columns[VerdictCount] = (
        Column("Run", lambda v: v.run),
        Column("Arm", lambda v: v.arm),
        Column("Verdict", lambda v: v.reason),
        Column("Rollouts", lambda v: str(v.count)),
        Column("With files left out", lambda v: str(v.dropped) if v.dropped else "–"),
        Column("Meaning", lambda v: v.meaning),
        Column("Example", lambda v: v.example or "–"),
    )
    return Table.of(
        "Verdicts by reason",
        columns,
        analysis.verdicts,
        "Files are left out if they cannot be collected, or if a candidate must not change them.",
    )


def failures_table(analysis: Analysis) -> Table:
    """Failures by cause; those without a verdict are outside the first denominator."""
    columns: Columns[FailureCount] = (
        Column("Run", lambda f: f.run),
        Column("Arm", lambda f: f.arm),
        Column("Cause", lambda f: f.cause),
        Column("Rollouts", lambda f: str(f.count)),
        Column("Graded all the same", lambda f: "yes" if f.graded else "no"),
        Column("Meaning", lambda f: f.meaning),
        Column("Example", lambda f: f.example),
    )
    return Table.of("Failures", columns, analysis.failures)


def repeats_table(analysis: Analysis) -> Table:
    """Rollouts that were tried more than once."""
    columns: Columns[RepeatCount] = (
        Column("Run", lambda r: r.run),
        Column("Arm", lambda r: r.arm),
        Column("Earlier tries ended by", lambda r: r.ended),
        Column("Rollouts", lambda r: str(r.rollouts)),
        Column("Earlier tries", lambda r: str(r.tries)),
        Column("Most tries of one", lambda r: str(r.most_tries)),
        Column("Resolved in the end", lambda r: str(r.resolved)),
    )
    return Table.of(
        "Tried again",
        columns,
        analysis.repeats,
        "Each further try is a further chance; a rollout is counted by its last one alone.",
    )


def settings_table(run: RunResult) -> Table:
    """Policies, digests and versions of one run."""
    if run.table:
        return _table_settings(run, run.table)
    experiment = run.info.experiment
    models = " ".join(filter(None, [experiment.memory_model, experiment.embedding]))
    asks = experiment.ask_budget if experiment.can_ask else 0
    rows = [
        ("Codebase", experiment.codebase + (" (synthetic bugs)" if run.info.synthetic else "")),
        ("Agent", " ".join([experiment.agent, *experiment.agent_option])),
        *((("Program of the agent", run.info.agent_version),) if run.info.agent_version else ()),
        *((("Model of the agent", experiment.model),) if experiment.model else ()),
        ("Memory", " ".join([row_name(experiment.memory), *experiment.memory_option])),
        *((("Models of the memory", models),) if models else ()),
        *((("User", f"{experiment.user}, budget {asks}"),) if asks else ()),
        *((("Model of the user", experiment.user_model),) if experiment.user_model else ()),
        ("Feedback policy", experiment.feedback),
        ("Delivery of the memory", experiment.delivery),
        ("Code policy", experiment.code_policy),
        ("Sandbox", experiment.sandbox),
        ("Limits", _limits(run)),
        ("Memories and agents could reach", _reach(run)),
        ("Tasks in the sequence", str(len(run.info.instance_ids))),
        ("Tests that grade", _graded_tests(run)),
        ("Quarantined tests", _quarantined(run)),
        ("Sequence digest", run.info.sequence_digest),
        ("Settings digest", experiment.digest),
        ("Results digest", run.results_digest),
        ("Made with", f"seqswe {run.info.seqswe}"),
        *((f"Environment {key}", digest) for key, digest in sorted(run.info.environments.items())),
        *((f"{key}, here", _machine(about)) for key, about in sorted(run.info.machine.items())),
    ]
    return Table(
        caption=f"Policies, digests and versions: {run.label}",
        header=("Setting", "Value"),
        rows=tuple(rows),
    )


def _table_settings(run: RunResult, table: OutcomeTable) -> Table:
    """What is known of another's run: the table itself."""
    seeds = (f"{arm}: {len(names)}" for arm, names in table.seeds.items())
    return Table(
        caption=f"The outcome table: {run.label}",
        header=("Setting", "Value"),
        rows=(
            ("Outcome table", table.path.name),
            ("Digest of the table", table.digest),
            ("Tasks in the sequence", str(len(table.tasks))),
            ("Sequence digest", run.info.sequence_digest),
            ("Seeds by arm", ", ".join(seeds)),
        ),
    )


def _machine(about: Mapping[str, str]) -> str:
    """What an environment was on the machine of the run; a path of it is nobody's business."""
    return ", ".join(f"{name} {about[name]}" for name in ("python", "image") if name in about)


def all_tables(analysis: Analysis) -> list[Table]:
    """The tables of results that have any rows."""
    makers = (
        standings_table,
        arms_table,
        contrasts_table,
        doses_table,
        windows_table,
        diagnostics_table,
        secondary_table,
        efficiency_table,
        verdicts_table,
        failures_table,
        repeats_table,
        diagnostic_arms_table,
        retention_table,
        swe_bench_cl_table,
    )
    filled = [table for table in (make(analysis) for make in makers) if table.rows]
    return filled if len(analysis.runs) > 1 else [table.without_run() for table in filled]


def _ranks(standing: Standing) -> str:
    if standing.ranks is None:
        return "–"
    best, worst = standing.ranks
    return str(best) if best == worst else f"{best} to {worst}"


def _sizes(noise: Diagnostics) -> str:
    return f"{noise.n}, {noise.k1} against {noise.k0}"


def _wins(noise: Diagnostics) -> str:
    return f"{noise.wins} / {noise.losses} / {noise.ties}"


def _design_effects(noise: Diagnostics) -> str:
    return f"{_number(noise.sequential.deff_run)} | {_number(noise.iid.deff_run)}"


def _detectable(contrast: Contrast) -> str:
    return change(contrast, contrast.shown(contrast.lift.verdict.detectable)).lstrip("+")


def _resource(efficiency: Efficiency) -> str:
    outcome = efficiency.outcome
    return f"{outcome.title} ({outcome.unit.removesuffix(' per task')})"


def _run_test(noise: Diagnostics) -> str:
    return "–" if noise.iid.run_p is None else p_value(noise.iid.run_p)


def _interval_title(analysis: Analysis) -> str:
    levels = sorted({c.lift.overall.level for c in analysis.contrasts})
    return f"{' or '.join(map(percent, levels)) or '95 %'} interval"


def _p(contrast: Contrast) -> str:
    if not contrast.final:
        return "none yet"
    if contrast.no_difference:
        return "–"
    if contrast.p is None:
        return "none (seeds < 3)"
    return p_number(contrast.p)


def _tasks(contrast: Contrast) -> str:
    missing = contrast.lift.diagnostics.missing
    dropped = f" ({missing} dropped)" if missing else ""
    return f"{contrast.lift.overall.n}{dropped}"


def _limits(run: RunResult) -> str:
    e = run.info.experiment
    return (
        f"{e.cpus:g} CPU, {e.memory_mb} MB, {e.pids} processes, {e.command_seconds:g} s per "
        f"command, {e.task_seconds:g} s per task"
    )


def _graded_tests(run: RunResult) -> str:
    tests = run.info.tests
    if tests is None:
        return NOT_RECORDED
    return f"{tests.fail_to_pass:,} FAIL_TO_PASS, {tests.pass_to_pass:,} PASS_TO_PASS"


def _reach(run: RunResult) -> str:
    reach = run.info.plugin_reach
    return NOT_RECORDED if reach is None else "; ".join(reach) or "what they were given, no more"


def _quarantined(run: RunResult) -> str:
    tests = run.info.tests
    if tests is None:
        return NOT_RECORDED
    where = f" in {tests.quarantined_tasks:,} tasks" if tests.quarantined else ""
    return f"{tests.quarantined:,}{where} (flaky when validated, so never graded)"


def _spent(value: float | None) -> str:
    if value is None:
        return "none resolved"
    return plain(value, 0) if value >= 1000 else f"{value:.3g}"


def _ratio(efficiency: Efficiency) -> str:
    ratio = efficiency.ratio
    if ratio is None:
        return "–"
    middle, low, high = (plain(value, 2) for value in (ratio.ratio, ratio.low, ratio.high))
    return f"{middle} ({low} to {high})"


def _practice(efficiency: Efficiency) -> str:
    practice = efficiency.practice
    if practice is None:
        return "–"
    values = (practice.rate, practice.low, practice.high)
    rate, low, high = (plain(100 * value, 1) for value in values)
    return f"{rate} % ({low} to {high})"


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else plain(value, digits)
