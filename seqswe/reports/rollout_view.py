"""The rollouts behind the numbers: a table of all, and everything one of them left behind."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqswe.analysis import Analysis, RunResult
from seqswe.errors import ManifestError
from seqswe.manifests.read import read_bytes, read_json
from seqswe.runs.outcomes import COST, SECONDS, STEPS, TOKENS, reciprocal_rank
from seqswe.runs.rollout import REASONS, Rollout
from seqswe.runs.scored import ScoredRollout
from seqswe.runs.store import RunDirectory

COLUMNS = {
    "run": "Run",
    "task": "Task",
    "instance": "Instance",
    "arm": "Arm",
    "seed": "Seed",
    "outcome": "Outcome",
    "rank": "Reciprocal rank",
    "steps": "Steps",
    "tokens": "Tokens",
    "cost": "Cost (USD)",
    "seconds": "Time (s)",
    "recalled": "Recalled (bytes)",
}
"""Columns of the table and their titles, in the order of a row's values."""
WORDED = ("run", "instance", "arm", "outcome")
"""Columns of words; all others hold numbers, which stand to the right."""
MOST_ROWS = 20_000
"""Rows that a single file carries; `seqswe view` carries as many as there are."""
LONGEST = 20_000
"""Characters of one text in the single file; longer ones are cut in the middle."""
LONGEST_LIVE = 1_000_000
"""The same where a page asks for one rollout at a time."""
MOST_BYTES = 64_000_000
"""Of a rollout's file that is read at all."""
BUDGET = 2_500_000
"""Characters of all rollouts' texts together in the single file."""

Detail = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """What the single file carries: table rows, and the details of some of them by row number."""

    rows: list[list[Any]]
    details: Mapping[int, Detail]
    total: int


def ordered(analysis: Analysis) -> Iterator[tuple[RunResult, Rollout]]:
    """All rollouts in the order of the table: by run, task, seed and arm."""
    for run in analysis.runs:
        for rollout in sorted(run.rollouts, key=lambda r: (r.position, r.seed, r.arm)):
            yield run, rollout


def row(run: RunResult, rollout: Rollout) -> list[Any]:
    """One row of the table; see COLUMNS."""
    rank = reciprocal_rank(rollout) if rollout.graded else None
    numbers = [outcome.of(rollout) for outcome in (STEPS, TOKENS, COST, SECONDS)]
    return [
        run.label,
        rollout.position + 1,
        rollout.instance_id,
        rollout.arm,
        rollout.seed,
        outcome_word(rollout),
        None if rank is None else round(rank, 3),
        *(None if n is None else round(n, 4) for n in numbers),
        rollout.recalled_bytes,
    ]


def outcome_word(rollout: Rollout) -> str:
    """`resolved`, `not resolved`, a score, or the cause why there is no verdict."""
    if isinstance(rollout, ScoredRollout) and rollout.score is not None:
        return f"{rollout.score:.3g}"
    if rollout.graded:
        return "resolved" if rollout.resolved else "not resolved"
    return rollout.failure.cause if rollout.failure else "no verdict"


def detail(run: RunResult, rollout: Rollout, longest: int = LONGEST_LIVE) -> Detail:
    """Everything that one rollout left behind, each text cut to `longest` characters."""
    folder = folder_of(run, rollout)
    steps = _trajectory(folder)
    first = steps[0] if steps else {}
    extra = _dict(first.get("extra"))
    return {
        "facts": _facts(run, rollout),
        "issue": cut(_text(first.get("message")), longest),
        "recalled": [_recalled(item, longest) for item in _list(extra.get("recalled"))],
        "recall_truncated": bool(extra.get("recall_truncated")) or rollout.recall_truncated,
        "steps": [_step(step, longest) for step in steps[1:]],
        "patch": cut(_read(folder, "patch.diff"), longest),
        "log": cut(_read(folder, "test.log"), longest),
        "verdict": cut(_read(folder, "report.json"), longest),
    }


def extract(analysis: Analysis, budget: int = BUDGET) -> Extract:
    """The table and, as far as the budget reaches, details: first where the arms disagree."""
    pairs = list(ordered(analysis))
    shown = pairs[:MOST_ROWS]
    disputed = _disputed(pairs)
    order = sorted(
        range(len(shown)),
        key=lambda i: (_place(shown[i]) not in disputed, shown[i][1].seed, i),
    )
    details: dict[int, Detail] = {}
    for index in order:
        made = detail(*shown[index], longest=LONGEST)
        budget -= len(json.dumps(made))
        if budget < 0:
            break
        details[index] = made
    return Extract(rows=[row(*pair) for pair in shown], details=details, total=len(pairs))


def folder_of(run: RunResult, rollout: Rollout) -> Path | None:
    """The rollout's folder; None where a journal of somebody else points out of its run."""
    place = RunDirectory(run.root, run.info).folder(
        rollout.arm, rollout.seed, rollout.position, rollout.instance_id
    )
    inside = place.resolve().is_relative_to(run.root.resolve())
    return place if inside else None


