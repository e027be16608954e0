"""What each method asks its model, keeps and recalls; and what a bad answer does to it."""

import json
from dataclasses import replace

import pytest

from memory_backends.distilled.awm_rule import AwmRule, abstract
from memory_backends.shared.items import ITEMS, Item, listing
from seqswe.errors import RolloutError, RunDirError, UnreadableAnswer, UsageError
from seqswe.memory import Experience, Services, build_memory
from seqswe.models.endpoint import Endpoint
from seqswe.models.meter import Meter
from seqswe.models.openai import Chat
from seqswe.testing import Says, ScriptedModel, experiences
from seqswe.testing.memory import digest, tell
from tests.memory_backends.scripted import METHODS, script

STORY = experiences(10)
SOLVED, FAILED = STORY.at(1), STORY.at(0)
UNJUDGED = replace(SOLVED, resolved=None)


@pytest.fixture
def build(tmp_path):
    """Builds a method whose model follows a script; says also which server."""
    opened = []

    def make(name, answers=script, **options):
        said = list(answers) if isinstance(answers, list) else None
        server = ScriptedModel((lambda _: said.pop(0)) if said is not None else answers)
        opened.append(server.__enter__())
        home = tmp_path / f"home-{len(opened)}"
        services = replace(STORY.services(server.url), embed=None)
        return build_memory(METHODS[name], home, services, **options), server

    yield make
    for server in opened:
        server.__exit__(None, None, None)


def asked(server, number=-1):
    """System and user prompt of a request."""
    return [m["content"] for m in server.requests[number]["messages"][:2]]


def items(answer):
    return json.dumps(answer)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ("", UnreadableAnswer.CAUSE),
        ("I think that went well.", UnreadableAnswer.CAUSE),
        ('{"workflows": [{"name": ', UnreadableAnswer.CAUSE),
        (Says(refusal="I cannot help with that."), "memory_failed"),
        (Says(text="down", status=400), "provider_failed"),
    ],
)
def test_a_bad_answer_is_a_typed_failure_and_changes_nothing(build, tmp_path, name, answer, cause):
    bad = []
    memory, server = build(name, lambda messages: bad[0] if bad else script(messages))
    tell(memory, experiences(3))
    before, tries = digest(memory, tmp_path), server.tries
    bad.append(answer)
    with pytest.raises(RolloutError) as caught:
        memory.record(STORY.at(4))
    assert caught.value.cause == cause
    if isinstance(answer, str):
        # Told, though nothing was learned of it: it is not asked about again.
        lost = memory.recorded.popitem()
        assert lost[0] == STORY.at(4).task.instance_id
    assert digest(memory, tmp_path) == before
    # What cannot be read is asked for once more; a refusal would be one again.
    assert server.tries - tries == (2 if isinstance(answer, str) else 1)


@pytest.mark.parametrize("name", METHODS)
def test_a_model_that_does_not_answer_in_time_is_a_typed_failure(tmp_path, name):
    with ScriptedModel(Says(text="late", seconds=0.3)) as server:
        chat = Chat(Endpoint(server.url, seconds=0.05, retries=0), "scripted", Meter())
        memory = build_memory(METHODS[name], tmp_path / "home", Services(model=chat))
        with pytest.raises(RolloutError, match=r"did not answer within 0\.05 s") as caught:
            memory.record(SOLVED)
    assert caught.value.cause == "provider_failed"


@pytest.mark.parametrize("name", METHODS)
def test_the_prompt_shows_the_task_and_nothing_that_was_withheld(build, name):
    memory, server = build(name)
    memory.record(Experience(task=SOLVED.task, steps=SOLVED.steps, patch="+mine"))
    said = "\n".join(asked(server, 0))
    assert SOLVED.task.instance_id in said
    assert SOLVED.task.problem_statement.splitlines()[0] in said
    assert "$ grep -rn session_run src" in said
    assert "## Outcome\nunknown" in said
    memory.record(replace(STORY.at(2), gold_patch="+gold", test_output="FAILED x"))
    told = "\n".join("\n".join(asked(server, n)) for n in range(1, len(server.requests)))
    assert "## Outcome\nsolved" in told
    assert "+gold" in told
    assert "FAILED x" in told
    assert "+gold" not in said
    assert "FAILED" not in said


@pytest.mark.parametrize("name", METHODS)
def test_a_second_telling_and_an_empty_memory_ask_nothing(build, name):
    memory, server = build(name)
    assert not memory.recall(SOLVED.task).items
    assert server.calls == 0
    memory.record(SOLVED)
    calls = server.calls
    assert calls
    memory.record(SOLVED)
    assert server.calls == calls


