"""What is to be run: one dataclass of settings, with the defaults of the whole project.

A setting is one line here: its default, what it is, its bound, and what it has an effect on. The
command line, experiment.toml, `seqswe plan` and the digest all read that line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from functools import cache
from math import inf
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from seqswe.arms import ARMS, HEADLINE, SEQUENTIAL, Cell, cells_of, check_arms, starts_from_a_run
from seqswe.errors import UsageError
from seqswe.instance import digest_of
from seqswe.manifests.selection import Novelty, Selection, StatementKind
from seqswe.plugins import RECIPE, without_folder
from seqswe.sandbox import Limits, SandboxChoice
from seqswe.seeds import Seeds, seeds_by_arm
from seqswe.user import NOBODY
from seqswe.visible import HIDDEN

Feedback = Literal["none", "verdict", "tests", "gold"]
FEEDBACKS: tuple[Feedback, ...] = get_args(Feedback)
Delivery = Literal["prompt", "file", "folder", "mcp", "mcp-http"]
DELIVERIES: tuple[Delivery, ...] = get_args(Delivery)
Instructions = Literal["keep", "hide"]
NATIVE = "native"
"""The memory that is the agent's own."""
LITELLM = "litellm:"
"""A model of this prefix is asked through LiteLLM, which knows the protocols of all providers."""
VARIABLE = re.compile(r"[A-Za-z_]\w*")
MOST_TEXT, MOST_OPTION = 4096, 100_000
"""Characters of a text; of an option of a plug-in, which may be a whole program."""
CodePolicy = Literal["gold", "carry"]
CARRY: CodePolicy = "carry"
BESIDE = ("iid", "nomem")
"""Arms that may stand beside a chain that carries code: the others start from moments of one."""

Effect = Literal["outcome", "selection", "access"]
"""What a setting has an effect on: what one rollout gives; which rollouts are run; neither, but
where, how fast and how often it is tried. The last may differ when a run is resumed."""


def setting(
    default: Any,
    help: str,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float = 1e9,
    effect: Effect = "outcome",
    envvar: tuple[str, ...] = (),
    heading: str = "",
) -> Any:
    """A field of Experiment.

    help: one sentence for people; least, above: the smallest value, or what it must exceed;
    most: the largest; envvar: environment variables instead of SEQSWE_ and the name; heading: in
    `--help`, above this setting and those that follow.
    """
    about = {"help": help, "least": least, "above": above, "most": most, "heading": heading}
    return field(default=default, metadata=about | {"effect": effect, "envvar": envvar})


LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """Every setting of a run. Flag > environment > experiment.toml > the default here.

    A Literal's values are the choices of its option; a tuple's option may be repeated.
    Raises UsageError for values out of bounds and combinations that make no sense.
    """

    codebase: str = setting(
        "ledgerlite",
        "Name of a manifest, or a folder with a manifest.toml.",
        heading="Codebase",
    )
    mirror: str = setting(
        "",
        "Folder of bare clones: <owner>+<name>/repo or <owner>/<name>.git. Without it, the "
        "manifest's URL is cloned.",
        effect="access",
        envvar=("SEQSWE_MIRROR", "SEQSWE_MIRRORS"),
    )
    agent: str = setting(
        "localizer",
        "Name of an agent, ./file.py:Class, module:Class, or a recipe ./file.toml.",
        heading="Agent",
    )
    agent_option: tuple[str, ...] = setting((), "key=value for the agent; may be repeated.")
    model: str = setting("", "Model of the agent, if it asks one, as its endpoint names it.")
    rollout_cost: float = setting(
        0.0,
        "USD that one rollout's agent may spend; 0: any.",
        least=0,
        heading="Budgets of the agent's model",
    )
    rollout_tokens: int = setting(
        0, "Tokens, in and out, that one rollout's agent may use; 0: any number.", least=0
    )
    # By default a bound all the same: no clock counts the time in which a model is waited for.
    rollout_requests: int = setting(
        500, "Requests to a model that one rollout's agent may make; 0: any number.", least=0
    )
    max_cost: float = setting(
        0.0, "USD that the agents of the whole run may spend; 0: any.", least=0, effect="access"
    )
    max_tokens: int = setting(
        0,
        "Tokens, in and out, that the agents of the whole run may use; 0: any number.",
        least=0,
        most=1e12,
        effect="access",
    )
    rpm: int = setting(
        0, "Requests to the agents' model in any minute; 0: any number.", least=0, effect="access"
    )
    tpm: int = setting(
        0, "Tokens of the agents' model in any minute; 0: any number.", least=0, effect="access"
    )
    provider_seconds: float = setting(
        300.0,
        "Ask the agents' model again after this many seconds without a byte of its answer.",
        above=0,
        most=86_400,
        effect="access",
    )
    prices: str = setting(
        "",
        "TOML file of what models cost; without it, LiteLLM's data if that is installed.",
        effect="access",
    )
    allow_unpriced: bool = setting(
        False, "Run although nobody knows what the agents' model costs.", effect="access"
    )
    record: str = setting(
        "",
        "Folder to keep every request to a model, the agent's or the memory's, and its answer in.",
        effect="access",
        heading="Recordings of models",
    )
    replay: str = setting(
        "", "Folder of --record to answer from: no model is asked.", effect="access"
    )
    memory: str = setting(
        "episodic", "Name of a memory, ./file.py:Class or module:Class.", heading="Memory"
    )
    memory_option: tuple[str, ...] = setting((), "key=value for the memory; may be repeated.")
    memory_model: str = setting(
        "",
        "Model the memory may ask, as its endpoint names it; or litellm:NAME.",
        heading="The memory's model",
    )
    memory_model_url: str = setting(
        "",
        "Base URL of an OpenAI-compatible API, such as http://localhost:8000/v1.",
        effect="access",
    )
    # None by default, so that no key goes where it was not meant to; it is never written.
    memory_model_key: str = setting(
        "",
        "Environment variable that holds the API key, such as OPENAI_API_KEY. By default no key "
        "is sent.",
        effect="access",
    )
    memory_model_tokens: int = setting(
        200_000,
        "Token budget of the memory per task; 0 means unlimited.",
        least=0,
        effect="access",
    )
    memory_model_answer_tokens: int = setting(
        0,
        "Tokens of one answer of the memory's model, at most; 0 leaves it to the memory.",
        least=0,
    )
    memory_model_seconds: float = setting(
        120.0,
        "Give up a model request after this many seconds without a response.",
        above=0,
        effect="access",
    )
    memory_model_price_in: float = setting(
        0.0, "USD per million prompt tokens.", least=0, effect="access"
    )
    memory_model_price_out: float = setting(
        0.0, "USD per million completion tokens.", least=0, effect="access"
    )
    embedding: str = setting("", "Embedding model the memory may ask, as its endpoint names it.")
    embedding_url: str = setting(
        "",
        "Base URL of the embedding model, if not --memory-model-url. It is sent the same key.",
        effect="access",
    )
    arm: tuple[str, ...] = setting(
        ("iid", "sequential"),
        f"{', '.join(ARMS)}; may be repeated. `seqswe list arms` explains them.",
        effect="selection",
        heading="Arms, seeds and tasks",
    )
    seeds: Seeds = setting(
        3,
        "Repetitions of every arm, or of each: iid=3,sequential=6. `seqswe plan` says what is "
        "cheapest.",
        effect="selection",
    )
    limit: int = setting(0, "Run only the first N tasks; 0 runs all.", least=0, effect="selection")
    feedback: Feedback = setting("gold", "What a memory is told after a task.")
    lag: int = setting(
        0,
        "Tasks after which the memory of the sequential arm hears of one, as in a team that works "
        "on several at once. 0: once it is over.",
        least=0,
        most=100_000,
    )
    code_policy: CodePolicy = setting(
        "gold",
        "What code a task starts from: its true base commit, or, along the sequential arm, that "
        "with the agent's own accepted patches in place of gold's.",
    )
    delivery: Delivery = setting("prompt", "How a memory reaches the agent; see docs/memories.md.")
    statement: StatementKind = setting(
        "full",
        "What a task is told by: the whole text, its title, or the symptom that its failing test "
        "shows (tasks without one are left out; `seqswe statements` makes them).",
    )
    max_leak: float = setting(
        1.0,
        "Only tasks whose statement gives away at most this much of the fix, from 0 to 1; "
        "`seqswe audit` lists the worst.",
        least=0,
        most=1,
    )
    novelty: Novelty = setting(
        "all",
        "Tasks that fix no file which an earlier task of the codebase fixed (novel), the others "
        "(seen), or all.",
    )
    spacing: float = setting(0.0, "Days from one task to the next, at least.", least=0, most=10_000)
    span: str = setting(
        "",
        "Which of these tasks, as START:STOP:STEP: 100:160, -60: (the last 60), :80%, ::5.",
    )
    instructions: Instructions = setting(
        "keep",
        "Files of the codebase that agents read on their own, such as CLAUDE.md: as they are, or "
        "out of the working tree.",
    )
    user: str = setting(
        NOBODY,
        "Whom the agent can ask about its task: none, facts (priced facts of the task, without a "
        "model), ./file.py:Class or module:Class.",
    )
    ask_budget: int = setting(
        10, "What all answers of the user to one rollout may cost; 0: nobody is there.", least=0
    )
    user_model: str = setting("", "Model of the user, if it asks one, as its endpoint names it.")
    sandbox: str = setting(
        "docker", "Name of a sandbox, ./file.py:Class or module:Class.", heading="Sandbox"
    )
    sandbox_option: tuple[str, ...] = setting((), "key=value for the sandbox; may be repeated.")
    # The version of its Python is part of every result; where the image came from is not.
    base_image: str = setting("", "Image that environments are built on.", effect="access")
    issues: str = setting(
        "",
        'Issue texts that the instances were mined with: JSON lines {"number", "title", "body", '
        '"created_at"}.',
        effect="access",
    )
    jobs: int = setting(
        2,
        "Rollouts at a time, on each machine.",
        least=1,
        most=1000,
        effect="access",
        heading="How it is run",
    )
    speculate: int = setting(
        1,
        "Tasks of a chain to work on at a time, ahead of its memory; what the memory then recalls "
        "otherwise is thrown away, and results stay the same. 1: none ahead.",
        least=1,
        most=1000,
        effect="access",
    )
    engine: Literal["local", "ray"] = setting(
        "local",
        "Where rollouts run: in threads of this process, or on the machines of a Ray cluster.",
        effect="access",
    )
    engine_address: str = setting(
        "",
        "Address of the Ray cluster, such as HOST:6379, or auto for the one that this machine "
        "belongs to; without it, Ray is started on this machine alone.",
        effect="access",
    )
    retries: int = setting(
        2,
        "How often to retry a rollout after a transient failure.",
        least=0,
        most=1000,
        effect="access",
    )
    plugin_seconds: float = setting(
        120.0,
        "Deadline of building a memory or an agent, and of each call of a memory, in seconds; "
        "recalling and recording take no longer than task_seconds either.",
        above=0,
        most=86_400,
        effect="access",
    )
    plugin_network: Literal["closed", "open"] = setting(
        "closed", "Whether memories and Python agents may use the network."
    )
    plugin_env: tuple[str, ...] = setting(
        (),
        "Environment variable that memories and Python agents are given, such as one that holds "
        "a key; may be repeated.",
        effect="access",
    )
    crashes: int = setting(
        5,
        "Stop if the agent crashes in this many first rollouts, all of them; 0 never stops.",
        least=0,
        most=10_000,
        effect="access",
    )
    cpus: float = setting(
        LIMITS.cpus,
        "Processors of one sandbox.",
        above=0,
        most=10_000,
        heading="Limits of a sandbox",
    )
    memory_mb: int = setting(LIMITS.memory_mb, "Main memory of one sandbox in MB.", least=64)
    pids: int = setting(LIMITS.pids, "Processes of one sandbox.", least=8)
    disk_mb: int = setting(
        LIMITS.disk_mb, "Size of each writable file system of one sandbox in MB.", least=16
    )
    output_bytes: int = setting(
        LIMITS.output_bytes, "Bytes of output kept of one command.", least=1000, most=1e8
    )
    command_seconds: float = setting(
        LIMITS.command_seconds, "Deadline of one command in seconds.", above=0
    )
    task_seconds: float = setting(
        LIMITS.task_seconds,
        "Deadline of all commands of one rollout together, in seconds.",
        above=0,
    )

    def __post_init__(self) -> None:
        check_arms(self.arm)
        for name in settings():
            check_setting(name, getattr(self, name))
        _ = self.selection  # checks the span
        self._check_seeds()
        self._check_model()
        self._check_plugins()
        self._check_code_policy()
        self._check_speculation()
        self._check_lag()

    def _check_lag(self) -> None:
        """Only where a chain is told of its tasks one after the other, as they were made."""
        if not self.lag:
            return
        reasons = {
            "--arm": next((arm for arm in self.arm if arm not in HEADLINE), ""),
            "--code-policy": self.code_policy == CARRY and CARRY,
            "--memory": self.memory == NATIVE and NATIVE,
        }
        for option, value in reasons.items():
            if value:
                raise UsageError(
                    f"a memory cannot hear of tasks later with {option} {value}",
                    f"Leave out --lag or {option} {value}.",
                )

    def _check_speculation(self) -> None:
        """Only where the same recall makes the same rollout, and where recalling costs nothing."""
        if self.speculate == 1:
            return
        reasons = {
            "--delivery": self.delivery != "prompt" and self.delivery,
            "--code-policy": self.code_policy == CARRY and CARRY,
            "--memory-model": self.memory_model,
            "--embedding": self.embedding,
            "--memory": self.memory == NATIVE and NATIVE,
            "--user": ":" in self.user and self.user,
            "--record": self.record,
            "--replay": self.replay,
        }
        for option, value in reasons.items():
            if value:
                raise UsageError(
                    f"tasks cannot be worked on ahead with {option} {value}",
                    f"Leave out --speculate or {option}.",
                )

    def _check_seeds(self) -> None:
        seeds = self.seeds_by_arm
        for arm in filter(starts_from_a_run, self.arm):
            if seeds[arm] > seeds[SEQUENTIAL]:
                raise UsageError(
                    f"arm {arm!r} has {seeds[arm]} seeds, and {SEQUENTIAL}, whose memories it "
                    f"starts from, {seeds[SEQUENTIAL]}",
                    "Give it as many or fewer.",
                )

    def _check_plugins(self) -> None:
        for name in self.plugin_env:
            # What looks like a key is not repeated, as below.
            if not VARIABLE.fullmatch(name):
                raise UsageError(
                    "plugin_env is not the name of an environment variable",
                    "Put the value itself into a variable, and name that: --plugin-env MY_KEY.",
                )

    def _check_code_policy(self) -> None:
        if self.code_policy != CARRY:
            return
        if SEQUENTIAL not in self.arm or not set(self.arm) <= {SEQUENTIAL, *BESIDE}:
            raise UsageError(
                f"code policy 'carry' cannot be run with --arm {', '.join(self.arm)}",
                f"It needs --arm sequential, and beside it at most {' and '.join(BESIDE)}.",
            )

    def _check_model(self) -> None:
        if self.record and self.replay:
            raise UsageError("record and replay are both given", "Leave one of them out.")
        if self.record and self.engine == "ray":
            raise UsageError(
                "requests cannot be recorded with engine 'ray': each machine would keep its own",
                "Leave out --record, or run with --engine local.",
            )
        for name, url in (
            (self.memory_model, self.memory_model_url),
            (self.embedding, self.embedding_url or self.memory_model_url),
        ):
            if name and not (url or self.replay or name.startswith(LITELLM)):
                raise UsageError(
                    f"model {name!r} has no endpoint",
                    "Give --memory-model-url, for example http://localhost:8000/v1.",
                )
        # What looks like a key is not repeated: errors end up in logs.
        if self.memory_model_key and not VARIABLE.fullmatch(self.memory_model_key):
            raise UsageError(
                "memory_model_key is not the name of an environment variable",
                "Put the key itself into a variable, and name that: "
                "--memory-model-key OPENAI_API_KEY.",
            )

    @property
    def seeds_by_arm(self) -> Mapping[str, int]:
        """Seeds of each arm, in the order of `arm`."""
        return seeds_by_arm(self.seeds, self.arm)

    @property
    def limits(self) -> Limits:
        """The limits of every sandbox."""
        return Limits(**{f.name: getattr(self, f.name) for f in fields(Limits)})

    @property
    def sandbox_choice(self) -> SandboxChoice:
        """The kind of sandbox, with its options."""
        return SandboxChoice(**{f.name: getattr(self, f.name) for f in fields(SandboxChoice)})

    @property
    def selection(self) -> Selection:
        """Which tasks are in the sequence."""
        return Selection(**{f.name: getattr(self, f.name) for f in fields(Selection)})

    def as_dict(self) -> dict[str, Any]:
        """Settings as plain data, lists for tuples."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @property
    def agent_name(self) -> str:
        """The agent, without the folder of a recipe, whose content is in each result's key."""
        recipe = self.agent.endswith(RECIPE)
        return Path(self.agent).name if recipe else without_folder(self.agent)

    @property
    def can_ask(self) -> bool:
        """Whether there is a user to ask."""
        return self.user != NOBODY and self.ask_budget > 0

    @property
    def digest(self) -> str:
        """Digest of what the results depend on (not of where, how fast or how often tried).

        A setting at its default is left out, so that a new one makes no older run stale.
        """
        values = {name: getattr(self, name) for name in affecting("outcome")}
        values["codebase"] = Path(self.codebase).name  # a name, or a folder: wherever it lies
        values["agent"] = self.agent_name
        values["memory"] = without_folder(self.memory)
        if not self.can_ask:  # who cannot be asked changes nothing
            del values["user"], values["ask_budget"]
        data = {n: value for n, value in values.items() if value != settings()[n].default}
        return digest_of(repr(sorted(data.items())))


