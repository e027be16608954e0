"""Memories with a model, through `seqswe run`, against a server that speaks the real protocol."""

import json
from dataclasses import replace

import pytest

from harness.memory.metered import MeteredMemory
from seqswe.analysis import analyse
from seqswe.cli import main
from seqswe.errors import RolloutError
from seqswe.experiment import Experiment
from seqswe.memory import Services
from seqswe.testing import Says, ScriptedModel, experiences
from tests.harness.conftest import PLUGINS
from tests.harness.plugins_of_tests import Told
from tests.memory_backends.scripted import METHODS, script

BOTH = ("iid", "sequential")
KEY = "sk-very-secret"


@pytest.fixture
def model():
    with ScriptedModel(script) as server:
        yield server


def given(server, memory, *more):
    """Flags of a run with a model; a method goes by its name."""
    asks = ("--memory", METHODS.get(memory, memory), "--memory-model", "scripted")
    return ("--agent", "localizer", *asks, "--memory-model-url", server.url, *more)


def embedded(server, memory, *more):
    """Flags of a run whose memory asks for embeddings alone."""
    asks = ("--memory", memory, "--memory-option", "embedding=endpoint", "--embedding", "scripted")
    return ("--agent", "localizer", *asks, "--embedding-url", server.url, *more)


def spent(ended):
    """Calls and tokens in and out, summed over the journal."""
    used = [r.memory_usage for r in ended.store.journal().rollouts]
    return tuple(sum(getattr(u, n) for u in used)
                 for n in ("calls", "prompt_tokens", "completion_tokens"))  # fmt: skip


def counted(server):
    return server.calls, server.prompt_tokens, server.completion_tokens


@pytest.mark.parametrize("memory", METHODS)
def test_twenty_tasks_with_a_model_and_a_resume(run, call, model, memory):
    # Where the policy tells nothing, the model is the judge.
    policy = "none" if memory in ("awm", "reasoning_bank") else "gold"
    embeds = ("--embedding", "scripted") if memory == "reasoning_bank" else ()
    more = ("--feedback", policy, *embeds)
    # A memory that is empty asks nothing: one method shows it, and the tests stay quick.
    arms = BOTH if memory == "reasoning_bank" else ("sequential",)
    ended = run(*given(model, memory, *more), limit=20, arms=arms)
    assert ended.code == 0, ended.err
    rollouts = ended.store.journal().rollouts
    assert len(rollouts) == 20 * len(arms)
    assert spent(ended) == counted(model)
    chain = [r for r in rollouts if r.arm == "sequential"]
    assert all(r.memory_usage.calls for r in chain)
    assert chain[-1].recalled
    assert not any(r.recalled or r.memory_usage.calls for r in rollouts if r.arm == "iid")
    digest = ended.store.journal().results_digest()
    forget(ended.store, "sequential", 17)
    again = call("resume", ended.store.root)
    assert again.code == 0, again.err
    assert again.store.journal().results_digest() == digest


def forget(store, arm, position):
    """Take rollouts from a position on out of the journal, as if the run had been killed."""
    path = store.root / "rollouts.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    kept = [r for r in lines if not (r["arm"] == arm and r["position"] >= position)]
    assert len(kept) < len(lines)
    path.write_text("".join(json.dumps(r) + "\n" for r in kept))


def test_awm_rule_learns_what_solved(run):
    ended = run(
        "--agent", "gold", "--memory", "memory_backends.distilled.awm_rule:AwmRule", limit=3
    )
    last = ended.store.journal().rollouts[-1]
    assert (last.recalled, len(last.recalled_from)) == (1, 2)
    assert last.memory_usage.calls == 0
    assert last.memory_usage.record_seconds > 0


@pytest.mark.parametrize("memory", ["vectors", "chroma"])
def test_a_store_of_vectors_may_ask_an_endpoint(run, model, memory):
    ended = run(*embedded(model, memory), limit=3)
    assert ended.code == 0, ended.err
    assert ended.store.journal().rollouts[-1].recalled == 2
    assert spent(ended) == counted(model)
    assert model.calls


