"""What is to be run: one dataclass of settings, with the defaults of the whole project."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from math import inf
from pathlib import Path
from typing import Any, Literal

from seqswe.arms import Cell, cells_of, check_arms
from seqswe.errors import UsageError
from seqswe.instance import digest_of
from seqswe.sandbox import Limits

Feedback = Literal["none", "verdict", "tests", "gold"]
FEEDBACKS: tuple[Feedback, ...] = ("none", "verdict", "tests", "gold")
Delivery = Literal["prompt", "file", "folder", "mcp", "mcp-http"]
DELIVERIES: tuple[Delivery, ...] = ("prompt", "file", "folder", "mcp", "mcp-http")
LITELLM = "litellm:"
"""A model of this prefix is asked through LiteLLM, which knows the protocols of all providers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """Every setting of a run. Flag > environment > experiment.toml > the default here."""

    codebase: str = "ledgerlite"
    """name of a manifest, or a folder with a manifest.toml"""
    mirror: str = ""
    """folder of bare clones: <owner>+<name>/repo or <owner>/<name>.git; else the URL is cloned"""
    agent: str = "localizer"
    """name of an agent, or module:attribute"""
    agent_option: tuple[str, ...] = ()
    """key=value for the agent; may be repeated"""
    memory: str = "episodic"
    """name of a memory, or module:attribute"""
    memory_option: tuple[str, ...] = ()
    """key=value for the memory; may be repeated"""
    model: str = ""
    """model that the memory may ask, as its endpoint names it; litellm:NAME goes through LiteLLM"""
    model_url: str = ""
    """base URL of an OpenAI-compatible API"""
    model_key: str = ""
    """environment variable that holds the API key, none by default, so that no key goes
    where it was not meant to; the key itself is never written"""
    model_tokens: int = 200_000
    """tokens that the memory may use for one task, 0 for no end"""
    model_seconds: float = 120.0
    """seconds without a sign of life after which one request is given up"""
    model_price_in: float = 0.0
    """USD per million prompt tokens"""
    model_price_out: float = 0.0
    """USD per million completion tokens"""
    embedding: str = ""
    """embedding model that the memory may ask, as its endpoint names it"""
    embedding_url: str = ""
    """its base URL, where that is not model_url; it is sent the same key"""
    arm: tuple[str, ...] = ("iid", "sequential")
    """one of `seqswe.arms.ARMS`; may be repeated"""
    seeds: int = 3
    """repetitions of every arm"""
    limit: int = 0
    """only the first so many tasks; 0 for all"""
    feedback: Feedback = "gold"
    """what a memory is told after a task: none, verdict, tests or gold"""
    delivery: Delivery = "prompt"
    """how a memory reaches the agent: prompt, file, folder, mcp or mcp-http"""
    code: str = "gold"
    """code policy: each task starts at its true base commit"""
    sandbox: str = "docker"
    """name of a sandbox, or module:attribute"""
    base_image: str = ""
    """image that environments are built on; a registry digest or an imported one"""
    issues: str = ""
    """issue texts that the instances were mined with"""
    jobs: int = 2
    """rollouts at a time"""
    retries: int = 2
    """further tries of a rollout that failed for a reason that passes"""
    cpus: float = 1.0
    """processors of one sandbox"""
    memory_mb: int = 2048
    """main memory of one sandbox"""
    pids: int = 256
    """processes of one sandbox"""
    disk_mb: int = 1024
    """each writable file system of one sandbox"""
    output_bytes: int = 4_000_000
    """output kept of one command"""
    command_seconds: float = 300.0
    """deadline of one command"""
    task_seconds: float = 1800.0
    """deadline of one rollout's commands together"""

    def __post_init__(self) -> None:
        check_arms(self.arm)
        if self.feedback not in FEEDBACKS:
            raise UsageError(
                f"unknown feedback {self.feedback!r}", f"Policies: {', '.join(FEEDBACKS)}."
            )
        if self.delivery not in DELIVERIES:
            raise UsageError(
                f"unknown delivery {self.delivery!r}", f"Ways: {', '.join(DELIVERIES)}."
            )
        if self.code != "gold":
            raise UsageError(f"unknown code policy {self.code!r}", "Only gold is there today.")
        for name, least in {
            "seeds": 1,
            "jobs": 1,
            "limit": 0,
            "retries": 0,
            "pids": 8,
            "memory_mb": 64,
            "disk_mb": 16,
            "output_bytes": 1000,
            "model_tokens": 0,
        }.items():
            if getattr(self, name) < least:
                raise UsageError(
                    f"{name} must be at least {least}, not {getattr(self, name)}",
                    "See `seqswe run --help`.",
                )
        for name in ("cpus", "command_seconds", "task_seconds", "model_seconds"):
            if not 0 < getattr(self, name) < inf:
                raise UsageError(
                    f"{name} must be a positive number, not {getattr(self, name)}",
                    "See `seqswe run --help`.",
                )
        self._check_model()

    def _check_model(self) -> None:
        for name, url in (
            (self.model, self.model_url),
            (self.embedding, self.embedding_url or self.model_url),
        ):
            if name and not (url or name.startswith(LITELLM)):
                raise UsageError(
                    f"model {name!r} is named, and no endpoint to ask it at",
                    "Give --model-url, for example http://localhost:8000/v1.",
                )
        for price in (self.model_price_in, self.model_price_out):
            if not 0 <= price < inf:
                raise UsageError(
                    f"a model's price must be a number of at least 0, not {price}",
                    "Give USD per million tokens.",
                )
        # What looks like a key is not repeated: errors end up in logs.
        if not re.fullmatch(r"([A-Za-z_]\w*)?", self.model_key):
            raise UsageError(
                "model_key is not the name of an environment variable",
                "Put the key itself into a variable, and name that: --model-key OPENAI_API_KEY.",
            )

    @property
    def limits(self) -> Limits:
        """The limits of every sandbox."""
        return Limits(**{f.name: getattr(self, f.name) for f in fields(Limits)})

    def as_dict(self) -> dict[str, Any]:
        """Settings as plain data, lists for tuples."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @property
    def digest(self) -> str:
        """Digest of what the results depend on (not of where, how fast or how often tried)."""
        data = self.as_dict()
        for name in NOT_RESULTS:
            del data[name]
        data["codebase"] = Path(self.codebase).name  # a name, or a folder: wherever it lies
        if self.delivery == "prompt":  # what it was before there were others
            del data["delivery"]
        return digest_of(repr(sorted(data.items())))


MODEL_ACCESS = ("url", "key", "tokens", "seconds", "price_in", "price_out")
MAY_DIFFER = frozenset(
    {"mirror", "issues", "jobs", "retries", "embedding_url", *(f"model_{n}" for n in MODEL_ACCESS)}
)
"""Settings that may differ on resume: they change where and how fast, never what comes out."""
NOT_RESULTS = MAY_DIFFER | {"seeds", "arm", "limit"}
"""With those that choose which rollouts run: none of them changes what one rollout gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An experiment laid over a sequence: which rollouts there will be."""

    experiment: Experiment
    instance_ids: tuple[str, ...]
    cells: tuple[Cell, ...] = field(default=())

    @property
    def rollouts(self) -> int:
        """How many rollouts the plan holds."""
        return sum(len(cell.order) for cell in self.cells)


def make_plan(experiment: Experiment, instance_ids: tuple[str, ...]) -> Plan:
    """Lay an experiment over a sequence. Raises UsageError for an empty one."""
    if not instance_ids:
        raise UsageError(
            f"{experiment.codebase} has no validated instances",
            f"Run `seqswe mine {experiment.codebase}` and `seqswe validate {experiment.codebase}`.",
        )
    chosen = instance_ids[: experiment.limit or None]
    # An arm may stand for several cells (frozen), and two names for the same one.
    cells = {
        (cell.seed, cell.arm): cell
        for seed in range(experiment.seeds)
        for arm in experiment.arm
        for cell in cells_of(arm, seed, len(chosen))
    }
    return Plan(experiment=experiment, instance_ids=chosen, cells=tuple(cells.values()))
