"""An experiment's settings: what is refused, what its digest depends on, how it is laid out."""

from dataclasses import make_dataclass, replace

import pytest

from seqswe.errors import UsageError
from seqswe.experiment import (
    Experiment,
    affecting,
    check_setting,
    make_plan,
    setting,
    settings,
    types,
)

OTHER = {
    "codebase": "sqlglot",
    "mirror": "/mirrors",
    "agent": "noop",
    "agent_option": ("k=1",),
    "memory": "chroma",
    "memory_option": ("k=1",),
    "model": "m",
    "rollout_cost": 9.0,
    "rollout_tokens": 9,
    "rollout_requests": 9,
    "max_cost": 9.0,
    "max_tokens": 9,
    "rpm": 9,
    "tpm": 9,
    "provider_seconds": 9.0,
    "prices": "prices.toml",
    "allow_unpriced": True,
    "record": "recordings",
    "replay": "recordings",
    "memory_model": "litellm:x",
    "memory_model_url": "http://x/v1",
    "memory_model_key": "KEY",
    "memory_model_tokens": 9,
    "memory_model_answer_tokens": 9,
    "memory_model_seconds": 9.0,
    "memory_model_price_in": 9.0,
    "memory_model_price_out": 9.0,
    "embedding": "litellm:x",
    "embedding_url": "http://x/v1",
    "arm": ("iid",),
    "seeds": 9,
    "limit": 9,
    "feedback": "none",
    "code_policy": "carry",
    "delivery": "file",
    "statement": "title",
    "max_leak": 0.5,
    "lag": 3,
    "novelty": "novel",
    "spacing": 9.0,
    "span": "1:9",
    "instructions": "hide",
    "user": "facts",
    "ask_budget": 9,
    "user_model": "m",
    "sandbox": "local",
    "sandbox_option": ("k=1",),
    "base_image": "x",
    "issues": "x.jsonl",
    "jobs": 9,
    "speculate": 9,
    "engine": "ray",
    "engine_address": "auto",
    "retries": 9,
    "plugin_seconds": 9.0,
    "plugin_network": "open",
    "plugin_env": ("A",),
    "crashes": 9,
    "cpus": 9.0,
    "memory_mb": 999,
    "pids": 99,
    "disk_mb": 99,
    "output_bytes": 9999,
    "command_seconds": 9.0,
    "task_seconds": 9.0,
}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"arm": ("idd",)}, "unknown arm 'idd'"),
        ({"arm": ()}, "every arm must be named once"),
        ({"arm": ("iid", "iid")}, "every arm must be named once"),
        ({"feedback": "all"}, "unknown feedback 'all'"),
        ({"seeds": 0}, "seeds must be at least 1, not 0"),
        ({"seeds": 1001}, "seeds must be at most 1,000, not 1001"),
        ({"seeds": "iid=0,sequential=6"}, "seeds must be at least 1, not 0"),
        ({"seeds": "iid=3"}, "seeds 'iid=3' do not say how many of arm 'sequential'"),
        ({"seeds": "3,nomem=6"}, "seeds of arm 'nomem' are given, which is not run"),
        ({"seeds": "3,3"}, "seeds '3,3' say one thing twice"),
        ({"seeds": "iid=x,sequential=6"}, "seeds 'iid=x,sequential=6' are no number of seeds"),
        ({"seeds": ""}, "seeds '' are no number of seeds"),
        (
            {"seeds": "3,frozen=4", "arm": ("sequential", "frozen")},
            "arm 'frozen' has 4 seeds, and sequential, whose memories it starts from, 3",
        ),
        ({"span": "x"}, "'x' is no span of tasks"),
        ({"novelty": "old"}, "unknown novelty 'old'"),
        ({"max_leak": 1.5}, "max_leak must be at most 1, not 1.5"),
        ({"max_leak": -0.1}, "max_leak must be at least 0, not -0.1"),
        ({"statement": "all"}, "unknown statement 'all'"),
        ({"limit": -1}, "limit must be at least 0, not -1"),
        ({"jobs": 0}, "jobs must be at least 1, not 0"),
        ({"retries": -1}, "retries must be at least 0, not -1"),
        ({"pids": 1}, "pids must be at least 8, not 1"),
        ({"memory_mb": 1}, "memory_mb must be at least 64, not 1"),
        ({"disk_mb": 1}, "disk_mb must be at least 16, not 1"),
        ({"output_bytes": 1}, "output_bytes must be at least 1000, not 1"),
        ({"memory_model": "llama3:8b"}, "model 'llama3:8b' has no endpoint"),
        ({"embedding": "e"}, "model 'e' has no endpoint"),
        ({"memory_model_tokens": -1}, "memory_model_tokens must be at least 0, not -1"),
        ({"memory_model_price_in": -1.0}, "memory_model_price_in must be at least 0, not -1.0"),
        (
            {"memory_model_key": "sk-secret"},
            "memory_model_key is not the name of an environment variable",
        ),
        (
            {"code_policy": "carry", "arm": ("iid",)},
            "code policy 'carry' cannot be run with --arm iid",
        ),
        (
            {"code_policy": "carry", "arm": ("sequential", "shuffled")},
            "code policy 'carry' cannot be run with --arm sequential, shuffled",
        ),
        ({"plugin_env": ("sk-x",)}, "plugin_env is not the name of an environment variable"),
        ({"cpus": 0.0}, "cpus must be above 0, not 0.0"),
        ({"command_seconds": float("nan")}, "command_seconds must be above 0, not nan"),
        ({"task_seconds": float("inf")}, "task_seconds must be above 0, not inf"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings, said):
    with pytest.raises(UsageError) as caught:
        Experiment(**settings)
    assert caught.value.message == said
    assert caught.value.hint


