"""What the gateway is to the loop and to agents: types alone, without aiohttp.

An agent (see `seqswe.agent.Agent`) declares what it speaks, on its class::

    class Codex:
        inside = True                             # its commands ask, from within the sandbox
        apis = ("responses",)                     # of chat, responses, messages, gemini
        side_models = ("gpt-5-mini",)             # beyond --model; none by default
        replay_drop = ("/client_metadata", "/prompt_cache_key", "/input/*/id")
        replay_blank = (r"Chunk ID: \\w+", r"Wall time: [\\d.]+ seconds")

Inside, every command has three variables, which `recall.env` of `solve` has as well:
SEQSWE_GATEWAY_URL (http://127.0.0.1:8199: append /v1/responses, /v1/chat/completions,
/v1/messages or /v1beta/models/M:generateContent), SEQSWE_GATEWAY_TOKEN (send it as the API key:
bearer, x-api-key or x-goog-api-key) and SEQSWE_GATEWAY_MODEL. An agent that is not `inside` (mini)
is built with `model`, a `seqswe.agent.AgentModel`: `model.post("/v1/chat/completions", body)`.
It needs no network, since the request goes through the pipe to the harness.

The loop opens a door when it makes an agent's sandbox, and a session while the agent works::

    door = gateway.open_door()                              # before the sandbox, which mounts it
    sandbox = provider.open(SandboxSpec(..., model=door.access))
    door.attach(sandbox)
    with gateway.session(door, RolloutId(...), sandbox.model_url) as session:
        session.env                                         # the three variables
        gateway.post(session, "/v1/messages", body)         # for an agent on the host; no door then
    session.usage                                           # ModelUsage: what the wire said
    session.failure                                         # (cause, detail) or None
    gateway.close_door(door)

`harness.loop.agent_model` does that for every rollout; without a model it does nothing.

`failure` has one of these causes: `provider_failed` (the provider stayed dead; tried again),
`gateway_failed` (a bug, or the event loop ended; tried again), `run_out_of_budget` (the run's
budget ended it; not graded, the run stops with exit code 4), `agent_out_of_budget` (its own budget;
graded), `recording_differs` (a replayed request is not the one that was recorded; not graded).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seqswe.agent import API


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutId:
    """Which rollout asks: recordings and the ledger are kept by it."""

    arm: str
    seed: int
    position: int
    instance_id: str

    @property
    def name(self) -> str:
        """As a relative path."""
        return f"{self.arm}-{self.seed}/{self.position:04d}-{self.instance_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUsage:
    """What the requests of a rollout took, by what came over the wire.

    A number is None if one answer did not tell it: unknown is not 0. `input` leaves out what was
    read from a cache or written to one; `reasoning` is a part of `output`.
    """

    requests: int = 0
    """Of the agent, side calls and its own retries included."""
    attempts: int = 0
    """Of the gateway: its retries included."""
    input: int | None = 0
    cached_input: int | None = 0
    cache_creation: int | None = 0
    output: int | None = 0
    reasoning: int | None = 0
    cost_usd: float | None = 0.0
    """None also where the model has no price."""

    @property
    def prompt_tokens(self) -> int | None:
        """Everything that was sent, cached or not."""
        parts = (self.input, self.cached_input, self.cache_creation)
        return None if None in parts else sum(part or 0 for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """What the gateway of a run may do and is to do; 0 and "" stand for no limit and for none."""

    model: str
    apis: tuple[API, ...]
    side_models: tuple[str, ...] = ()
    max_cost: float = 0.0
    max_tokens: int = 0
    rollout_cost: float = 0.0
    rollout_tokens: int = 0
    rollout_requests: int = 0
    rpm: int = 0
    """Requests a minute, of all rollouts together."""
    tpm: int = 0
    """Tokens a minute, of all rollouts together."""
    silence_seconds: float = 300.0
    """Without a byte from the provider, after which a try is given up."""
    tries: int = 6
    """Of each request, the first one included."""
    wait_seconds: float = 1.0
    """Before the second try; doubled for each further one."""
    record: Path | None = None
    replay: Path | None = None
    replay_drop: tuple[str, ...] = ()
    replay_blank: tuple[str, ...] = ()
    prices: Path | None = None
    allow_unpriced: bool = False
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Where keys and base URLs are looked up: OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY;
    OPENAI_BASE_URL, ANTHROPIC_BASE_URL, GOOGLE_GEMINI_BASE_URL. Never shown."""
