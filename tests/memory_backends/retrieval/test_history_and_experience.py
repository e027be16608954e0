"""Files by the log, by earlier tasks and by their module, each weighed by itself."""

from dataclasses import replace

import pytest

from memory_backends.retrieval.history_and_experience import HistoryAndExperience
from seqswe.errors import UsageError
from seqswe.memory import Commit, Experience, Services
from seqswe.testing import experiences

TASK = replace(experiences(1).task(0), instance_id="now", problem_statement="the cursor leaks")
COMMITS = {
    "Close the cursor": ("src/db/cursor.py", "tests/test_cursor.py", "CHANGES.rst"),
    "Start a pool": ("src/db/pool.py",),
    "Add a web page": ("src/web/page.py",),
}


def memory_of(folder, commits=COMMITS, **options):
    """A memory whose log holds these commits, message → files, the first one the latest.

    >>> memory_of(tmp_path, {"Close the cursor": ("cursor.py",)}, module=0)
    """
    log = [
        Commit(sha=f"{n:040}", created_at=TASK.created_at, message=message, files=files)
        for n, (message, files) in enumerate(commits.items())
    ]
    services = Services(history=lambda task: iter(log))
    return HistoryAndExperience(folder, services=services, **options)


def tell(memory, *files, statement="the cursor leaks", **about):
    task = replace(TASK, instance_id=f"task-{len(memory.records)}", problem_statement=statement)
    memory.record(Experience(task=task, gold_files=files, gold_patch="x", **about))


def ranking(memory):
    return {item.files[0]: item.score for item in memory.recall(TASK).items if item.files}


def test_a_commit_speaks_for_its_source_files(tmp_path):
    assert ranking(memory_of(tmp_path, module=0)) == {"src/db/cursor.py": 1.0}


def test_a_file_beside_it_gets_a_part(tmp_path):
    found = ranking(memory_of(tmp_path, module=0.25))
    assert found == {"src/db/cursor.py": 1.25, "src/db/pool.py": 0.25}


def test_a_commit_of_many_files_says_less_of_each(tmp_path):
    many = tuple(f"src/{n}.py" for n in range(4))
    commits = {"Close the cursor now": many, "Close the cursor then": ("src/one.py",)}
    assert ranking(memory_of(tmp_path, commits, module=0)) == {
        "src/one.py": 1.0,
        **dict.fromkeys(many, pytest.approx(0.5, abs=0.05)),
    }


def test_earlier_tasks_count_as_much_as_they_weigh(tmp_path):
    memory = memory_of(tmp_path, experience=0.5, module=0)
    tell(memory, "src/web/page.py")
    assert ranking(memory) == {"src/db/cursor.py": 1.0, "src/web/page.py": 0.5}
    memory.experience = 2
    assert next(iter(ranking(memory))) == "src/web/page.py"


def test_without_the_log_it_knows_what_it_was_told(tmp_path):
    memory = memory_of(tmp_path, limit=0, module=0)
    assert memory.recall(TASK).items == ()
    tell(memory, "src/web/page.py")
    (item,) = memory.recall(TASK).items
    assert (item.files, item.origins) == (("src/web/page.py",), ("task-0",))


def test_each_file_names_the_changes_behind_it(tmp_path):
    memory = memory_of(tmp_path)
    tell(memory, "src/db/cursor.py")
    cursor, pool = memory.recall(TASK).items
    assert cursor.text.startswith("File src/db/cursor.py, changed by:\n  commit 0000000000 of")
    assert "\n  earlier issue task-0: the cursor leaks" in cursor.text
    assert pool.text.startswith("File src/db/pool.py, beside what was changed by:")
    assert set(cursor.origins) == set(pool.origins) == {f"history:{'0' * 40}", "task-0"}


def test_an_agent_gets_its_notes_back(tmp_path):
    memory = memory_of(tmp_path)
    tell(memory, "src/db/cursor.py", notes={"note": "look at close()"})
    assert memory.recall(TASK).items[-1].notes == {"note": "look at close()"}
    assert "Note: look at close()" in memory.recall(TASK).text


def test_it_reads_the_log_of_each_task(tmp_path):
    story = experiences(20)
    memory = HistoryAndExperience(tmp_path, services=story.services())
    assert memory.recall(story.task(0)).items == ()
    early = replace(story.task(2), problem_statement="house fix")
    late = replace(story.task(19), problem_statement="house fix")
    known = {origin for item in memory.recall(late).items for origin in item.origins}
    assert len({o for item in memory.recall(early).items for o in item.origins}) == 2 < len(known)


@pytest.mark.parametrize("value", [-1, "much", True, float("nan"), float("inf")])
def test_a_weight_is_a_number(tmp_path, value):
    with pytest.raises(UsageError, match="memory option module must be a number of at least 0"):
        memory_of(tmp_path, module=value)