def test_an_index_made_again_is_metered_and_charged_to_no_task(run, model):
    """A chain embeds a record a task, a frozen memory all of them: the same budget must do."""
    given = embedded(model, "vectors", "--memory-model-tokens", "200")
    ended = run(*given, limit=7, arms=("sequential", "frozen-6"))
    assert ended.code == 0, ended.err
    assert spent(ended) == counted(model)
    used = {r.arm: r.memory_usage for r in ended.store.journal().rollouts}
    assert used["frozen-6"].tokens > 200 > used["sequential"].tokens


@pytest.mark.parametrize("cause", ["", "memory_out_of_budget"])
def test_what_no_earlier_task_paid_for_is_paid_for(run, model, cause):
    """A memory cannot take its embeddings for ones that were made before."""
    budget = "1" if cause else "100000"
    asks = ("--memory", ":EmbedsAgain", "--embedding", "scripted", "--embedding-url", model.url)
    ended = run("--agent", "localizer", *asks, "--memory-model-tokens", budget, limit=1)
    assert ended.causes("sequential") == [cause]
    assert spent(ended) == counted(model)


def test_the_key_is_sent_and_written_nowhere(run, model, monkeypatch):
    monkeypatch.setenv("SEQSWE_TEST_KEY", KEY)
    more = ("--memory-model-key", "SEQSWE_TEST_KEY", "--memory-model-price-in", "2")
    ended = run(*given(model, "cer", *more), limit=2)
    assert ended.code == 0
    assert model.keys == {KEY}
    files = [p for p in ended.store.root.rglob("*") if p.is_file()]
    assert not [p for p in files if KEY.encode() in p.read_bytes()]
    assert "SEQSWE_TEST_KEY" in (ended.store.root / "run.toml").read_text()
    assert KEY not in ended.err
    used = ended.store.journal().rollouts[0].memory_usage
    assert used.cost_usd == pytest.approx(2e-6 * used.prompt_tokens)


@pytest.mark.parametrize("said", [f"you sent {KEY}", Says(refusal=f"not with {KEY}")])
def test_a_key_that_an_answer_quotes_is_written_nowhere(run, monkeypatch, said):
    monkeypatch.setenv("SEQSWE_TEST_KEY", KEY)
    with ScriptedModel(said) as server:
        ended = run(*given(server, ":Parrot", "--memory-model-key", "SEQSWE_TEST_KEY"), limit=2)
    files = [p for p in ended.store.root.rglob("*") if p.is_file()]
    assert not [p for p in files if KEY.encode() in p.read_bytes()]
    assert KEY not in ended.err
    snapshots = [r.memory_after for r in ended.store.journal().rollouts]
    kept = [f for s in snapshots for f in ended.store.snapshots.files(s).values()]
    assert not [f for f in kept if KEY.encode() in f]


