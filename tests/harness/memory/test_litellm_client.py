"""LiteLLM in place of our own client, against the same server; skipped without the extra."""

import pytest

from harness.memory.litellm_client import LiteLLM, hidden
from harness.memory.metered import poster
from seqswe.errors import MissingError, RolloutError
from seqswe.experiment import Experiment
from seqswe.models.meter import Meter
from seqswe.models.openai import Chat, Embeddings
from seqswe.testing import Says, ScriptedModel

ASK = [{"role": "user", "content": "What is it?"}]


def test_without_the_extra_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "litellm", None)
    with pytest.raises(MissingError) as caught:
        poster(Experiment(memory_model="litellm:openai/x"), Meter)
    assert caught.value.hint == "Install it: pip install 'seqswe[litellm]'."


class TestInstalled:
    @pytest.fixture(autouse=True)
    def _extra(self, monkeypatch):
        monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else its import asks for it
        pytest.importorskip("litellm", reason="needs the extra seqswe[litellm]")

    def test_it_answers_and_meters_what_the_server_counted(self):
        meter = Meter()
        with ScriptedModel("It is a test.") as server:
            given = Experiment(memory_model="litellm:openai/x", memory_model_url=server.url)
            posts, name = poster(given, Meter)
            assert isinstance(posts, LiteLLM)
            assert name == "openai/x"
            posts = LiteLLM(server.url, key="secret")
            assert Chat(posts, name, meter).chat(ASK).text == "It is a test."
            assert len(Embeddings(posts, name, meter)(["a", "b"])) == 2
        assert (meter.usage.calls, meter.usage.prompt_tokens) == (
            server.calls,
            server.prompt_tokens,
        )
        assert meter.usage.completion_tokens == server.completion_tokens == 4
        assert server.keys == {"secret"}

    def test_what_goes_wrong_is_the_providers_failure_and_hides_the_key(self):
        quoted = Says(text="wrong key sk-123", status=401)
        with ScriptedModel(quoted) as server, pytest.raises(RolloutError) as caught:
            Chat(LiteLLM(server.url, key="sk-123"), "openai/x", Meter()).chat(ASK)
        assert caught.value.cause == "provider_failed"
        assert "sk-123" not in caught.value.message

    def test_a_form_that_the_endpoint_does_not_know_is_no_failure(self):
        bad = Says(text='{"error": {"message": "what is a response_format?"}}', status=400)
        with ScriptedModel("{}", formats=(), unknown=bad) as server:
            model = Chat(LiteLLM(server.url, key="secret"), "openai/x", Meter())
            for _ in range(2):
                assert model.chat(ASK, schema={"type": "object"}).text == "{}"
        assert "response_format" not in server.requests[-1]

    def test_without_a_named_variable_the_provider_keeps_its_own(self, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-anthropic")
        posts, _ = poster(Experiment(memory_model="litellm:anthropic/x"), Meter)
        assert posts._settings["api_key"] is None

    @pytest.mark.parametrize("error", [ValueError, KeyError, RuntimeError])
    def test_whatever_a_provider_raises_is_typed_and_tells_no_key(self, monkeypatch, error):
        monkeypatch.setenv("SOME_PROVIDER_API_KEY", "sk-of-the-environment")

        def fail(**given):
            raise error("x" * 380 + " sk-of-the-environment")

        posts = LiteLLM()
        monkeypatch.setitem(posts._calls, "chat/completions", fail)
        with pytest.raises(RolloutError) as caught:
            posts.post("chat/completions", {})
        assert caught.value.cause == "provider_failed"
        assert "sk-" not in caught.value.message


def test_keys_of_the_environment_are_hidden_and_short_words_are_not(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_1234567")
    monkeypatch.setenv("LONG_KEY", "hf_1234567-and-more")
    monkeypatch.setenv("SORT_KEY", "name")
    said = hidden("hf_1234567 hf_1234567-and-more name sk-1", "sk-1")
    assert said == "… … name …"
