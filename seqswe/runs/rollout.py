"""What became of a rollout: a verdict, or a failure with a cause from one table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from typing import Annotated, Any, Literal

from seqswe.agent import Usage
from seqswe.errors import ManifestError, RolloutError
from seqswe.instance import digest_of, digest_of_fields
from seqswe.manifests.convert import parse
from seqswe.models.meter import MemoryUsage
from seqswe.patterns import AMOUNT, ARM, COMMIT_OR_NONE, COUNT, INSTANCE_ID, SHARE
from seqswe.runs.compact import Pool


@dataclass(frozen=True, slots=True)
class Cause:
    """A row of the failure table: is it retried, is the patch graded all the same, whose is it."""

    retry: bool
    grade: bool
    meaning: str


CAUSES: Mapping[str, Cause] = {
    "agent_out_of_budget": Cause(False, True, "the agent used up its time, steps or tokens"),
    "agent_crashed": Cause(False, True, "the agent's own code raised; what it left is graded"),
    "provider_failed": Cause(True, False, "the model's provider did not answer"),
    "gateway_failed": Cause(True, False, "the model gateway broke"),
    "recording_differs": Cause(False, False, "a model was asked something else than was recorded"),
    "run_out_of_budget": Cause(False, False, "the budget of the whole run was used up"),
    "sandbox_failed": Cause(True, False, "the container or its engine broke"),
    "grader_failed": Cause(True, False, "the tests could not be run or read"),
    "memory_failed": Cause(True, False, "the memory backend raised"),
    "memory_out_of_budget": Cause(False, False, "the memory used up its tokens for one task"),
    "harness_failed": Cause(False, False, "a bug of SeqSWE itself"),
    "cancelled": Cause(True, False, "stopped by a person"),
}
"""Causes with `grade` yield a verdict as well; the others leave the rollout without one."""


Reason = Literal[
    "resolved",
    "tests_failed",
    "no_patch",
    "patch_unreadable",
    "patch_not_applicable",
    "tests_in_the_way",
    "tests_cut_off",
    "tests_not_believed",
]
REASONS: Mapping[Reason, str] = {
    "resolved": "every test that must pass did",
    "tests_failed": "a test that must pass did not",
    "no_patch": "the agent left no change that could be collected",
    "patch_unreadable": "git does not read the patch",
    "patch_not_applicable": "git does not apply the patch",
    "tests_in_the_way": "with the patch the tests' own files cannot be restored",
    "tests_cut_off": "the tests took longer than they may",
    "tests_not_believed": "the tests ended early, or what they reported contradicts itself",
}
"""Why a verdict is what it is; all but the first are unresolved."""


LONGEST_DETAIL = 2_000
"""Characters of what a failure says; plug-ins have a say in it."""
MOST_NAMED = 1_000_000
"""Bytes, as JSON, of a list of names that a plug-in gives. No reader takes a line of 8 MB, so one
that is too long would cost a run its whole journal."""


def size_of(value: Any) -> int:
    """Bytes of a value as JSON, at most."""
    return len(json.dumps(value))


def is_journaled(names: Sequence[Any]) -> bool:
    """Whether a line of the journal has room for these names."""
    return size_of(names) <= MOST_NAMED


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a rollout has no verdict (or why its verdict is that of a stopped agent)."""

    cause: str
    detail: str = ""
    """For people; not part of the result, since it may name times and temporary paths."""
    lost_verdict: bool | None = None
    """Whether the task was resolved, if that was known before the failure."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", self.detail[:LONGEST_DETAIL])

    @classmethod
    def of(cls, error: RolloutError) -> Failure:
        """What an error says. An unknown cause is a bug of the code that raised it."""
        if error.cause in CAUSES:
            lost = error.lost_verdict
            return cls(cause=error.cause, detail=error.message, lost_verdict=lost)
        return cls(cause="harness_failed", detail=f"unknown cause {error.cause!r}: {error.message}")

    @property
    def ended(self) -> str:
        """What ended a try, as it is counted: the cause, and the verdict that was lost with it."""
        lost = {None: "", True: ", after it was resolved", False: ", after it was not resolved"}
        return self.cause + lost[self.lost_verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestsStatus:
    """Outcome by test id, in SWE-bench's two halves."""

    __test__ = False

    success: tuple[str, ...] = ()
    failure: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A graded result; `as_report` gives SWE-bench's report.json."""

    resolved: bool
    patch_is_none: bool = False
    patch_applied: bool = True
    fail_to_pass: TestsStatus = TestsStatus()
    pass_to_pass: TestsStatus = TestsStatus()
    tests_ran: int = 0
    """Test cases the suite reported: the evidence that it ran."""
    reason: Reason = "tests_failed"
    dropped_files: Mapping[str, str] = field(default_factory=dict)
    """Path → why it does not count: not collected, or a candidate must not change it."""
    problem: str = ""
    """Why the test run cannot be trusted or did not happen; empty if it can."""

    def as_report(self, instance_id: str) -> dict[str, Any]:
        """SWE-bench's report.json for one instance."""
        status = {
            "FAIL_TO_PASS": asdict(self.fail_to_pass),
            "PASS_TO_PASS": asdict(self.pass_to_pass),
            "FAIL_TO_FAIL": {"success": [], "failure": []},
            "PASS_TO_FAIL": {"success": [], "failure": []},
        }
        return {
            instance_id: {
                "patch_is_None": self.patch_is_none,
                "patch_exists": not self.patch_is_none,
                "patch_successfully_applied": self.patch_applied,
                "resolved": self.resolved,
                "infra_failure": False,
                "tests_status": status,
                "reason": self.reason,
                "problem": self.problem,
                "dropped_files": dict(self.dropped_files),
            }
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """How a recall reached the agent if it did not go into its prompt."""

    way: str
    """One of `seqswe.experiment.DELIVERIES`."""
    bytes: Annotated[int, AMOUNT] = 0
    """UTF-8 bytes that lay within the agent's reach (of instruction files: as one agent reads)."""
    truncated: bool = False
    """Whether the way itself cut something, as an instruction file does."""
    used: Mapping[str, int] | None = None
    """Calls of `search`, `read` and `write`, or instruction files `opened`; None if unknown."""
    written_bytes: Annotated[int, AMOUNT] = 0
    """UTF-8 bytes of notes that the agent wrote to its memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an agent asked the user, and what that cost."""

    budget: Annotated[int, COUNT]
    spent: Annotated[int, COUNT]
    answered: Mapping[str, int] = field(default_factory=dict)
    """Different answers by kind of fact."""
    refused: Annotated[int, COUNT] = 0
    """Questions that were out of scope or beyond the budget; they are free."""
    files: tuple[str, ...] = ()
    """Files that answers named as places of the fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrownAway:
    """Attempts of `--speculate` that were begun with another recall than the memory came to."""

    rollouts: Annotated[int, COUNT] = 0
    seconds: Annotated[float, AMOUNT] = 0.0
    tokens: Annotated[int, AMOUNT] = 0
    """Of those that had ended; of the others the run's `model_requests.jsonl` tells."""
    cost_usd: Annotated[float, AMOUNT] | None = None
    """Likewise; None if it is not known of any."""

    @classmethod
    def of(cls, rollouts: Iterable[Rollout]) -> ThrownAway:
        """All that the rollouts of a run tell of."""
        total = cls()
        for rollout in rollouts:
            total = total.plus(rollout.thrown_away) if rollout.thrown_away else total
        return total

    def plus(self, other: ThrownAway) -> ThrownAway:
        """Both together."""
        costs = [each.cost_usd for each in (self, other) if each.cost_usd is not None]
        return ThrownAway(
            rollouts=self.rollouts + other.rollouts,
            seconds=round(self.seconds + other.seconds, 4),
            tokens=self.tokens + other.tokens,
            cost_usd=sum(costs) if costs else None,
        )

    def sentences(self) -> Iterator[str]:
        """What working ahead has cost; nothing if nothing was lost."""
        if self.rollouts:
            cost = "" if self.cost_usd is None else f", ${self.cost_usd:.2f}"
            yield (
                f"AHEAD: {self.rollouts:,} attempts ({self.seconds:,.0f} s, {self.tokens:,} tokens"
                f"{cost}) were begun ahead of the memory and thrown away, since it then recalled "
                "something else. Results are those of a chain that works on nothing ahead."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One agent on one task inside a run: a line of the journal.

    MEASUREMENTS are what the machine had a part in; everything else is a result and must come
    out the same, bit for bit, on any machine and when an interrupted run is resumed.
    """

    arm: Annotated[str, ARM]
    seed: Annotated[int, COUNT]
    position: Annotated[int, COUNT]
    instance_id: Annotated[str, INSTANCE_ID]
    key: str
    """Digest of what the result depends on: instance, settings, memory snapshot, versions of
    Python and of packages."""
    resolved: bool | None = None
    reason: Reason | None = None
    """Why; None without a verdict, and in runs of versions that did not record it."""
    problem: str = ""
    """The verdict's problem, in a sentence for people."""
    dropped_files: Mapping[str, str] = field(default_factory=dict)
    """Changed files that do not count, path → why."""
    failure: Failure | None = None
    patch_digest: str = ""
    ranking: tuple[str, ...] = ()
    gold_files: tuple[str, ...] = ()
    edited_files: tuple[str, ...] = ()
    broken: Annotated[int, COUNT] = 0
    """PASS_TO_PASS tests that the patch broke."""
    confidence: Annotated[float, SHARE] | None = None
    """How sure the agent said it was that its patch resolves the task; None if it did not."""
    usage: Usage = Usage()
    usage_refused: tuple[str, ...] = ()
    """Numbers of the agent's that cannot be, such as `steps: -3`: they are missing in `usage`."""
    recalled: Annotated[int, COUNT] = 0
    recalled_bytes: Annotated[int, AMOUNT] = 0
    recalled_from: tuple[str, ...] = ()
    recall_truncated: bool = False
    delivered: Delivered | None = None
    """None if the recall went into the prompt."""
    asked: Asked | None = None
    """None where there was no user to ask."""
    user_usage: Usage | None = None
    """What the user's own model took; None where the user asks none. As `memory_usage`, of the
    last try."""
    memory_before: str = ""
    memory_after: str = ""
    memory_bytes: Annotated[int, AMOUNT] = 0
    memory_usage: MemoryUsage = MemoryUsage()
    """What the memory's own model took; of a rollout that is tried again, only the last try's."""
    audit: str = ""
    """`<objects> objects, 0 extra, 0 missing`, or empty where no sandbox was opened."""
    code_before: Annotated[str, COMMIT_OR_NONE] = ""
    """The commit it started from, where that is not the task's base commit: code policy `carry`."""
    carried: tuple[Annotated[str, INSTANCE_ID], ...] = ()
    """Tasks whose own, accepted patches are in it in place of gold's."""
    carry_conflicts: tuple[Annotated[str, INSTANCE_ID], ...] = ()
    """Tasks whose own patches no longer fit gold's history here, so that gold's are in it."""
    thrown_away: ThrownAway | None = None
    """What was worked on ahead in vain, of this chain and since its last rollout."""
    timing: Mapping[str, float] = field(default_factory=dict)
    """Seconds by phase, and the sandbox's `processor` time while the agent worked."""
    started_at: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    """Digests of its files, by name."""
    cut: Mapping[str, Annotated[int, COUNT]] = field(default_factory=dict)
    """Names that a list had no room for, by field: see `runs.bounded`."""
    earlier_tries: Mapping[str, Annotated[int, COUNT]] = field(default_factory=dict)
    """Tries before this one, by what ended them (`Failure.ended`); none of them had a verdict."""

    def __post_init__(self) -> None:
        for name, seconds in self.timing.items():
            # A phase of which another is taken off may round to a little less than nothing.
            if not isinstance(seconds, int | float) or not -1 <= seconds <= AMOUNT.most:
                raise ValueError(f"timing {name!r} is {seconds!r:.50}, not seconds")

    @property
    def crashed(self) -> bool:
        """Whether the agent's own code failed, whatever came of what it left."""
        return self.failure is not None and self.failure.cause == "agent_crashed"

    @property
    def place(self) -> tuple[str, int, int]:
        """Arm, seed and position: which rollout of the run it is."""
        return self.arm, self.seed, self.position

    @property
    def tries(self) -> int:
        """How often it was worked on, this time included."""
        return 1 + sum(self.earlier_tries.values())

    def tried_after(self, earlier: Rollout | None) -> Rollout:
        """The same with the tries before it counted; `earlier` is the last one, if any."""
        if earlier is None or earlier.graded:
            return self
        counted = Counter(earlier.earlier_tries)
        counted[earlier.failure.ended if earlier.failure else "cancelled"] += 1
        return replace(self, earlier_tries=dict(counted))

    @property
    def graded(self) -> bool:
        """Whether there is a verdict."""
        return self.resolved is not None

    def as_json(self) -> dict[str, Any]:
        """A JSON object with a digest over its fields; `from_json` reads it back."""
        data = self._plain(_FIELDS)
        return data | {"digest": digest_of_fields(data)}

    def _plain(self, names: Iterable[str]) -> dict[str, Any]:
        # Not asdict for the whole: it copies every tuple, and a digest is over all rollouts.
        data = {name: getattr(self, name) for name in names}
        for name in _TABLES & data.keys():
            data[name] = dict(data[name])
        for name in _NESTED.keys() & data.keys():
            if (value := data[name]) is not None:
                data[name] = {inner: getattr(value, inner) for inner in _NESTED[name]}
        return data

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], line: bytes = b"", pool: Pool | None = None
    ) -> Rollout:
        """Read what `as_json` wrote. Raises ManifestError or ValueError on anything else.

        line: what it was parsed from, where that is at hand: its digest is quicker to check so;
        pool: what rollouts have in common is kept once, and the rest made small. See
        `digest_of_fields` for what the digest is worth.
        """
        if not isinstance(data, Mapping) or "digest" not in data:
            raise ManifestError("rollout: field 'digest' is missing", DIGEST_HINT)
        fields = {**data}
        digest = fields.pop("digest")
        if not _is_of_line(digest, line) and digest != digest_of_fields(fields):
            raise ManifestError("its fields are not those that its digest is of", DIGEST_HINT)
        made = parse(cls, fields, "rollout")
        if pool:
            made._make_small(pool)
        return made

    def _make_small(self, pool: Pool) -> None:
        """Replace values by smaller ones that equal them; nobody else has seen it yet."""
        keep = partial(object.__setattr__, self)
        for name in _OFTEN_EQUAL:
            keep(name, pool.one(getattr(self, name)))
        for name in _TEXTS:
            keep(name, pool.texts(getattr(self, name)))
        for name in _SELDOM:
            keep(name, getattr(self, name) or NOTHING)
        # 0 and -0.0 USD are equal, and not the same in a results digest.
        keep("usage", pool.one(self.usage, str(self.usage.cost_usd)))
        keep("timing", pool.numbers(self.timing))
        keep("files", pool.digests(self.files) if self.files else NOTHING)

    def result(self) -> dict[str, Any]:
        """The part that must be reproducible: everything but MEASUREMENTS."""
        data = self._plain(_RESULTS)
        for name in UNSAID:
            if not data[name]:  # as in every run from before there was such a thing
                del data[name]
        if data["confidence"] is None:  # as in every run from before agents could state one
            del data["confidence"]
        return data | {"failure": self.failure.cause if self.failure else None}


