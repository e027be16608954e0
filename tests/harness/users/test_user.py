"""The user who can be asked: what is told, what it costs, and that no memory keeps it."""

import json

import pytest

from seqswe.cli import main
from seqswe.env import Ask, SeqEnv
from seqswe.instance import Task
from seqswe.runs.rollout import Asked
from seqswe.user import PRICES, Fact, mark_of

ASKING = ("--user", "facts")


@pytest.fixture
def env():
    """`env(ask_budget=9)`: the demo's bugs, at position 0, with the user `facts`."""
    made = []

    def make(**settings):
        chosen = {"codebase": "ledgerlite-injected", "sandbox": "local", "limit": 1, **settings}
        made.append(SeqEnv(user="facts", **chosen))
        made[-1].reset()
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_the_facts_are_those_of_gold_and_of_the_failing_run(env):
    asking = env(ask_budget=100)
    instance = asking.stage.context.instances[0]
    said = {kind: asking.step(Ask(kind))[0]["output"] for kind in PRICES}
    for kind, text in said.items():
        if kind != "title-rest":
            assert mark_of(instance.instance_id, kind) in text, kind
    told = {kind: text.rstrip("\n").rpartition("\n")[0] for kind, text in said.items()}
    assert said["title-rest"].startswith("OUT-OF-SCOPE: there is no such fact")
    assert told["file"] == instance.gold_files[0]
    assert told["test-id"] == instance.fail_to_pass[0]
    path, _, function = told["function"].partition("::")
    assert path == instance.gold_files[0]
    name = function.rpartition(".")[2]
    assert f"def {name}(" in asking.step(f"run cat {path}")[0]["output"]
    assert told["error-type"].isidentifier()
    assert told["traceback"].split("\n")[0].startswith(instance.test_files[0])
    called = told["test-call"].split("(")[0]
    assert called in instance.problem_statement
    assert told["expected-actual"]
    done = asking.step("submit")[4]["task_done"]["asked"]
    answered = {kind: 1 for kind in PRICES if kind != "title-rest"}
    assert done["spent"] == sum(PRICES.values()) - PRICES["title-rest"]
    assert (done["answered"], done["refused"]) == (answered, 1)
    assert done["files"] == instance.gold_files


def test_a_budget_bounds_what_is_told_and_what_was_told_is_told_again(env):
    asking = env(ask_budget=5)
    first = asking.step("ask file")[0]["output"]
    assert first.endswith(", 1 left]\n")
    assert asking.step("run ask file")[0]["output"] == first
    for question, why in (
        ("ask function", "it costs 6, 1 of 5 are left"),
        ("ask file 2", "there is no such fact, 1 of 5 are left"),
        ("ask file x", "there is no such fact"),
        ("ask weather", "there is no such fact"),
    ):
        answer = asking.step(question)[0]["output"]
        assert answer.startswith("OUT-OF-SCOPE: ")
        assert why in answer
    done = asking.step("submit")[4]["task_done"]["asked"]
    assert (done["budget"], done["spent"], done["refused"]) == (5, 4, 4)


def test_without_a_user_nobody_answers():
    alone = SeqEnv("ledgerlite", sandbox="local", limit=1)
    alone.reset()
    assert not alone.can_ask
    assert alone.step("ask file")[0]["output"] == "OUT-OF-SCOPE: there is no user to ask."
    assert "asked" not in alone.step("submit")[4]["task_done"]
    alone.close()


def test_a_budget_of_nothing_is_a_run_without_a_user(run):
    given = ("--agent", "localizer")
    alone = run(*given, limit=2, into="alone")
    nobody = run(*given, *ASKING, "--ask-budget", "0", limit=2, into="nobody")
    asking = run(*given, *ASKING, limit=2, into="asking")
    digests = [ended.store.journal().results_digest() for ended in (alone, nobody, asking)]
    assert digests[0] == digests[1] != digests[2]
    assert not any(r.asked for r in nobody.store.journal().rollouts)
    assert all(r.asked for r in asking.store.journal().rollouts)


@pytest.mark.parametrize("feedback", ["none", "verdict"])
def test_a_leaked_answer_ends_the_run(run, feedback):
    given = ("--agent", ":tells", "--memory", "recency", "--feedback", feedback)
    ended = run(*given, *ASKING, limit=2)
    assert ended.code == 3
    assert "holds the user's answer (traceback)" in ended.err


def test_what_feedback_would_tell_anyway_may_be_kept(run):
    given = ("--agent", ":tells", "--memory", "recency", "--feedback", "tests")
    assert run(*given, *ASKING, limit=2).code == 0


