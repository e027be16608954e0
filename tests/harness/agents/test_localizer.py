"""The localizer ranks by words and by memory, and always in the same way."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from harness.agents.localizer import Localizer, bm25, normalised, votes, words
from seqswe.instance import Task
from seqswe.memory import Recall, Recalled
from seqswe.sandbox import Limits


@pytest.fixture
def box(local, lay):
    return local.open(lay(-1))


@pytest.fixture
def task(ledgerlite):
    return Task(
        instance_id="x",
        repo=ledgerlite.repo,
        base_commit=ledgerlite.instances[-1].base_commit,
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        problem_statement="Amounts in parentheses are read as positive money",
    )


def remembered(*files, score=1.0):
    return Recall(items=(Recalled(text="earlier", score=score, files=files),))


def rank(task, recall, box, **options):
    return Localizer(seed=0, **options).solve(task, recall, box).ranking


def test_equal_inputs_give_equal_rankings_whatever_the_seed(task, box):
    first = Localizer(seed=0).solve(task, Recall(), box)
    assert first == Localizer(seed=7).solve(task, Recall(), box)
    assert first.ranking
    assert not any("test" in path for path in first.ranking)


def test_code_beyond_what_a_command_may_say_is_read_in_parts(task, local, lay, box):
    sizes = [
        int(size) for size in box.run("git ls-tree -r HEAD -l | awk '{print $4}'").text.split()
    ]
    whole = rank(task, Recall(), box)
    for most in (max(sizes) + 100, max(sizes) // 2):  # the second cuts the largest file
        small = local.open(replace(lay(-1), limits=Limits(output_bytes=most)))
        assert small.run("git ls-tree -r HEAD | cut -c13-52 | git cat-file --batch").truncated
        found = rank(task, Recall(), small)
        assert set(found) == set(whole)
        assert found == whole or most < max(sizes)


def test_memory_changes_the_ranking_by_its_weight(task, box):
    plain = rank(task, Recall(), box)
    last = plain[-1]
    told = remembered(last)
    assert rank(task, told, box, memory_weight=10.0)[0] == last
    assert rank(task, told, box, memory_weight=0.0) == plain
    assert rank(task, told, box).index(last) < len(plain) - 1


def test_a_file_that_moved_is_forgotten(task, box):
    plain = rank(task, Recall(), box)
    assert rank(task, remembered("ledgerlite/gone.py", "no/such.py"), box) == plain


def test_nothing_is_edited(task, box):
    Localizer(seed=0).solve(task, remembered("README.md"), box)
    assert box.run("git status --porcelain").text == ""


def test_a_file_of_an_odd_name_or_content_is_ranked_too(task, box):
    box.write("ledgerlite/über parentheses.py", b"\xff\x00 positive money parentheses\n")
    box.write("ledgerlite/empty.py", b"")
    box.run("git add -A && git commit -qm odd")
    assert "ledgerlite/über parentheses.py" in rank(task, Recall(), box)


def test_a_memory_of_many_files_says_less_about_each():
    recall = Recall(
        items=(Recalled(text="", score=1.0, files=("a", "b", "c", "d")),
               Recalled(text="", score=0.5, files=("a",)))
    )  # fmt: skip
    assert votes(recall, ["a", "b"]) == {"a": 0.75, "b": 0.25}


def test_words_are_split_at_humps_and_underscores_and_kept_whole():
    assert list(words("parseHTTPHeader snake_case")) == [
        "parse", "http", "header", "parsehttpheader", "snake", "case",
    ]  # fmt: skip


def test_rare_words_and_words_of_the_path_count_more():
    files = {"a.py": {"common": 9, "rare": 1}, "b.py": {"common": 9}, "rare.py": {"common": 9}}
    scores = bm25({"common": 1, "rare": 1}, files)
    assert scores["rare.py"] > scores["a.py"] > scores["b.py"]


def test_scores_without_a_sign_are_dropped():
    assert normalised({}) == {}
    assert normalised({"a": 0.0}) == {}
    assert normalised({"a": 2.0, "b": 1.0}) == {"a": 1.0, "b": 0.5}
