"""What a model's tokens cost: from a TOML file of the user's, or from LiteLLM's data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from harness.gateway.tokens import TokenCount
from seqswe.errors import UsageError
from seqswe.manifests.convert import parse
from seqswe.manifests.read import read_json, read_toml
from seqswe.patterns import Between

USD = Between(least=0.0, most=1e6)
CREATION_FACTOR = 1.25
"""Of the price of input, for writing to a cache, if a table does not say: Anthropic's for its
cache of five minutes."""
LITELLM_FILE = "model_prices_and_context_window_backup.json"
MILLION = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD per million tokens."""

    input: Annotated[float, USD]
    output: Annotated[float, USD]
    """Reasoning included."""
    cached_input: Annotated[float, USD] | None = None
    """By default the price of input, which is never too little."""
    cache_creation: Annotated[float, USD] | None = None
    """By default 1.25 times the price of input."""

    def cost(self, tokens: TokenCount) -> float | None:
        """USD of an answer; None if its tokens are not known."""
        cached = self.input if self.cached_input is None else self.cached_input
        creation = self.cache_creation
        creation = CREATION_FACTOR * self.input if creation is None else creation
        parts = (
            (tokens.input, self.input),
            (tokens.cached_input, cached),
            (tokens.cache_creation, creation),
            (tokens.output, self.output),
        )
        if any(count is None for count, _ in parts):
            return None
        return round(sum((count or 0) * price for count, price in parts) / MILLION, 9)


Prices = Mapping[str, Price]


def load_prices(path: Path | None, models: Sequence[str], *, needed: bool) -> Prices:
    """Prices of these models, as far as there are any.

    path: a TOML file with a table for each model, `["gpt-5"]` with `input`, `output` and, if they
    differ, `cached_input` and `cache_creation`; LiteLLM's data if None. needed: raise UsageError
    for a model without a price, which is otherwise left out.
    """
    prices = _of_file(path) if path else _of_litellm(models)
    missing = [model for model in models if model not in prices]
    if missing and needed:
        raise UsageError(
            f"there is no price for the model {missing[0]!r:.80}",
            "Give --prices FILE (docs/agents.md says how), install seqswe[litellm], or "
            "--allow-unpriced.",
        )
    return {model: prices[model] for model in models if model in prices}


def _of_file(path: Path) -> Prices:
    tables = read_toml(path, "a file of prices")
    return {name: parse(Price, table, f"{path}: {name}") for name, table in tables.items()}


def _of_litellm(models: Sequence[str]) -> Prices:
    # Importing LiteLLM takes seconds and prints; only its table is wanted.
    spec = find_spec("litellm")
    if spec is None or not spec.origin:
        return {}
    path = Path(spec.origin).with_name(LITELLM_FILE)
    if not path.is_file():
        return {}
    table = read_json(path, "Install LiteLLM again, or give --prices FILE.")
    return {name: price for name in models if (price := _litellm_price(table.get(name)))}


def _litellm_price(entry: Any) -> Price | None:
    if not isinstance(entry, dict):
        return None
    names = {
        "input": "input_cost_per_token",
        "output": "output_cost_per_token",
        "cached_input": "cache_read_input_token_cost",
        "cache_creation": "cache_creation_input_token_cost",
    }
    told = {ours: entry.get(theirs) for ours, theirs in names.items()}
    usd = {n: MILLION * v for n, v in told.items() if isinstance(v, int | float) and USD.fits(v)}
    # A model that is listed at nothing is one whose price nobody has entered.
    return Price(**usd) if usd.get("input") and usd.get("output") else None
