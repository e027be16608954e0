"""A refactoring is where a fifth of the known files goes at once."""

from seqswe.manifests.refactorings import Refactoring, refactorings

FILES = [f"src/{name}.py" for name in "abcdefgh"]


def found(there, fixed=None):
    return list(refactorings(fixed or [[file] for file in FILES], there))


def test_a_fifth_of_the_known_files_must_go_at_once():
    there = [FILES] * 5 + [FILES[1:]] * 3
    assert found(there) == [Refactoring(task=6, known=5, gone=1)]
    there = [FILES] * 6 + [FILES[1:]] * 2
    assert found(there) == []  # one of six


def test_files_that_went_before_are_not_known_any_more():
    there = [FILES] * 6 + [FILES[2:], FILES[3:]]
    assert found(there) == [
        Refactoring(task=7, known=6, gone=2),
        Refactoring(task=8, known=5, gone=1),
    ]


def test_files_that_no_task_has_fixed_yet_may_go():
    there = [FILES] * 6 + [FILES[:6]] * 2
    assert found(there) == []


def test_few_known_files_say_nothing():
    assert found([FILES] * 3 + [[]] * 5) == []


def test_one_task_has_no_refactoring():
    assert found([FILES], [[]]) == []