@pytest.mark.parametrize("count", [10**30, True, -1])
def test_tokens_that_no_journal_can_hold_are_the_providers_failure(run, count):
    message = {"message": {"content": "x"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": count, "completion_tokens": 1}
    raw = json.dumps({"choices": [message], "usage": usage})
    with ScriptedModel(Says(raw=raw)) as server:
        ended = run(*given(server, ":Parrot", "--retries", "0"), limit=1)
    assert ended.causes("sequential") == ["provider_failed"]


def test_a_lesson_is_asked_for_again_without_the_agent(run, tmp_path):
    """What was recorded of the last try is what a replay asks for."""
    said = ["heard", Says(text="no", status=400), *["heard again"] * 9]
    folder = str(tmp_path / "kept")
    with ScriptedModel(lambda messages: said.pop(0)) as server:
        flags = given(server, ":Parrot", "--record", folder)
        ended = run(*flags, limit=2)
    assert ended.code == 0, ended.err
    assert [r.tries for r in ended.store.journal().rollouts] == [1, 1]
    assert len(said) == 11 - 3
    replayed = run(*given(server, ":Parrot", "--replay", folder), limit=2, into="again")
    assert replayed.code == 0, replayed.err
    digests = {e.store.journal().results_digest() for e in (ended, replayed)}
    assert len(digests) == 1


def test_a_key_that_nobody_named_is_sent_nowhere(run, model, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert run(*given(model, "cer"), limit=1).code == 0
    assert model.keys == {""}


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (Says(refusal="I must not."), "memory_failed"),
        (Says(text="who are you", status=403), "provider_failed"),
    ],
)
def test_a_model_that_fails_is_no_verdict_until_it_answers(run, call, answer, cause):
    said = [answer] * 99
    with ScriptedModel(lambda messages: said.pop() if said else script(messages)) as server:
        ended = run(*given(server, "cer", "--retries", "0"), limit=2)
        assert ended.code == 5
        assert ended.verdicts("sequential") == [None]
        assert ended.causes("sequential") == [cause]
        failed = ended.store.journal().rollouts[0].memory_usage
        assert (failed.calls, failed.prompt_tokens) == (server.calls, server.prompt_tokens)
        said.clear()
        again = call("resume", ended.store.root)
    assert again.code == 0
    assert again.verdicts("sequential") == [False, False]


def test_a_lesson_that_cannot_be_read_is_lost_and_the_chain_goes_on(run, call):
    """The model is unreadable for one task of four; everything else is as ever."""

    seen = {}

    def says(messages):
        task = messages[1]["content"].splitlines()[1]
        number = seen.setdefault(task, len(seen))
        return "I forgot the form." if number == 1 else script(messages)

    with ScriptedModel(says) as server:
        ended = run(*given(server, "reasoning_bank"), limit=4, arms=("sequential",))
        assert ended.code == 0, ended.err
        tries = server.tries
        assert call("resume", ended.store.root).code == 0
        assert server.tries == tries
    rollouts = ended.store.journal().rollouts
    lost = rollouts[1].instance_id
    assert [r.memory_usage.lessons_lost for r in rollouts] == [0, 1, 0, 0]
    assert rollouts[1].memory_usage.calls == 2
    assert all(r.graded and r.failure is None for r in rollouts)
    assert lost not in rollouts[3].recalled_from
    # It was told: the snapshot says so, and nothing else of it.
    before, after = (ended.store.snapshots.files(r) for r in
                     (rollouts[1].memory_before, rollouts[1].memory_after))  # fmt: skip
    assert before["items.jsonl"] == after["items.jsonl"]
    assert lost.encode() in after["told.jsonl"]
    warning = analyse([ended.store]).warnings[0]
    assert warning.startswith("LESSONS LOST: the memory learned nothing from 1 of 4 tasks")


def test_a_recall_that_cannot_be_read_is_empty_and_counted(run):
    """The selectors of `cer` choose before a task; what they cannot say is not chosen."""

    def says(messages):
        return "All of them!" if "choose" in messages[0]["content"] else script(messages)

    with ScriptedModel(says) as server:
        ended = run(*given(server, "cer"), limit=3, arms=("sequential",))
    assert ended.code == 0, ended.err
    used = [r.memory_usage for r in ended.store.journal().rollouts]
    assert [(u.lessons_lost, u.recalls_lost) for u in used] == [(0, 0), (0, 1), (0, 1)]
    assert not any(r.recalled for r in ended.store.journal().rollouts)


@pytest.mark.parametrize("formats", [(), ("json_object",)])
def test_what_an_endpoint_does_not_know_is_found_out_once_in_a_run(run, formats):
    with ScriptedModel(script, formats=formats) as server:
        ended = run(*given(server, "dynamic_cheatsheet"), limit=3, arms=("sequential",))
    assert ended.code == 0, ended.err
    refused = 2 - len(formats)
    assert (server.tries, server.calls) == (3 + refused, 3)
    assert all(r.memory_usage.lessons_lost == 0 for r in ended.store.journal().rollouts)


def test_a_memory_beyond_its_budget_is_stopped_and_not_tried_again(run, call, model):
    ended = run(*given(model, "cer", "--memory-model-tokens", "1"), limit=2)
    assert ended.code == 5
    assert ended.causes("sequential") == ["memory_out_of_budget"]
    assert model.calls == 1
    assert call("resume", ended.store.root, "--memory-model-tokens", "0").code == 0


def test_a_model_that_is_missing_is_said_before_anything_is_run(call, tmp_path, capsys):
    from seqswe.cli import main

    with pytest.raises(SystemExit) as ended:
        main(
            [
                "run",
                "--memory",
                METHODS["cer"],
                "--sandbox",
                "local",
                "--out",
                str(tmp_path / "run"),
            ]
        )
    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-2] == f"error: memory {METHODS['cer']!r} needs a model, and none is configured"
    assert "--memory-model-url" in said[-1]
    assert not (tmp_path / "run").exists()