@cache
def settings() -> Mapping[str, Field[Any]]:
    """The fields of Experiment by name, in their order."""
    return {spec.name: spec for spec in fields(Experiment)}


@cache
def affecting(*effects: Effect) -> frozenset[str]:
    """Names of the settings that have one of these effects."""
    return frozenset(n for n, spec in settings().items() if spec.metadata["effect"] in effects)


@cache
def types() -> Mapping[str, Any]:
    """The type of each setting, read from its annotation."""
    return get_type_hints(Experiment)


def choices(name: str) -> tuple[str, ...]:
    """The values that a setting may have, if its type is a Literal; else none."""
    kind = types()[name]
    return get_args(kind) if get_origin(kind) is Literal else ()


def check_setting(name: str, value: Any) -> None:
    """Raises UsageError for a value that is not one of the choices, or is out of bounds."""
    allowed, about = choices(name), settings()[name].metadata
    if allowed and value not in allowed:
        raise UsageError(f"unknown {name} {value!r:.80}", f"Choose one of {', '.join(allowed)}.")
    for text in value if isinstance(value, tuple) else (value,):
        if isinstance(text, str):
            _check_text(name, text)
    wanted = ""
    # Nothing that is not a number passes a comparison, and infinity is no bound.
    if about["least"] is not None and not about["least"] <= value < inf:
        wanted = f"at least {about['least']}"
    elif about["above"] is not None and not about["above"] < value < inf:
        wanted = f"above {about['above']}"
    elif isinstance(value, int | float) and value > about["most"]:
        wanted = f"at most {about['most']:,g}"
    if wanted:
        raise UsageError(f"{name} must be {wanted}, not {value!r:.80}", "See `seqswe run --help`.")