def _is_of_line(digest: object, line: bytes) -> bool:
    """Whether a line is as the journal writes it: its text, without the digest, has that digest."""
    said = f'"digest": "{digest}", '.encode("ascii", "replace")
    rest = line.replace(said, b"", 1)
    return len(rest) < len(line) and rest.isascii() and digest_of(rest) == digest


DIGEST_HINT = "It was changed after the run: restore it from a copy."
UNSAID = ("code_before", "carried", "carry_conflicts", "cut", "asked")
"""Fields that say nothing unless code is carried, a list was too long, or there is a user."""
MEASUREMENTS = frozenset(
    {
        *("timing", "started_at", "memory_usage", "user_usage"),
        *("files", "earlier_tries", "thrown_away"),
    }
)
"""Fields that no results digest covers. `files` is one because a trajectory tells of times."""
_FIELDS = tuple(spec.name for spec in fields(Rollout))
_TABLES = frozenset(spec.name for spec in fields(Rollout) if str(spec.type).startswith("Mapping"))
_OFTEN_EQUAL = (
    "arm",
    "instance_id",
    "reason",
    "problem",
    "failure",
    "patch_digest",
    "memory_before",
    "memory_after",
    "memory_usage",
    "audit",
    "code_before",
    "started_at",
)
_TEXTS = (
    "ranking",
    "gold_files",
    "edited_files",
    "recalled_from",
    "usage_refused",
    "carried",
    "carry_conflicts",
)
_SELDOM = ("dropped_files", "cut", "earlier_tries")
NOTHING: Mapping[str, Any] = {}
"""What a table that is empty is in many rollouts."""
_RESULTS = tuple(name for name in _FIELDS if name not in MEASUREMENTS | {"problem"})
"""`problem` is worded for people, as a failure's detail is."""
_NESTED = {
    name: tuple(spec.name for spec in fields(kind))
    for name, kind in {
        "failure": Failure,
        "usage": Usage,
        "delivered": Delivered,
        "asked": Asked,
        "thrown_away": ThrownAway,
        "memory_usage": MemoryUsage,
        "user_usage": Usage,
    }.items()
}
