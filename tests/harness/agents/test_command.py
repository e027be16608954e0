"""Any command line is an agent: what it is given, what it may say, and how it fails."""

import json

import pytest

from harness.agents.command import Command
from harness.grading import collect_patch
from seqswe.agent import Usage
from seqswe.memory import Recall, Recalled
from tests.harness.projects import task_of

RECALL = Recall(
    items=(
        Recalled(text="Earlier: ünïcode", score=2.0, origins=("i0",), files=("a.py",)),
        Recalled(text="Before that", notes={"tip": [1, None]}),
    )
)


@pytest.fixture
def box(provider, lay):
    return provider.open(lay())


@pytest.fixture
def task(ledgerlite):
    return task_of(ledgerlite, "It does 'not' work: $HOME `x`\n")


def solve(task, box, run, **options):
    return Command(seed=3, run=run, **options).solve(task, RECALL, box)


def test_it_finds_task_memory_and_numbers_and_none_of_it_is_in_the_patch(task, box):
    attempt = solve(
        task,
        box,
        "mkdir out && cp $SEQSWE_TASK_FILE $SEQSWE_MEMORY_FILE $SEQSWE_MEMORY_JSON out/ &&"
        " echo $SEQSWE_INSTANCE_ID $SEQSWE_POSITION $SEQSWE_SEED > out/numbers && pwd > out/pwd",
    )
    assert box.read("out/task.md").decode() == task.problem_statement
    assert box.read("out/memory.md").decode() == RECALL.text
    items = json.loads(box.read("out/memory.json"))
    assert items[0]["files"] == ["a.py"]
    assert items[1]["notes"] == {"tip": [1, None]}
    assert box.read("out/numbers") == b"x-1 4 3\n"
    assert box.read("out/pwd").decode().strip() == box.root
    assert attempt.usage == Usage(), "what it does not tell is missing"
    box.run("rm -r out; echo 1 > mine.py")
    patch = collect_patch(box, task.base_commit).patch
    assert "mine.py" in patch
    assert "Earlier" not in patch
    assert task.problem_statement.strip() not in patch


def test_its_result_file_is_read(task, box):
    said = {
        "ranking": ["b.py", "a.py"],
        "notes": {"tip": "x"},
        "usage": {"steps": 9, "cost_usd": 0.5, "unheard_of": 1},
        "message": "done",
        "confidence": 0.75,
    }
    attempt = solve(task, box, f"echo '{json.dumps(said)}' > $SEQSWE_RESULT_FILE")
    assert attempt.ranking == ("b.py", "a.py")
    assert attempt.notes == {"tip": "x"}
    assert (attempt.usage.steps, attempt.usage.cost_usd) == (9, 0.5)
    assert (attempt.message, attempt.confidence) == ("done", 0.75)


def test_one_that_takes_too_long_is_out_of_budget(task, box):
    told = """echo '{"usage": {"steps": 7}}' > $SEQSWE_RESULT_FILE;"""
    attempt = solve(task, box, f"echo 1 > kept.py; {told} sleep 60", seconds=1.0)
    assert attempt.failure == "agent_out_of_budget"
    assert attempt.usage == Usage(steps=7), "what it had written counts"
    assert "kept.py" in collect_patch(box, task.base_commit).files, "what it did until then counts"


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("echo why >&2; exit 3", "exit code 3: why"),
        ("no-such-agent", "exit code 127"),
        ("echo nonsense > $SEQSWE_RESULT_FILE", "result file"),
        ("echo '[1]' > $SEQSWE_RESULT_FILE", "result file"),
        ("echo '{\"usage\": 3}' > $SEQSWE_RESULT_FILE", "result file"),
        ("echo '{\"ranking\": 3}' > $SEQSWE_RESULT_FILE", "result file"),
    ],
)
def test_one_that_fails_has_crashed_and_says_why(local, lay, task, run, said):
    attempt = solve(task, local.open(lay()), run)
    assert attempt.failure == "agent_crashed"
    assert said in attempt.message


def test_a_result_file_without_end_is_not_read_into_memory(local, lay, task):
    box = local.open(lay(output_bytes=10_000))
    attempt = solve(task, box, "head -c 20000 /dev/zero > $SEQSWE_RESULT_FILE")
    assert attempt.failure == "agent_crashed"
    assert "larger than" in attempt.message


def test_a_result_of_an_earlier_rollout_is_not_there(local, lay, task):
    solve(task, local.open(lay()), "echo '{}' > $SEQSWE_RESULT_FILE")
    again = solve(task, local.open(lay()), "cat $SEQSWE_RESULT_FILE")
    assert again.failure == "agent_crashed"