def cut(text: str, longest: int) -> str:
    """The text's beginning and end, with a note of what was left out between them."""
    if len(text) <= longest:
        return text
    half = longest // 2
    left = len(text) - 2 * half
    return f"{text[:half]}\n[… {left:,} characters left out …]\n{text[-half:]}"


def _place(pair: tuple[RunResult, Rollout]) -> tuple[str, int]:
    return pair[0].label, pair[1].position


def _disputed(pairs: Iterable[tuple[RunResult, Rollout]]) -> set[tuple[str, int]]:
    seen: dict[tuple[str, int], set[tuple[object, ...]]] = {}
    for run, rollout in pairs:
        outcome = (rollout.resolved, reciprocal_rank(rollout))
        seen.setdefault(_place((run, rollout)), set()).add(outcome)
    return {place for place, outcomes in seen.items() if len(outcomes) > 1}


def _facts(run: RunResult, rollout: Rollout) -> list[list[str]]:
    failure = rollout.failure
    usage = rollout.usage
    pairs = {
        "Run": run.label,
        "Arm and seed": f"{rollout.arm}, seed {rollout.seed}",
        "Task": f"{rollout.position + 1}: {rollout.instance_id}",
        "Outcome": outcome_word(rollout) + (" (synthetic bug)" if run.info.synthetic else ""),
        "Verdict": rollout.problem or (REASONS[rollout.reason] if rollout.reason else ""),
        "Files left out": "; ".join(f"{p}: {why}" for p, why in rollout.dropped_files.items()),
        "Failure": f"{failure.cause}: {failure.detail}" if failure else "",
        "Tests broken": str(rollout.broken) if rollout.broken else "",
        "Gold files": ", ".join(rollout.gold_files),
        "Edited files": ", ".join(rollout.edited_files),
        "Ranking": ", ".join(rollout.ranking[:10]),
        "Steps, executions": _counts(usage.steps, usage.executions),
        "Tokens in, out": _counts(usage.prompt_tokens, usage.completion_tokens),
        "Cost": "" if usage.cost_usd is None else f"{usage.cost_usd} USD",
        "Memory's model": _memory_usage(rollout),
        "User's model": _user_usage(rollout),
        "Seconds": ", ".join(f"{k} {v:.2f}" for k, v in rollout.timing.items()),
        "Memory before": rollout.memory_before,
        "Memory after": rollout.memory_after,
        "Audit": rollout.audit,
    }
    return [[name, text] for name, text in pairs.items() if text]


def _counts(*numbers: int | None) -> str:
    """Numbers with a dash for what was not counted, or nothing if none was."""
    if all(number is None for number in numbers):
        return ""
    return ", ".join("–" if number is None else str(number) for number in numbers)


def _memory_usage(rollout: Rollout) -> str:
    used = rollout.memory_usage
    if not used.calls:
        return ""
    cost = "" if used.cost_usd is None else f", {used.cost_usd} USD"
    lost = "".join(
        f", {what} lost: its answers could not be read"
        for what, count in (("lesson", used.lessons_lost), ("recall", used.recalls_lost))
        if count
    )
    tokens = f"{used.prompt_tokens} tokens in, {used.completion_tokens} out"
    return f"{used.calls} calls, {tokens}{cost}{lost}"


def _user_usage(rollout: Rollout) -> str:
    used = rollout.user_usage
    if used is None:
        return ""
    cost = "" if used.cost_usd is None else f", {used.cost_usd} USD"
    return f"tokens in, out: {_counts(used.prompt_tokens, used.completion_tokens)}{cost}"


def _trajectory(folder: Path | None) -> list[dict[str, Any]]:
    try:
        data = read_json(folder / "trajectory.json", "", MOST_BYTES) if folder else None
    except ManifestError:  # what can no longer be read is not shown
        return []
    steps = data.get("steps") if isinstance(data, dict) else None
    return [step for step in _list(steps) if isinstance(step, dict)]


def _recalled(item: Any, longest: int) -> Detail:
    fields = item if isinstance(item, dict) else {"text": item}
    return {
        "text": cut(_text(fields.get("text")), longest),
        "origins": [_text(origin) for origin in _list(fields.get("origins"))],
        "score": fields.get("score"),
    }


def _step(step: dict[str, Any], longest: int) -> Detail:
    calls = [_dict(call) for call in _list(step.get("tool_calls"))]
    results = _list(_dict(step.get("observation")).get("results"))
    return {
        "source": _text(step.get("source")),
        "message": cut(_text(step.get("message")), longest),
        "calls": [cut(_call(call), longest) for call in calls],
        "results": [cut(_text(_dict(result).get("content")), longest) for result in results],
    }


def _call(call: dict[str, Any]) -> str:
    arguments = _dict(call.get("arguments"))
    command = arguments.get("command", arguments.get("cmd"))
    shown = command if isinstance(command, str) else json.dumps(arguments, ensure_ascii=False)
    return f"{_text(call.get('function_name'))}: {shown}"


def _read(folder: Path | None, name: str) -> str:
    try:
        data = read_bytes(folder / name, MOST_BYTES) if folder else b""
    except ManifestError:
        return ""
    return data.decode("utf-8", "replace")


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