@pytest.mark.parametrize("name", ["awm", "reasoning_bank"])
def test_the_model_judges_only_where_the_policy_is_silent(build, name):
    memory, server = build(name)
    memory.record(SOLVED)
    assert '"success"' not in asked(server, 0)[0]
    memory.record(replace(STORY.at(2), resolved=None))
    assert '"success"' in asked(server, 1)[0]


def test_awm_learns_from_success_alone(build):
    memory, server = build("awm")
    memory.record(FAILED)
    assert (server.calls, memory.items) == (0, [])
    memory.record(SOLVED)
    (item,) = memory.recall(SOLVED.task).items
    assert item.text.startswith(
        "Workflow: Fix src/house/session.py\nas in example__house-00001\n1. "
    )
    assert item.origins == (SOLVED.task.instance_id,)
    assert item.files == SOLVED.gold_files
    memory.record(STORY.at(2))
    assert "- Fix src/house/session.py" in asked(server)[1]
    assert len(memory.recall(SOLVED.task).items) == 2


def test_awm_merges_workflows_of_one_name(build):
    same = items({"workflows": [{"name": "Same", "description": "d", "steps": ["a", "b"]}]})
    memory, _ = build("awm", same)
    memory.record(SOLVED)
    memory.record(STORY.at(2))
    (item,) = memory.recall(SOLVED.task).items
    assert item.origins == (SOLVED.task.instance_id, STORY.task(2).instance_id)


def test_awm_may_induce_all_anew(build):
    memory, server = build("awm", reinduce=True)
    memory.record(SOLVED)
    memory.record(STORY.at(2))
    assert SOLVED.task.instance_id in asked(server)[1]
    (item,) = memory.recall(SOLVED.task).items
    assert item.origins == (SOLVED.task.instance_id, STORY.task(2).instance_id)


def test_awm_rule_keeps_one_trajectory_per_kind(tmp_path):
    memory = AwmRule(tmp_path)
    tell(memory, experiences(6))
    (item,) = memory.recall(SOLVED.task).items
    assert "$ grep -rn session_run src" in item.text
    assert [int(o[-1]) for o in item.origins] == [1, 2, 4, 5]
    other = replace(STORY.at(7), steps="$ ls\n  $ not a command\n")
    memory.record(other)
    assert memory.recall(SOLVED.task).items[0].text.endswith(":\n$ ls")


def test_awm_rule_keeps_whole_commands(tmp_path):
    steps = "$ cd src\n> grep -rn one .\n  a.py\n$ python - <<'E'\n> print(1)\n> E\n"
    memory = AwmRule(tmp_path)
    memory.record(replace(SOLVED, steps=steps))
    (item,) = memory.recall(SOLVED.task).items
    assert item.text.endswith(":\n$ cd src\n> grep -rn one .\n$ python - <<'E'\n> print(1)\n> E")
    memory.record(replace(STORY.at(2), steps=steps.replace("grep -rn one", "sed -n 1p")))
    assert len(memory.recall(SOLVED.task).items) == 2


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("cd src\ngrep -rn x .\n", "cd grep -rn"),
        ("python - <<'END' | head -5\nimport os\nEND\nls -l", "python - | head - ls -l"),
        ("python -c '1 << x' && cat <<< x; ls", "python -c && cat ; ls"),
        ("cat > a.py <<EOF\nx = 1\ncut off", "cat"),
        ("sed -n 1,20p src/a.py", "sed -n"),
        ("python -m pytest tests/test_a.py -k 'one; or two'", "python -m pytest -k"),
        ("cd src && grep -rn x . | head -5", "cd && grep -rn | head -"),
        ("git log --oneline -3; git show HEAD:a.py", "git log --oneline - ; git show"),
        ("FOO=1 ./run.sh 'unclosed", "./run.sh"),
        ("", ""),
    ],
)
def test_an_abstract_command_has_nothing_that_varies(command, kind):
    assert abstract(command) == kind


def test_cer_keeps_facts_and_skills_apart_and_merges_by_key(build):
    fact = {"path": "a.py", "description": "d", "usages": "u"}
    skill = {"name": "a.py", "steps": ["one"]}
    known = {"path": "b.py", "description": "Summarized before", "usages": "-"}
    answers = [
        items({"facts": [fact, known]}),
        items({"skills": [skill]}),
        items({"facts": [{**fact, "description": "new"}]}),
        items({"skills": []}),
        items({"ids": [1, 99, 0]}),
        items({"ids": []}),
    ]
    memory, server = build("cer", answers)
    memory.record(FAILED)
    memory.record(SOLVED)
    assert "1. a.py: d u" in asked(server, 2)[1]
    recall = memory.recall(STORY.task(2))
    assert [(i.text, len(i.origins)) for i in recall.items] == [("a.py: new\nu", 2)]
    assert "at most 5 entries" in asked(server, 4)[0]


