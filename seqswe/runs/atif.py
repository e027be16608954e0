"""ATIF v1.7, the format of trajectories: what a document may hold, and a check of one.

Unknown fields are refused, as the format does; what is ours goes into `extra`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from seqswe.errors import ManifestError
from seqswe.manifests.convert import parse
from seqswe.patterns import AMOUNT, Between

VERSION = "ATIF-v1.7"
Extra = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call of a tool by an agent."""

    tool_call_id: str
    function_name: str
    arguments: Mapping[str, Any]
    extra: Extra | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one call gave."""

    source_call_id: str | None = None
    content: Any = None
    subagent_trajectory_ref: tuple[Any, ...] | None = None
    extra: Extra | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the calls of a step gave."""

    results: tuple[Result, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """What a step took; `prompt_tokens` holds the cached ones as well."""

    prompt_tokens: Annotated[int, AMOUNT] | None = None
    completion_tokens: Annotated[int, AMOUNT] | None = None
    cached_tokens: Annotated[int, AMOUNT] | None = None
    cost_usd: Annotated[float, AMOUNT] | None = None
    prompt_token_ids: tuple[Any, ...] | None = None
    completion_token_ids: tuple[Any, ...] | None = None
    logprobs: tuple[Any, ...] | None = None
    extra: Extra | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something said or done, by one of three."""

    step_id: Annotated[int, Between(least=1, most=1_000_000)]
    source: Literal["system", "user", "agent"]
    message: Any
    timestamp: str | None = None
    model_name: str | None = None
    reasoning_effort: Any = None
    reasoning_content: str | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    observation: Observation | None = None
    metrics: Metrics | None = None
    is_copied_context: bool | None = None
    llm_call_count: Annotated[int, AMOUNT] | None = None
    extra: Extra | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentInfo:
    """Who acted."""

    name: str
    version: str
    model_name: str | None = None
    tool_definitions: tuple[Any, ...] | None = None
    extra: Extra | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalMetrics:
    """What all steps took."""

    total_prompt_tokens: Annotated[int, AMOUNT] | None = None
    total_completion_tokens: Annotated[int, AMOUNT] | None = None
    total_cached_tokens: Annotated[int, AMOUNT] | None = None
    total_cost_usd: Annotated[float, AMOUNT] | None = None
    total_steps: Annotated[int, AMOUNT] | None = None
    extra: Extra | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """A whole document."""

    schema_version: Literal["ATIF-v1.7"]
    agent: AgentInfo
    steps: tuple[Step, ...]
    session_id: str | None = None
    trajectory_id: str | None = None
    notes: str | None = None
    final_metrics: FinalMetrics | None = None
    continued_trajectory_ref: str | None = None
    subagent_trajectories: tuple[Any, ...] | None = None
    extra: Extra | None = None


AGENT_ONLY = (
    "model_name",
    "reasoning_effort",
    "reasoning_content",
    "tool_calls",
    "metrics",
)


def check(document: Mapping[str, Any], where: str = "trajectory") -> Trajectory:
    """Read a document. Raises ManifestError, which names the field, for one that is not ATIF."""
    read = parse(Trajectory, document, where)
    for step in check_steps(read.steps, where):
        if step.llm_call_count == 0 and (step.metrics or step.reasoning_content):
            raise _wrong(where, step, "has numbers of a model that was not asked")
    return read


def parse_steps(steps: tuple[Mapping[str, Any], ...], where: str = "trajectory") -> None:
    """Check steps that are not part of a document yet. Raises ManifestError."""
    check_steps(tuple(parse(Step, step, f"{where} step {n}") for n, step in enumerate(steps, 1)))


def check_steps(steps: tuple[Step, ...], where: str = "trajectory") -> tuple[Step, ...]:
    """Check what goes together. Raises ManifestError."""
    if not steps and where == "trajectory":
        return steps
    for number, step in enumerate(steps, 1):
        if step.step_id != number:
            raise _wrong(where, step, f"is the one at {number}")
        if step.source != "agent" and any(getattr(step, name) for name in AGENT_ONLY):
            raise _wrong(where, step, f"holds what only an agent's has, as {step.source}'s")
        calls = {call.tool_call_id for call in step.tool_calls or ()}
        for result in step.observation.results if step.observation else ():
            if result.source_call_id is not None and result.source_call_id not in calls:
                raise _wrong(where, step, f"answers no call of its own: {result.source_call_id!r}")
    return steps


def _wrong(where: str, step: Step, what: str) -> ManifestError:
    return ManifestError(f"{where}: step {step.step_id} {what}"[:300], "See docs/formats.md.")
