"""One side of a comparison: a finished run, or the small JSON file that was kept of one.

The file holds outcomes and settings, no text of issues and no patches, so it can live in any
repository. docs/formats.md describes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from seqswe import __version__
from seqswe.analysis.arms import RunLayout, layout, matrix
from seqswe.comparison.crashes import Crashes, check_ended, crashes_of
from seqswe.errors import ManifestError, RunDirError, UsageError
from seqswe.instance import digest_of_fields
from seqswe.manifests.convert import check_ids, parse
from seqswe.manifests.outcome_tables import is_table
from seqswe.manifests.read import is_there, read_json
from seqswe.outcome import Outcome
from seqswe.patterns import ARM, COUNT, INSTANCE_ID, Between
from seqswe.runs.files import check_files
from seqswe.runs.journal import Journal
from seqswe.runs.outcomes import (
    ASK_PRECISION,
    ASK_RECALL,
    COST,
    EXECUTIONS,
    HINT_SCORE,
    HINTS_SPENT,
    HIT_AT_1,
    HIT_AT_3,
    RECIPROCAL_RANK,
    RESOLVED,
    STEPS,
    TOKENS,
)
from seqswe.runs.registry import present, registry
from seqswe.runs.scored import SCORE
from seqswe.runs.store import RunDirectory
from seqswe.statistics.arrays import FloatArray

PLACES = frozenset({"mirror", "issues"})
"""Settings that name a folder of the machine: no result depends on where it was."""
SCHEMA = "seqswe.baseline"
SCHEMA_VERSION = 2
AGAIN = "Write it again with `seqswe baseline`."
MOST_BYTES = 64_000_000
KEPT = tuple(
    outcome.name
    for outcome in (
        *(RESOLVED, HIT_AT_1, HIT_AT_3, RECIPROCAL_RANK),
        *(COST, TOKENS, STEPS, EXECUTIONS),
        *(HINTS_SPENT, HINT_SCORE, ASK_PRECISION, ASK_RECALL),
    )
)
"""Built-in outcomes that a baseline keeps: gates are set on them, and pages quote them."""

Values = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One comparison that was made with a baseline."""

    candidate: str
    """What the other side was a run of, such as a commit; "" if nobody said."""
    results_digest: str
    look: Annotated[int, Between(least=1, most=10_000)]
    """Which look at this candidate it was, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A finished run, reduced to what a comparison needs.

    `arms` is {arm: {outcome: [[value of task 1, …] of seed 1, …]}}, None where a value is missing.
    """

    codebase: str
    sequence_digest: str
    instance_ids: tuple[Annotated[str, INSTANCE_ID], ...]
    settings: Mapping[str, Any]
    looks: Annotated[int, Between(least=1, most=10_000)]
    """1, and one more for each time that the run was added to after a look at its results."""
    arms: Values
    results_digest: str
    crashed: Annotated[int, COUNT] = 0
    """Rollouts whose agent crashed: they are graded, and say little of what was to be measured."""
    crashes: Crashes | None = None
    """Which those are; None if there are none, or an older file only counted them."""
    plugin_files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """As in run.toml: files of an agent and a memory of one's own, {kind: {file: digest}}."""
    synthetic: bool = False
    coupled: bool | None = None
    """Whether the agent draws the same dice by seed in every run; None if it was not recorded."""
    ledger: tuple[Look, ...] = ()
    """Comparisons with this baseline so far: one with new results of the same candidate is a
    further look at one question, and pays for it."""
    seqswe: str = __version__
    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        check_ids(self.instance_ids, "field 'instance_ids'")
        for arm in self.arms:
            if not ARM.fits(arm):
                raise ManifestError(f"field 'arms': {arm[:80]!r} is no arm", AGAIN)

    def as_json(self) -> str:
        """The file's text, a line per seed, so that a change reads well in a diff."""
        data = asdict(self)
        if self.crashes:  # no file says what an agent's own code did
            data["crashes"]["first"] = ""
        for name in ("crashes", "plugin_files"):  # an older SeqSWE reads a file without them
            if not data[name]:
                del data[name]
        data = {"digest": digest_of_fields(data), **data}
        arms, ids = data.pop("arms"), json.dumps(data.pop("instance_ids"), ensure_ascii=False)
        head = json.dumps(data, indent=1, ensure_ascii=False)[:-2]
        return f'{head},\n "instance_ids": {ids},\n "arms": {_arms_text(arms)}\n}}\n'

    def looks_at(self, candidate: str) -> tuple[Look, ...]:
        """The comparisons of one candidate so far."""
        return tuple(look for look in self.ledger if look.candidate == candidate)

    def known_crashes(self) -> Crashes | None:
        """The crashes, as far as this side says them."""
        if self.crashes or not self.crashed:
            return self.crashes
        seeds = sum(len(next(iter(outcomes.values()))) for outcomes in self.arms.values())
        return Crashes(rollouts=self.crashed, planned=seeds * len(self.instance_ids))

    def values(self, arm: str, outcome: str) -> FloatArray:
        """Outcomes (tasks, seeds) of one arm, NaN where missing. Raises KeyError."""
        columns = self.arms[arm][outcome]
        return np.array(columns, dtype=np.float64).T