def test_cer_recalls_no_more_than_k_of_each(build):
    memory, _ = build("cer", k=2)
    tell(memory, STORY)
    assert len(memory.recall(STORY.task(10)).items) == 4


def test_reasoning_bank_learns_from_failure_and_keeps_three(build):
    item = {"title": "t", "description": "d", "content": "c"}
    memory, server = build("reasoning_bank", items({"items": [item] * 5}))
    memory.record(FAILED)
    assert "failed to solve" in asked(server)[0]
    memory.record(SOLVED)
    assert "agent solved" in asked(server)[0]
    assert len(memory.items) == 6
    recall = memory.recall(replace(SOLVED.task, instance_id="new"))
    assert len(recall.items) == 3
    assert recall.items[0].text == "t (from an issue that was solved)\nd\nc"
    assert {i.origins for i in recall.items} == {(SOLVED.task.instance_id,)}


def test_reasoning_bank_finds_the_nearest_with_hashing_and_with_a_model(build, tmp_path):
    memory, server = build("reasoning_bank")
    tell(memory, STORY)
    again = replace(STORY.task(10), problem_statement=STORY.task(4).problem_statement)
    nearest = memory.recall(again).items[0]
    assert nearest.origins == (STORY.task(4).instance_id,)
    assert nearest.score == pytest.approx(1.0)
    by_model = build_memory(METHODS["reasoning_bank"], tmp_path, STORY.services(server.url))
    tell(by_model, STORY)
    assert by_model.recall(again).items[0].origins == (STORY.task(4).instance_id,)
    inputs = [len(r["input"]) for r in server.requests if "input" in r]
    assert inputs == [1, 10], "the issue, and then each earlier one once"
    by_model.recall(again)
    assert [len(r["input"]) for r in server.requests if "input" in r] == [1, 10, 1]


def ace_answers(tag, *operations):
    bullets = [{"id": "ctx-00001", "tag": tag}, {"id": "ctx-00099", "tag": "helpful"}]
    return [
        items({"reflection": "so it went", "bullets": bullets}),
        items({"operations": list(operations)}),
    ]


ADD = {"type": "ADD", "section": "tests", "content": "run tests/ first"}


def test_ace_counts_help_and_harm(build):
    other = {**ADD, "content": "read the log"}
    answers = ace_answers("helpful", ADD, other) + ace_answers("harmful") + ace_answers("neutral")
    memory, server = build("ace", answers)
    tell(memory, experiences(3))
    first, second = memory.recall(STORY.task(3)).items
    assert first.text == "[ctx-00002] helpful=0 harmful=0 (tests) :: read the log"
    assert second.text == "[ctx-00001] helpful=0 harmful=1 (tests) :: run tests/ first"
    assert len(second.origins) == 2
    assert first.score >= second.score
    assert "## Playbook\n[ctx-00001] helpful=0" in asked(server, 2)[1]
    assert "so it went" in asked(server, 3)[1]


def test_ace_adds_only_unless_it_may_edit(build):
    edits = [
        {"type": "UPDATE", "id": "ctx-00001", "content": "run them last"},
        {"type": "DELETE", "id": "ctx-00002"},
        {"type": "ADD", "section": "tests", "content": "run tests/ first"},
    ]
    both = [ADD, {**ADD, "content": "two"}]
    for edit, left in ((False, ["run tests/ first", "two"]), (True, ["run them last"])):
        answers = ace_answers("neutral", *both) + ace_answers("neutral", *edits[: 3 - edit])
        memory, server = build("ace", answers, edit=edit)
        tell(memory, experiences(2))
        assert [item.text for item in memory.playbook().values()] == left
        assert ("DELETE" in asked(server, 1)[0]) is edit
    assert len(memory.playbook()["ctx-00001"].origins) == 2


def test_ace_refuses_operations_that_nobody_knows(build):
    for kind in ("BURN", ["ADD"], None):
        answers = ace_answers("neutral", {"type": kind})
        memory, _ = build("ace", [*answers, answers[1]])
        with pytest.raises(RolloutError) as caught:
            memory.record(SOLVED)
        assert f"no operation {kind!r}" in caught.value.message
    memory, _ = build("ace", ace_answers("neutral", {"type": "BURN"}, ADD, {"type": "ADD"}))
    memory.record(SOLVED)
    assert [item.text for item in memory.items] == [ADD["content"]]


