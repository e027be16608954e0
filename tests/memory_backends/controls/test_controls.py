"""The controls recall what they say, and nothing that would make them something else."""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from memory_backends.controls.full_history import FullHistory
from memory_backends.controls.git_history import GitHistory
from memory_backends.controls.oracle import Oracle
from memory_backends.controls.placebo import Placebo
from memory_backends.controls.popularity import Popularity
from memory_backends.controls.random_choice import RandomChoice
from memory_backends.controls.recency import Recency
from memory_backends.retrieval.episodic import Episodic
from memory_backends.shared.records import NAME
from seqswe.errors import UsageError
from seqswe.experiment import Experiment
from seqswe.memory import Commit, Experience, Services, build_memory, needs
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunDirectory, RunInfo
from seqswe.testing import experiences
from seqswe.testing.asking import tell

STORY = experiences(60)
NEXT = STORY.task(60)


def ids(recall):
    return [origin for item in recall.items for origin in item.origins]


def names(*positions):
    return [STORY.task(position).instance_id for position in positions]


def test_recency_gives_the_latest_first(tmp_path):
    recall = tell(Recency(tmp_path, k=3), STORY).recall(NEXT)
    assert ids(recall) == names(59, 58, 57)
    assert [item.score for item in recall.items] == [1, 1 / 2, 1 / 3]


def test_popularity_counts_the_files_that_were_fixed(tmp_path):
    memory = Popularity(tmp_path)
    for name, files in {"one": ("a.py", "b.py"), "two": ("c.py",), "three": ("b.py",)}.items():
        task = replace(NEXT, instance_id=name, problem_statement="Words of an issue")
        memory.record(Experience(task=task, gold_files=files, gold_patch="Words of a fix"))
    recall = memory.recall(NEXT)
    assert [(item.files, item.score) for item in recall.items] == [
        (("b.py",), 2),
        (("c.py",), 1),
        (("a.py",), 1),
    ]
    assert recall.items[0].origins == ("one", "three")
    assert recall == memory.recall(replace(NEXT, problem_statement="a.py a.py"))
    memory.save(tmp_path)
    assert "Words" not in (tmp_path / NAME).read_text() + recall.text


def test_random_depends_on_seed_and_task_only(tmp_path):
    one, same = (tell(RandomChoice(tmp_path, k=8, seed=1), STORY) for _ in range(2))
    other = tell(RandomChoice(tmp_path, k=8, seed=2), STORY)
    assert one.recall(NEXT) == same.recall(NEXT) != other.recall(NEXT)
    assert one.recall(NEXT) != one.recall(STORY.task(61))
    assert len(set(ids(one.recall(NEXT)))) == 8


def test_full_history_gives_all_that_fits(tmp_path):
    assert len(tell(FullHistory(tmp_path), STORY).recall(NEXT).items) == 60
    small = tell(FullHistory(tmp_path, max_bytes=1000), STORY).recall(NEXT)
    assert small.truncated
    assert ids(small)[0] == names(59)[0]


def test_episodic_finds_the_issue_that_is_alike(tmp_path):
    recall = tell(Episodic(tmp_path, k=1), STORY).recall(replace(NEXT, problem_statement="Cursor"))
    assert recall.items[0].files[0] == "src/house/cursor.py"


def test_episodic_prefers_the_later_of_equals(tmp_path):
    memory, twin = Episodic(tmp_path), STORY.at(0)
    for position in range(3):
        task = replace(twin.task, instance_id=f"twin-{position}", position=position)
        memory.record(replace(twin, task=task))
    assert ids(memory.recall(twin.task)) == ["twin-2", "twin-1", "twin-0"]


def test_oracle_chooses_by_gold_files(tmp_path):
    gold = SimpleNamespace(gold_files=("b.py", "c.py"))
    memory = Oracle(tmp_path, services=Services(gold=lambda _: gold))
    for name, files in {"none": ("a.py",), "half": ("b.py",), "all": ("c.py", "b.py")}.items():
        task = replace(NEXT, instance_id=name)
        memory.record(Experience(task=task, gold_files=files))
    assert ids(memory.recall(NEXT)) == ["all", "half"]


