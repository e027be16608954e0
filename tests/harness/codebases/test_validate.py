"""What is proved of a candidate before it counts as an instance."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from harness.codebases.validate import validate
from harness.commands.validate import validate as command
from seqswe.manifests import manifest_files as manifests
from tests.harness.projects import Tiny, commit

GOOD = "from tiny.a import f\ndef test_f(): assert f() == 2\ndef test_old(): assert f()\n"
NO_EFFECT = "no test fails without gold and passes with it"


@pytest.fixture
def prove(tmp_path, local):
    """Validates the last commit of a tiny history made of these steps."""

    def proved(*steps):
        for day, files in enumerate(steps):
            commit(tmp_path / "clone", files, day=day)
        tiny = Tiny(tmp_path, local)
        last = len(tiny.mined.records) - 1
        record = tiny.mined.records[last]
        return validate(record, tiny.instance(last), tiny.grader, lambda: tiny.open(last))

    return proved


def start(source="def f(): return 1\n"):
    test = "from tiny.a import f\ndef test_old(): assert f()\n"
    return {"tiny/__init__.py": "", "tiny/a.py": source, "tests/test_a.py": test}


def test_a_fix_is_proved_although_its_file_has_the_same_size(prove):
    found = prove(start(), {"tiny/a.py": "def f(): return 2\n", "tests/test_a.py": GOOD})
    assert found.problem == ""
    assert found.record.FAIL_TO_PASS == ("tests/test_a.py::test_f",)
    assert found.record.PASS_TO_PASS == ("tests/test_a.py::test_old",)
    assert found.record.flaky == ()


def test_a_change_without_effect_is_rejected(prove):
    same = {"tiny/a.py": "def f(): return 2  # same\n", "tests/test_a.py": GOOD + "\n"}
    assert prove(start("def f(): return 2\n"), same).problem == NO_EFFECT


def test_a_fix_that_does_not_fix_is_rejected(prove):
    fix = {"tiny/a.py": "def f(): return 3\n", "tests/test_a.py": GOOD}
    assert prove(start(), fix).problem == NO_EFFECT


def test_a_module_that_only_imports_with_gold_is_an_instance(prove):
    test = "from tiny.b import g\ndef test_g(): assert g()\n"
    found = prove(start(), {"tiny/b.py": "def g(): return 1\n", "tests/test_b.py": test})
    assert found.problem == ""
    assert found.record.FAIL_TO_PASS == ("tests/test_b.py::test_g",)


def test_a_suite_that_cannot_be_trusted_is_rejected(prove):
    test = GOOD + "def test_exit():\n    import os; os._exit(0)\n"
    found = prove(start(), {"tiny/a.py": "def f(): return 2\n", "tests/test_a.py": test})
    assert found.problem.startswith(("with gold: no readable", "before gold: no readable"))


def test_a_test_that_disagrees_with_itself_is_quarantined_by_name(prove, tmp_path):
    counter = tmp_path / "counter"
    flaky = (
        f"def test_alternates():\n    with open({str(counter)!r}, 'a+') as file:\n"
        "        file.write('x')\n        assert file.tell() % 2\n"
    )
    found = prove(start(), {"tiny/a.py": "def f(): return 2\n", "tests/test_a.py": GOOD + flaky})
    assert found.problem == ""
    assert len(counter.read_text()) == 4, "once without gold and three times with it"
    assert found.record.flaky == ("tests/test_a.py::test_alternates",)
    kept = found.record.FAIL_TO_PASS + found.record.PASS_TO_PASS
    assert "tests/test_a.py::test_alternates" not in kept


@pytest.fixture
def codebase(tmp_path):
    """A folder with a manifest, candidates and a mirror, as `seqswe mine` leaves them."""
    clone = tmp_path / "mirror" / "x" / "tiny.git"
    commit(clone, start())
    for n in (2, 3):
        test = f"from tiny.a import f\ndef test_f(): assert f() == {n}\n"
        commit(clone, {"tiny/a.py": f"def f(): return {n}\n", "tests/test_a.py": test}, day=n)
    (tmp_path / "clone").symlink_to(clone)
    tiny = Tiny(tmp_path, None)
    folder = tmp_path / "manifest"
    manifests.save(replace(tiny.manifest, environments=tiny.mined.environments), folder)
    manifests.save_instances(tiny.mined.records, folder / "candidates.jsonl")
    return folder


def run(codebase, *arguments):
    mirror = str(codebase.parent / "mirror")
    given = [str(codebase), "--mirror", mirror, "--sandbox", "local", "--jobs", "1", *arguments]
    done = CliRunner().invoke(command, given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    lines = (codebase / "validation.jsonl").read_text().splitlines()
    return [record.instance_id for record in manifests.load(str(codebase)).instances], lines


def test_a_validation_goes_on_where_it_stopped(codebase):
    instances, first = run(codebase, "--limit", "1")
    assert len(instances) == 1
    marked = {**json.loads(first[0]), "problem": "marked, to see that it is not proved again"}
    journal = codebase / "validation.jsonl"
    journal.write_text(json.dumps(marked) + '\n{"half a li')
    instances, lines = run(codebase)
    assert len(instances) == 1, "the marked one stays rejected"
    ids = [json.loads(line)["record"]["instance_id"] for line in lines]
    assert len(ids) == len(set(ids)) == 2, "a candidate was proved twice"
    assert run(codebase) == (instances, lines), "nothing is left to prove"