def test_room_for_a_thought_is_left_to_the_judge_and_the_selector(build):
    for name in ("reasoning_bank", "cer"):
        memory, server = build(name)
        memory.record(UNJUDGED)
        memory.recall(STORY.task(2))
        assert min(r["max_tokens"] for r in server.requests) >= 2_000


def test_the_cheatsheet_is_rewritten_and_bounded(build):
    answers = ["<cheatsheet>one</cheatsheet>", f"<cheatsheet>{'x' * 99}</cheatsheet>"]
    memory, server = build("dynamic_cheatsheet", answers, sheet_chars=20)
    memory.record(FAILED)
    memory.record(SOLVED)
    (item,) = memory.recall(STORY.task(2)).items
    assert item.text == "x" * 19 + "…"
    assert len(item.origins) == 2
    assert asked(server)[1].endswith("## The cheatsheet so far\none")


def note(command, **given):
    return items({"commands": [{"command": command, **given}]})


DONE = items({"commands": []})


def test_files_are_kept_by_commands_and_errors_are_told(build):
    answers = [
        note("create", path="/memories/a.md", file_text="one"),
        note("view", path="/memories/../../etc/passwd"),
        DONE,
        note("create", path="/memories/b.md", file_text="two"),
        DONE,
        note("view", path="/memories/a.md"),
        note("create", path="/memories/c.md", file_text="three"),
        DONE,
    ]
    memory, server = build("files", answers)
    tell(memory, experiences(3))
    texts = {i.text: i.origins for i in memory.recall(STORY.task(3)).items}
    first, second, third = (STORY.task(n).instance_id for n in range(3))
    assert texts == {
        "/memories/a.md\none": (first,),
        "/memories/b.md\ntwo": (second,),
        "/memories/c.md\nthree": (first, third),
    }
    told = server.requests[2]["messages"]
    assert told[-1]["content"].startswith("error: '/memories/../../etc/passwd' is not a path below")
    assert "      3  /memories/a.md" in server.requests[3]["messages"][1]["content"]


def test_a_sitting_has_an_end_and_a_broken_one_leaves_no_trace(build, tmp_path):
    again = note("view", path="/memories")
    memory, server = build("files", again, turns=3)
    memory.record(FAILED)
    assert server.calls == 3
    broken = [note("create", path="/memories/a.md", file_text="one"), "hm", "hm"]
    memory, _ = build("files", broken)
    with pytest.raises(RolloutError):
        memory.record(FAILED)
    assert memory.folder.files() == {}
    assert not memory.recall(SOLVED.task).items


def test_what_an_agent_wrote_into_the_folder_is_taken_up(build):
    memory, _ = build("files", DONE)
    (memory.folder.place / "agent.md").write_text("mine")
    memory.record(FAILED)
    (item,) = memory.recall(SOLVED.task).items
    assert (item.text, item.origins) == ("/memories/agent.md\nmine", (FAILED.task.instance_id,))


def test_without_a_model_it_is_said_what_to_give(tmp_path):
    with pytest.raises(UsageError) as caught:
        build_memory(METHODS["awm"], tmp_path, STORY.services())
    assert "needs a model" in caught.value.message
    assert "--memory-model-url" in caught.value.hint


def test_a_memory_gets_the_services_it_named_and_no_others(tmp_path):
    services = STORY.services("http://127.0.0.1:1/v1")
    memory = build_memory(f"{__name__}:Curious", tmp_path, services)
    given = memory.services
    assert (given.model, given.embed) == (services.model, services.embed)
    assert (given.gold, given.history, given.clock, given.rng) == (None,) * 4


class Curious:
    needs = ("model",)
    uses = ("embed",)

    def __init__(self, home, *, services):
        self.services = services


def test_a_list_that_is_too_long_keeps_the_latest():
    many = [Item(key=f"k{n}", text="word " * 500) for n in range(1, 100)]
    text = listing(many, 5000)
    assert len(text) <= 5000 + len("(earlier ones left out)")
    first, *_, last = text.split("\n")
    assert first == "(earlier ones left out)"
    assert last.startswith("99. k99: word word")
    assert len(last) < 320
    assert listing([], 10) == "(none)"


def test_a_damaged_state_is_refused(tmp_path):
    (tmp_path / ITEMS).write_text(Item(key="a", text="b").line() + '{"key": 1}\n')
    with pytest.raises(RunDirError, match="state is damaged"):
        AwmRule(tmp_path).load(tmp_path)