def test_oracle_says_that_it_reads_gold():
    assert needs("memory_backends.controls.oracle:Oracle") == ("gold",)
    assert needs("memory_backends.retrieval.episodic:Episodic") == ()


def test_a_need_that_nobody_meets_is_said(tmp_path):
    with pytest.raises(UsageError, match="needs gold data"):
        build_memory("memory_backends.controls.oracle:Oracle", tmp_path)


def test_git_history_reads_the_log_of_each_task(tmp_path):
    memory = GitHistory(tmp_path, services=STORY.services(), k=5)
    assert memory.recall(STORY.task(0)).items == ()
    recall = memory.recall(replace(NEXT, problem_statement="the pool"))
    assert {item.files[0] for item in recall.items} == {"src/house/pool.py"}
    assert all(re.fullmatch(r"history:\w{40,64}", origin) for origin in ids(recall))
    # Asked about an earlier task, it knows nothing of what came after it.
    assert len(memory.recall(replace(STORY.task(2), problem_statement="house fix")).items) == 2


def test_git_history_leaves_sweeping_commits_out(tmp_path):
    log = [
        Commit(sha=str(n), created_at=NEXT.created_at, message="cursor", files=("a.py",) * n)
        for n in (0, 1, 10, 11)
    ]
    memory = GitHistory(tmp_path, services=Services(history=lambda _: log))
    recall = memory.recall(replace(NEXT, problem_statement="cursor"))
    assert sorted(len(item.files) for item in recall.items) == [1, 10]


def foreign(folder):
    other = Episodic(folder)
    for experience in experiences(20):
        task = replace(experience.task, repo="other/house", problem_statement="Ausland " * 9)
        other.record(replace(experience, task=task, gold_files=("other.py",), notes={}))
    other.save(folder)
    return folder / NAME


def test_placebo_has_the_size_of_the_real_thing_and_none_of_its_content(tmp_path):
    placebo = tell(Placebo(tmp_path, source=str(foreign(tmp_path))), STORY)
    real, fake = tell(Episodic(tmp_path), STORY).recall(NEXT), placebo.recall(NEXT)
    sizes = [[len(item.text.encode()) for item in recall.items] for recall in (real, fake)]
    assert sizes[0] == sizes[1]
    assert [item.score for item in real.items] == [item.score for item in fake.items]
    assert {file for item in fake.items for file in item.files} == {"other.py"}
    assert "house.py" not in fake.text
    assert {origin.partition("/")[0] for origin in ids(fake)} == {"codebase:other"}


def test_placebo_reads_the_fullest_memory_of_a_run(tmp_path):
    source = foreign(tmp_path)
    info = RunInfo(experiment=Experiment(), instance_ids=("a", "b"), sequence_digest="")
    run = RunDirectory.create(tmp_path / "run", info)
    state = tmp_path / "state"
    state.mkdir()
    (state / NAME).write_bytes(source.read_bytes())
    for position, digest in enumerate(("", run.snapshots.put(state))):
        run.append(
            Rollout(
                arm="sequential",
                seed=0,
                position=position,
                instance_id="ab"[position],
                key="",
                memory_after=digest,
                memory_bytes=position,
            )
        )
    assert len(Placebo(tmp_path, source=str(run.root)).foreign) == 20


def test_placebo_refuses_its_own_codebase_and_an_absent_source(tmp_path):
    tell(Episodic(tmp_path), STORY).save(tmp_path)
    own = Placebo(tmp_path, source=str(tmp_path / NAME))
    with pytest.raises(UsageError, match="itself"):
        own.recall(NEXT)
    for source in ("", str(tmp_path / "absent")):
        with pytest.raises(UsageError, match="finds no records"):
            Placebo(tmp_path, source=source)