def _check_text(name: str, text: str) -> None:
    """Raises UsageError for a text that no path, no option of a plug-in and no file can hold."""
    hint = "See `seqswe run --help`."
    most = MOST_OPTION if name.endswith("_option") else MOST_TEXT
    if len(text) > most:
        raise UsageError(f"{name} has {len(text):,} characters, at most {most:,} are taken", hint)
    free = name.endswith("_option")  # a program may have lines
    if odd := next((c for c in text if HIDDEN.match(c) or (c in "\n\t" and not free)), ""):
        raise UsageError(f"{name} holds the control character {odd!a}", hint)


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
    """Lay an experiment over a sequence of tasks. Raises UsageError for an empty one."""
    if not instance_ids:
        raise UsageError(
            f"{experiment.codebase} has no validated instances",
            f"Run `seqswe mine {experiment.codebase}` and `seqswe validate {experiment.codebase}`.",
        )
    chosen = instance_ids[: experiment.limit or None]
    # An arm may stand for several cells (frozen), and two names for the same one.
    seeds = experiment.seeds_by_arm
    cells = {
        (cell.seed, cell.arm): cell
        for seed in range(max(seeds.values()))
        for arm in experiment.arm
        if seed < seeds[arm]
        for cell in cells_of(arm, seed, len(chosen), experiment.lag)
    }
    return Plan(experiment=experiment, instance_ids=chosen, cells=tuple(cells.values()))