def test_the_defaults_are_valid():
    assert Experiment().arm == ("iid", "sequential")


@pytest.mark.parametrize("name", settings())
def test_the_digest_depends_on_exactly_what_a_result_depends_on(name):
    # A budget for asking says nothing where nobody can be asked.
    base = Experiment(user="facts" if name == "ask_budget" else "none")
    same = replace(base, **{name: OTHER[name]}).digest == base.digest
    assert same == (name not in affecting("outcome"))


def test_a_setting_more_makes_no_older_result_stale(monkeypatch):
    added = ("warmup", int, setting(0, "Tasks before the first that counts.", least=0))
    later = make_dataclass("Later", [added], bases=(Experiment,), frozen=True, kw_only=True)
    before = Experiment(agent="noop", cpus=2.0).digest
    monkeypatch.setattr("seqswe.experiment.Experiment", later)
    for cached in (settings, affecting, types):
        cached.cache_clear()
    try:
        assert later(agent="noop", cpus=2.0).digest == before
        assert later(agent="noop", cpus=2.0, warmup=1).digest != before
        with pytest.raises(UsageError, match="warmup must be at least 0, not -3"):
            later(warmup=-3)
    finally:
        monkeypatch.undo()
        for cached in (settings, affecting, types):
            cached.cache_clear()


def test_a_user_who_cannot_be_asked_is_none():
    without = Experiment(agent="repair").digest
    assert Experiment(agent="repair", user="facts", ask_budget=0).digest == without
    assert Experiment(agent="repair", ask_budget=9).digest == without
    assert Experiment(agent="repair", user="facts").digest != without


def test_every_setting_says_in_a_sentence_what_it_is():
    for name, spec in settings().items():
        assert spec.metadata["help"].endswith("."), name


def test_a_choice_is_read_from_its_type():
    with pytest.raises(UsageError) as caught:
        check_setting("delivery", "pigeon")
    assert caught.value.hint == "Choose one of prompt, file, folder, mcp, mcp-http."


def test_the_digest_does_not_depend_on_where_a_codebase_lies():
    here, there = (replace(Experiment(), codebase=f"{place}/shop") for place in ("/a", "b/c"))
    assert here.digest == there.digest == replace(Experiment(), codebase="shop").digest


def test_settings_survive_as_plain_data():
    experiment = Experiment(arm=("nomem",), agent_option=("a=1",))
    data = {k: tuple(v) if isinstance(v, list) else v for k, v in experiment.as_dict().items()}
    assert Experiment(**data) == experiment


def test_limits_are_those_of_the_settings():
    limits = Experiment(cpus=2.0, task_seconds=5.0).limits
    assert (limits.cpus, limits.task_seconds) == (2.0, 5.0)


def test_every_seed_has_every_arm():
    plan = make_plan(Experiment(arm=("iid", "sequential"), seeds=2), ("a", "b", "c"))
    assert [(c.arm, c.seed) for c in plan.cells] == [
        ("iid", 0), ("sequential", 0), ("iid", 1), ("sequential", 1),
    ]  # fmt: skip
    assert plan.rollouts == 12


@pytest.mark.parametrize(("limit", "left"), [(0, "abc"), (1, "a"), (3, "abc"), (99, "abc")])
def test_a_limit_keeps_the_first_tasks(limit, left):
    assert make_plan(Experiment(limit=limit), ("a", "b", "c")).instance_ids == tuple(left)


def test_a_codebase_without_instances_cannot_be_run():
    with pytest.raises(UsageError, match="ledgerlite has no validated instances"):
        make_plan(Experiment(), ())


@pytest.mark.parametrize("seeds", ["iid=1,sequential=3", "1, sequential=3"])
def test_each_arm_has_its_own_number_of_seeds(seeds):
    plan = make_plan(Experiment(seeds=seeds), ("a", "b"))
    ran = [(cell.arm, cell.seed) for cell in plan.cells]
    assert ran == [("iid", 0), ("sequential", 0), ("sequential", 1), ("sequential", 2)]
    assert plan.rollouts == 8


def test_seeds_are_no_part_of_the_digest_and_a_number_stays_one():
    assert Experiment(seeds="iid=1,sequential=3").digest == Experiment().digest
    assert Experiment().as_dict()["seeds"] == 3
