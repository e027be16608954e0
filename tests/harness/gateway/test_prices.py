"""What tokens cost: from a file, or from LiteLLM's data; unknown is never nothing."""

import sys

import pytest

from harness.gateway.prices import Price, load_prices
from harness.gateway.tokens import NOTHING, TokenCount, read_usage
from seqswe.errors import ManifestError, UsageError

TOKENS = TokenCount(input=100, cached_input=40, cache_creation=10, output=20, reasoning=5)


@pytest.mark.parametrize(
    ("price", "usd"),
    [
        (Price(input=1, output=10), (100 + 40 + 12.5 + 200) / 1e6),
        (Price(input=1, output=10, cached_input=0.1), (100 + 4 + 12.5 + 200) / 1e6),
        (Price(input=1, output=10, cache_creation=2), (100 + 40 + 20 + 200) / 1e6),
        (Price(input=0, output=0), 0.0),
    ],
)
def test_an_answer_costs_what_its_tokens_do(price, usd):
    assert price.cost(TOKENS) == pytest.approx(usd)
    assert price.cost(NOTHING) == 0.0


@pytest.mark.parametrize("part", ["input", "cached_input", "cache_creation", "output"])
def test_with_a_part_unknown_the_cost_is(part):
    parts = {"input": 1, "cached_input": 1, "cache_creation": 1, "output": 1, part: None}
    assert Price(input=1, output=1).cost(TokenCount(**parts)) is None


@pytest.mark.parametrize(
    "text",
    [
        "[m]\ninput = 1.0",
        '[m]\ninput = "1"\noutput = 1.0',
        "[m]\ninput = -1.0\noutput = 1.0",
        "[m]\ninput = nan\noutput = 1.0",
        "[m]\ninput = 1.0\noutput = 1.0\nper_token = 1.0",
        "m = 1.0",
        "[m",
    ],
)
def test_a_file_that_does_not_say_is_refused(tmp_path, text):
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(ManifestError):
        load_prices(path, ["m"], needed=True)


def test_a_model_without_a_price_is_refused_unless_that_is_meant(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text("[m]\ninput = 1.0\noutput = 2.0\n")
    with pytest.raises(UsageError, match="no price for the model 'side'"):
        load_prices(path, ["m", "side"], needed=True)
    assert load_prices(path, ["m", "side"], needed=False) == {"m": Price(input=1, output=2)}


def test_litellms_table_is_read_without_importing_it(tmp_path, monkeypatch):
    package = tmp_path / "litellm"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (package / "model_prices_and_context_window_backup.json").write_text(
        '{"m": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6,'
        ' "cache_read_input_token_cost": 1e-7},'
        ' "free": {"input_cost_per_token": 0, "output_cost_per_token": 0}}'
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "litellm", raising=False)  # the real one, of other tests
    found = load_prices(None, ["m", "free", "other"], needed=False)
    assert found.keys() == {"m"}, "listed at nothing is not known"
    assert found["m"].cached_input == pytest.approx(0.1)
    assert found["m"].output == pytest.approx(2)


@pytest.mark.parametrize(
    ("api", "usage", "total"),
    [
        ("chat", {"prompt_tokens": 5, "completion_tokens": 2}, 7),
        ("chat", {"prompt_tokens": -5, "completion_tokens": 2}, None),
        ("chat", {"prompt_tokens": True, "completion_tokens": 2}, None),
        ("chat", {"prompt_tokens": 5.5, "completion_tokens": 2}, None),
        ("chat", {"prompt_tokens": 5}, None),
        ("chat", {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": None}, 7),
        ("responses", {"input_tokens": 5, "output_tokens": 2}, 7),
        ("messages", {"input_tokens": 5, "output_tokens": 2}, 7),
        ("messages", {"input_tokens": 5, "output_tokens": 10**15}, None),
        ("gemini", {"promptTokenCount": 5, "candidatesTokenCount": 2}, 7),
        ("gemini", {"promptTokenCount": 5, "thoughtsTokenCount": 2}, 7),
        ("gemini", {"promptTokenCount": 5}, None),
        ("gemini", {}, None),
    ],
)
def test_a_count_that_is_none_is_unknown(api, usage, total):
    assert read_usage(api, usage).total == total