def test_clock_and_chance_are_the_streams():
    seen = {}

    class Timed(Told):
        def recall(self, task):
            services = seen["services"]
            seen.setdefault("at", []).append((services.clock(), services.rng().random()))
            return super().recall(task)

    def build(services):
        seen["services"] = services
        return Timed(None)

    served = MeteredMemory(build, Services(), Experiment(), 0)
    with pytest.raises(RolloutError):
        seen["services"].clock()
    tasks = [experiences(0).task(n) for n in (0, 0, 1)]
    for task in tasks:
        served.recall(task)
    times, draws = zip(*seen["at"], strict=True)
    assert times == tuple(task.created_at for task in tasks)
    assert draws[0] == draws[1] != draws[2]
    seen["at"] = []
    other = MeteredMemory(build, Services(), Experiment(), 1)
    other.recall(tasks[0])
    assert seen["at"][0][1] != draws[0]


def test_a_report_says_what_the_memory_took(run, model, capsys):
    from seqswe.cli import main

    ended = run(*given(model, "cer"), limit=3)
    chosen = ["--format", "csv", "--out", str(ended.store.root / "report")]
    with pytest.raises(SystemExit):
        main(["report", str(ended.store.root), *chosen])
    text = "".join(p.read_text() for p in (ended.store.root / "report").rglob("*.csv"))
    assert "memory_tokens" in text


def test_what_is_metered_survives_the_journal(run, model):
    ended = run(*given(model, "cer"), limit=1)
    (rollout,) = ended.store.journal().rollouts
    assert type(rollout).from_json(rollout.as_json()) == rollout
    changed = replace(rollout, memory_usage=replace(rollout.memory_usage, calls=99))
    assert changed.result() == rollout.result()


def test_lessons_told_again_for_a_replay_are_metered_too(run, model):
    more = ("--memory-model-tokens", "2000")
    ended = run(*given(model, "cer", *more), limit=4, arms=("sequential", "replay-without-own-3"))
    assert ended.code == 0, ended.err
    assert spent(ended) == counted(model)
    again = [r.memory_usage for r in ended.store.journal().rollouts if r.arm != "sequential"]
    # The first task's memory is told the three later lessons, each with a budget of its own.
    assert again[0].calls > again[2].calls
    assert again[0].tokens > 2000


@pytest.mark.parametrize("when", ["loaded", "saved"])
def test_no_memory_asks_its_model_between_tasks_where_nobody_pays(run, model, when):
    option = ("--memory-option", f"when={when}", "--retries", "0")
    ended = run(*given(model, ":AsksEarly", *option), limit=2, arms=("sequential", "frozen-1"))
    assert "memory_failed" in {*ended.causes("sequential"), *ended.causes("frozen-1")}
    assert "a memory's model is for recall and record only" in ended.err
    assert model.tries == 0