@pytest.mark.parametrize(("feedback", "shown"), [("none", False), ("tests", True)])
def test_a_memory_is_told_the_steps_without_the_answers(run, ledgerlite, tmp_path, feedback, shown):
    record = ledgerlite.instances[0]
    script = tmp_path / "script.json"
    script.write_text(json.dumps({record.instance_id: ["ask file"]}))
    given = ("--agent", "scripted", "--agent-option", f"script={script}", "--feedback", feedback)
    ended = run(*given, *ASKING, limit=1)
    assert ended.code == 0, ended.err
    folder = ended.store.folder("sequential", 0, 0, record.instance_id)
    steps = json.loads((folder / "experience.json").read_text())["steps"]
    assert steps.startswith("$ ask file")
    assert (ended.store.journal().rollouts[0].gold_files[0] in steps) == shown
    assert "answer-" in (folder / "trajectory.json").read_text()


def test_repair_asks_for_the_file_once_half_of_its_attempts_came_to_nothing(run):
    given = ("--codebase", "ledgerlite-injected", "--agent", "repair", "--feedback", "none")
    hard = ("--agent-option", "budget=4")
    ended = run(*given, *hard, *ASKING, limit=3, arms=("iid",))
    assert ended.code == 0, ended.err
    rollouts = ended.store.journal().rollouts
    asked = [r.asked for r in rollouts]
    told = [a for a in asked if a and a.spent]
    assert told
    for each in told:
        assert (each.spent, each.answered) == (PRICES["file"], {"file": 1})
    for rollout in rollouts:
        assert rollout.usage.executions <= 4
        if rollout.asked.spent:
            assert set(rollout.edited_files) <= set(rollout.asked.files)
        elif rollout.usage.executions > 2:
            assert rollout.asked == Asked(budget=10, spent=0)


INSIDE = """
set -e
ask file > asked.txt
ask weather >> asked.txt
call='{"jsonrpc":"2.0","id":1,"method":"tools/call","params":'
call="$call{\\"name\\":\\"ask_user\\",\\"arguments\\":{\\"kind\\":\\"test-id\\"}}}"
echo "$call" | ask mcp > tool.json
grep -q "ask mcp\\|\\"mcp\\"" "$SEQSWE_ASK_MCP"
grep -q 'may cost 10' "$SEQSWE_MEMORY_FILE"
"""


@pytest.mark.parametrize("sandbox", ["local", pytest.param("docker", marks=pytest.mark.docker)])
def test_an_agent_in_the_sandbox_asks_by_command_and_by_tool(run, ledgerlite, sandbox, request):
    if sandbox == "docker":
        request.getfixturevalue("docker")
    record = ledgerlite.instances[0]
    given = ("--agent", "command", "--agent-option", f"run={INSIDE}", "--sandbox", sandbox)
    ended = run(*given, *ASKING, "--feedback", "tests", limit=1)
    assert ended.code == 0, ended.err
    (rollout,) = ended.store.journal().rollouts
    assert not rollout.failure, rollout.failure
    spent = PRICES["file"] + PRICES["test-id"]
    answered = {"file": 1, "test-id": 1}
    gold = rollout.gold_files
    assert rollout.asked == Asked(
        budget=10, spent=spent, answered=answered, refused=1, files=gold[:1]
    )
    folder = ended.store.folder("sequential", 0, 0, record.instance_id)
    patch = (folder / "patch.diff").read_text()
    assert f"+{gold[0]}" in patch
    assert "+OUT-OF-SCOPE: there is no such fact" in patch
    assert record.FAIL_TO_PASS[0] in patch


def test_a_user_of_ones_own_is_asked(run):
    given = ("--agent", ":tells", "--memory", "recency", "--feedback", "tests")
    ended = run(*given, "--user", "tests.harness.users.test_user:Weather", limit=1)
    assert ended.code == 0, ended.err
    (rollout,) = ended.store.journal().rollouts
    assert rollout.asked == Asked(budget=10, spent=3, answered={"weather": 1})


class Weather:
    """A user who answers everything alike."""

    def __init__(self, *, seed):
        self.seed = seed

    def answer(self, task: Task, kind, argument, facts):
        return Fact(kind="weather", text=f"sunny over {task.repo}", price=3)


def test_a_user_that_breaks_is_no_failure_of_the_agent(run):
    given = ("--agent", ":tells", "--memory", "none", "--retries", "0")
    ended = run(*given, "--user", "tests.harness.users.test_user:Broken", limit=1)
    assert ended.code == 5, ended.err
    (rollout,) = ended.store.journal().rollouts
    assert not rollout.graded
    assert (rollout.failure.cause, rollout.failure.detail) == (
        "harness_failed",
        "the user raised ZeroDivisionError: division by zero",
    )


class Broken(Weather):
    """A user who cannot answer."""

    def answer(self, task: Task, kind, argument, facts):
        return 1 / 0


def test_a_user_that_is_not_there_is_refused(capsys, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main(["run", "--sandbox", "local", "--user", "fact", "--out", str(tmp_path / "run")])
    assert ended.value.code == 2
    assert "unknown user 'fact'\n" in (said := capsys.readouterr().err)
    assert "Did you mean 'facts'?" in said
