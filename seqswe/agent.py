"""The agent protocol: who tries to solve a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol, get_args, runtime_checkable

from seqswe.errors import UsageError
from seqswe.instance import Task
from seqswe.memory import Recall
from seqswe.patterns import AMOUNT, SHARE
from seqswe.sandbox import Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a rollout consumed; each becomes a curve of its own.

    None is for what was not counted: what nobody knows is missing, and never 0.
    """

    steps: Annotated[int, AMOUNT] | None = None
    executions: Annotated[int, AMOUNT] | None = None
    """Candidate or test executions, for agents that count them."""
    prompt_tokens: Annotated[int, AMOUNT] | None = None
    completion_tokens: Annotated[int, AMOUNT] | None = None
    cost_usd: Annotated[float, AMOUNT] | None = None

    @property
    def tokens(self) -> int | None:
        """Tokens in and out; None if neither was counted."""
        if self.prompt_tokens is None and self.completion_tokens is None:
            return None
        return (self.prompt_tokens or 0) + (self.completion_tokens or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What an agent says of its work. Its patch is not here: it is collected from the sandbox."""

    ranking: tuple[str, ...] = ()
    """Files it thought relevant, best first."""
    usage: Usage = Usage()
    notes: Mapping[str, Any] = field(default_factory=dict)
    """Anything (JSON) it wants to find again in later recalls."""
    message: str = ""
    confidence: Annotated[float, SHARE] | None = None
    """How sure it is that its patch resolves the task, from 0 to 1; None if it does not say."""
    failure: str = ""
    """Why it did not finish, if it did not: `agent_out_of_budget` or `agent_crashed`, with the
    reason in `message`. What it left is graded, and what it says that it used counts."""
    steps: tuple[Mapping[str, Any], ...] = ()
    """What it did, as steps of ATIF, if it keeps a record of its own. Else the commands that it ran
    in the sandbox are the trajectory."""
    own_usage: Mapping[str, int] = field(default_factory=dict)
    """Tokens by its own count and names, for the trajectory. What counts is what was metered."""
    agent_version: str = ""
    """Of a program that it runs, for the trajectory."""


API = Literal["chat", "responses", "messages", "gemini"]
"""How a model is asked: OpenAI's two APIs, Anthropic's, Google's."""
APIS: tuple[API, ...] = get_args(API)
GATEWAY_URL = "SEQSWE_GATEWAY_URL"
"""Variable of every command in the sandbox of an agent with a model: the gateway's address there,
such as http://127.0.0.1:8199, without a path and without a slash at its end."""
GATEWAY_TOKEN = "SEQSWE_GATEWAY_TOKEN"
"""What to send in place of an API key. It is worth nothing elsewhere."""
GATEWAY_MODEL = "SEQSWE_GATEWAY_MODEL"
"""The model's name, as `--model` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """What the gateway answered; a status of 400 or more comes with a JSON error of the API."""

    status: int
    body: bytes
    content_type: str = "application/json"


class AgentModel(Protocol):
    """A way to the model for an agent whose own code runs on the host, without any network."""

    name: str
    """The model's name, as `--model` says."""

    def post(self, path: str, body: Mapping[str, Any]) -> ModelAnswer:
        """Ask, for example at /v1/chat/completions. Only while `solve` runs.

        Waiting for the answer is not counted as the agent's time. Retries are the gateway's:
        what comes back as an error is final.
        """
        ...


@runtime_checkable
class Agent(Protocol):
    """Solves one task in a sandbox. A fresh agent is built for every rollout.

    Built as `Factory(seed=..., **options)`. A class with `reads_gold = True` is also given
    `gold`, a callable from instance id to Instance; reports label it as not deployable.
    A class with `coupled = True` says that all chance in it comes from its seed, so that seed k
    draws the same dice in every arm until a recall changes what it does: reports then pair arms by
    seed, which takes a seed's luck out of their difference. An agent that asks a model is not.
    A class that does not only read the recall it is handed says so: `deliveries` names the ways
    by which it can be given a memory, and `inside = True` that it runs within the sandbox. A class
    with `ignores_scores = True` never looks at the scores of what is recalled, so that a recall
    with other scores is the same to it (`--speculate`).

    A class with `own_memory = True` keeps a memory of its own, for `--memory native`: where
    `OWN_MEMORY` is in `recall.env`, its files are the items, each with its `path` among the notes,
    and it leaves them as `notes[OWN_FILES]`.

    A class that asks a model names the APIs that it speaks: `apis = ("responses",)`. Then `--model`
    must be given (or may be, with `model_optional = True`), and the harness's gateway is its one
    way out. An agent that is `inside` finds it by the variables GATEWAY_URL, GATEWAY_TOKEN and
    GATEWAY_MODEL, which every command has, and `recall.env` of `solve` as well. Any other is built
    with one more argument, `model`: an AgentModel. Further attributes, all lists of texts:
    `side_models`, other models that it may ask; `replay_drop`, JSON pointers of what differs
    between two runs of the same request (`*` stands for every name or index: `/input/*/id`);
    `replay_blank`, regular expressions of what differs within texts (`Chunk ID: \\w+`).
    """

    def solve(self, task: Task, recall: Recall, sandbox: Sandbox) -> Attempt:
        """Edit files in the sandbox; the difference to the base commit is the patch."""
        ...


def check_model(name: str, model: str, options: Iterable[str], *, takes: bool) -> None:
    """Raise UsageError for a model that was given to an agent that asks none, or given twice.

    takes: whether the agent's factory has a parameter `model`.
    """
    if not model:
        return
    if not takes:
        raise UsageError(
            f"agent {name!r} does not ask a model, so --model would change nothing",
            "Leave --model out; the model that a memory asks is --memory-model.",
        )
    if any(option.partition("=")[0] == "model" for option in options):
        raise UsageError(
            f"agent {name!r} is given a model by --model and by --agent-option model=",
            "Leave one of them out.",
        )