def test_no_memory_asks_its_model_when_it_is_built(model, tmp_path, capsys):
    asks = given(model, f"{PLUGINS}AsksEarly", "--memory-option", "when=built")
    out = ("--out", str(tmp_path / "run"), "--sandbox", "local", "--limit", "1")
    with pytest.raises(SystemExit) as ended:
        main(["run", *asks, *out, "--record", str(tmp_path / "kept")])
    assert ended.value.code == 2
    assert "a memory's model is for recall and record only" in capsys.readouterr().err
    assert model.tries == 0


@pytest.mark.parametrize("memory", ["cer", "reasoning_bank"])
def test_a_recorded_run_replays_without_its_model(run, tmp_path, memory):
    folder = tmp_path / "recordings"
    embeds = ("--embedding", "scripted") if memory == "reasoning_bank" else ()
    with ScriptedModel(script) as server:
        first = run(*given(server, memory, *embeds, "--record", str(folder)), limit=4, arms=BOTH)
        assert first.code == 0, first.err
        assert server.calls == len(list(folder.rglob("*.json")))
    again = run(
        *given(server, memory, *embeds, "--replay", str(folder)), limit=4, arms=BOTH, into="again"
    )
    assert again.code == 0, again.err
    assert again.store.journal().results_digest() == first.store.journal().results_digest()
    assert spent(again) == spent(first)


def test_a_replay_does_not_depend_on_what_the_endpoint_refused(run, tmp_path):
    """Who is first finds out that schemas are refused; in a replay somebody else may be first."""
    folder = tmp_path / "recordings"
    with ScriptedModel(script, formats=()) as server:
        first = run(*given(server, "ace", "--record", str(folder)), limit=3)
        assert server.tries > server.calls, "it refused a schema"
    again = run(*given(server, "ace", "--replay", str(folder)), limit=3, into="again")
    assert (first.code, again.code) == (0, 0), again.err
    assert again.store.journal().results_digest() == first.store.journal().results_digest()


def test_a_request_that_was_not_recorded_is_shown_and_no_verdict(run, tmp_path):
    folder = tmp_path / "recordings"
    with ScriptedModel(script) as server:
        run(*given(server, "cer", "--record", str(folder)), limit=2)
    changed = sorted(folder.rglob("*.json"))[0]
    changed.write_text(changed.read_text().replace('"max_tokens": ', '"max_tokens": 1'))
    again = run(
        *given(server, "cer", "--replay", str(folder), "--retries", "0"), limit=2, into="again"
    )
    assert again.code == 5
    assert again.causes("sequential") == ["recording_differs"]
    detail = again.store.journal().rollouts[0].failure.detail
    assert "request 1 of sequential-0/0000-" in detail
    assert "differs at /max_tokens" in detail


def test_recordings_hold_no_key(run, model, monkeypatch, tmp_path):
    monkeypatch.setenv("SEQSWE_TEST_KEY", KEY)
    quoting = lambda messages: f"{KEY} is what I was sent"  # noqa: E731
    with ScriptedModel(quoting) as server:
        more = ("--memory-model-key", "SEQSWE_TEST_KEY", "--record", str(tmp_path / "kept"))
        run(*given(server, "cer", *more), limit=1)
    files = list((tmp_path / "kept").rglob("*.json"))
    assert files
    assert not [f for f in files if KEY in f.read_text()]


def test_a_folder_without_recordings_of_a_memory_is_refused(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    asked = ("--agent", "localizer", "--memory", "cer", "--memory-model", "m")
    out = ("--out", str(tmp_path / "run"), "--sandbox", "local", "--limit", "1")
    with pytest.raises(SystemExit) as ended:
        main(["run", *asked, *out, "--replay", str(tmp_path / "empty")])
    assert ended.value.code == 2
    assert "holds no recordings of a memory's model" in capsys.readouterr().err