def read(path: Path) -> Baseline:
    """A run directory, a baseline file or an outcome table.

    Raises RunDirError, UsageError or IncompleteError.
    """
    from seqswe.comparison.tables import of_table

    if is_table(path):
        return of_table(path)
    is_run = is_there(path) and path.is_dir()
    return of_run(RunDirectory.open(path)) if is_run else of_file(path)


def of_run(directory: RunDirectory) -> Baseline:
    """Reduce a run. Raises IncompleteError unless every planned rollout has a verdict, and
    StoppedError if it was stopped because its agent had only crashed.
    """
    info, journal = directory.info, directory.journal()
    check_files(directory, journal)
    plan = layout(info, journal)
    check_ended(journal.rollouts, plan, str(directory.root))
    # A codebase may be given as a folder: where that lies says nothing about what is in it.
    codebase = Path(info.experiment.codebase).name
    kept = _kept(present(journal.rollouts))
    crashes = crashes_of(journal.rollouts, plan)
    settings = {k: v for k, v in info.experiment.as_dict().items() if k not in PLACES}
    return Baseline(
        codebase=codebase,
        sequence_digest=info.sequence_digest,
        instance_ids=info.instance_ids[: plan.tasks],
        settings=settings | {"codebase": codebase},
        looks=info.looks,
        arms={arm: _outcomes(arm, journal, plan, kept) for arm in plan.arms},
        results_digest=journal.results_digest(),
        crashed=crashes.rollouts if crashes else 0,
        crashes=crashes,
        plugin_files=info.plugin_files,
        synthetic=info.synthetic,
        coupled=info.coupled,
        seqswe=info.seqswe,
    )


def of_file(path: Path) -> Baseline:
    """Read a baseline file. Raises RunDirError if there is none, UsageError for another one."""
    if not is_there(path):
        raise RunDirError(
            f"{path} does not exist",
            "Give a run directory, or a file that `seqswe baseline` wrote.",
        )
    data = read_json(path, AGAIN, MOST_BYTES)
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise UsageError(
            f"{path} is no baseline (schema {SCHEMA!r})", "Write one with `seqswe baseline RUN`."
        )
    if data.get("schema_version") != SCHEMA_VERSION:
        raise UsageError(
            f"{path} was written by SeqSWE {data.get('seqswe', '?')!s:.20} (schema_version "
            f"{data.get('schema_version')!r:.20}); this is {__version__} (schema_version "
            f"{SCHEMA_VERSION})",
            "Run it again and write it anew: results of the two cannot be compared.",
        )
    digest = data.pop("digest", None)
    baseline = parse(Baseline, data, str(path))
    _check_shape(baseline, path)
    if digest != digest_of_fields(data):
        raise UsageError(
            f"{path} was changed after it was written",
            "Restore it from a copy, or write it again with `seqswe baseline`.",
        )
    return baseline


def _outcomes(
    arm: str, journal: Journal, plan: RunLayout, kept: Iterable[Outcome]
) -> dict[str, list[list[float | None]]]:
    mine = [r for r in journal.rollouts if r.arm == arm]
    return {o.name: _columns(matrix(o, mine, plan.seeds[arm], plan.tasks)) for o in kept}


def _kept(reported: Iterable[Outcome]) -> list[Outcome]:
    """The outcomes that a baseline holds: KEPT, and what other packages have a better way for."""
    foreign = [o.name for o in registry().foreign if o.better != "neither"]
    by_name = {outcome.name: outcome for outcome in reported}
    return [by_name[name] for name in (*KEPT, *foreign) if name in by_name]


def _columns(values: FloatArray) -> list[list[float | None]]:
    return [
        [_short(float(v)) if np.isfinite(v) else None for v in values[:, seed]]
        for seed in range(values.shape[1])
    ]


def _short(value: float) -> float:
    return int(value) if value == int(value) else round(value, 6)


def _arms_text(arms: Values) -> str:
    blocks = []
    for arm, outcomes in arms.items():
        lines = [
            f"   {json.dumps(name)}: [\n    "
            + ",\n    ".join(json.dumps(seed, separators=(",", ":")) for seed in seeds)
            + "\n   ]"
            for name, seeds in outcomes.items()
        ]
        blocks.append(f"  {json.dumps(arm)}: {{\n" + ",\n".join(lines) + "\n  }")
    return "{\n" + ",\n".join(blocks) + "\n }"


def _check_shape(baseline: Baseline, path: Path) -> None:
    tasks = len(baseline.instance_ids)
    for arm, outcomes in baseline.arms.items():
        named = outcomes if isinstance(outcomes, dict) else {}
        if not {RESOLVED.name, SCORE.name} & set(named) or not all(
            _is_matrix(m, tasks) for m in named.values()
        ):
            raise UsageError(
                f"{path}: field 'arms': {arm!r} does not hold {tasks} numbers per seed and outcome",
                AGAIN,
            )
    if not baseline.arms:
        raise UsageError(f"{path}: field 'arms': there is none", AGAIN)


def _is_matrix(seeds: Any, tasks: int) -> bool:
    """Whether it is a list of seeds, each a number (or None) for every task."""
    return bool(
        isinstance(seeds, list)
        and seeds
        and all(isinstance(values, list) and len(values) == tasks for values in seeds)
        and all(
            value is None or isinstance(value, int | float) for values in seeds for value in values
        )
    )
