"""A sample of tasks is proved again, and what does not hold is named."""

from dataclasses import replace

import pytest

from harness.codebases.locate import clone_of
from harness.codebases.validate import Validation
from harness.commands.reprove import Reproof
from seqswe.cli import main
from seqswe.manifests import manifest_files as manifests


def reprove(capsys, *words):
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["reprove", *words, "--sandbox", "local", "--jobs", "1"])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return ended.value.code, said.out, said.err


def test_tasks_that_hold_agree_and_one_that_does_not_is_named(
    monkeypatch, tmp_path, ledgerlite, cache, capsys
):
    monkeypatch.setenv("SEQSWE_CODEBASES", str(tmp_path))
    first, second = ledgerlite.instances[:2]
    wrong = replace(second, FAIL_TO_PASS=(*second.FAIL_TO_PASS, "tests/test_x.py::test_not_there"))
    url = str(clone_of(ledgerlite, "").path)
    made = replace(ledgerlite, name="twin", url=url, instances=(first, wrong))
    manifests.save(made, tmp_path / "twin")
    code, out, err = reprove(capsys, "twin", "--sample", "2")
    assert out.splitlines()[-1] == "| twin | 2 | 2 | 1 |"
    assert f"{second.instance_id}: 1 tests are not in FAIL_TO_PASS again, such as" in err
    assert code == 1
    manifests.save(replace(made, instances=(first,)), tmp_path / "twin")
    code, out, _ = reprove(capsys, "twin")
    assert (code, out.splitlines()[-1]) == (0, "| twin | 1 | 1 | 1 |")


def test_another_draw_of_the_tests_that_stay_is_no_difference(ledgerlite):
    first = ledgerlite.instances[0]
    stay = tuple(f"tests/test_x.py::test_{n}" for n in range(6))
    kept = replace(first, PASS_TO_PASS=stay[:3])
    now = Validation(record=replace(first, PASS_TO_PASS=stay[3:]), stays=frozenset(stay))
    assert Reproof(record=kept, result=now).difference == ""
    gone = replace(now, stays=frozenset(stay[1:]))
    assert "1 tests are not in PASS_TO_PASS again" in Reproof(record=kept, result=gone).difference


def test_a_codebase_without_tasks_is_refused(tmp_path, ledgerlite, capsys):
    manifests.save(replace(ledgerlite, name="empty", instances=()), tmp_path / "empty")
    code, _, err = reprove(capsys, str(tmp_path / "empty"))
    assert code == 2
    assert "empty has no tasks" in err
