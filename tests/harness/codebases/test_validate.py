"""What is proved of a candidate before it counts as an instance."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from harness.codebases.validate import MOST_KEPT, validate, without_flaky
from harness.commands.validate import validate as command
from seqswe.errors import UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import InstanceRecord
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
        own = ("tiny.plugin",) if "tiny/plugin.py" in steps[0] else ()
        return validate(record, tiny.instance(last), tiny.grader, lambda: tiny.open(last), own)

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


def test_the_project_s_own_plug_in_of_pytest_is_used_where_tests_need_it(prove):
    plugin = "import pytest\n@pytest.fixture\ndef two(): return 2\n"
    test = "from tiny.a import f\ndef test_f(two): assert f() == two\n"
    fix = {"tiny/a.py": "def f(): return 2\n", "tests/test_a.py": test}
    found = prove(start() | {"tiny/plugin.py": plugin}, fix)
    assert found.problem == ""
    assert found.record.pytest_arguments == ("-p", "tiny.plugin")


def test_a_change_without_effect_is_rejected(prove):
    same = {"tiny/a.py": "def f(): return 1 + 1\n", "tests/test_a.py": GOOD + "\n"}
    assert prove(start("def f(): return 2\n"), same).problem == NO_EFFECT


def test_a_suite_in_which_all_fail_as_expected_is_no_bug_of_ours(prove):
    test = "import pytest\n@pytest.mark.xfail\ndef test_f(): assert 0\n"
    found = prove(start(), {"tiny/a.py": "def f(): return 2\n", "tests/test_a.py": test})
    assert found.problem == NO_EFFECT


def test_a_fix_that_does_not_fix_is_rejected(prove):
    fix = {"tiny/a.py": "def f(): return 3\n", "tests/test_a.py": GOOD}
    said = f"{NO_EFFECT}; 1 of 2 tests fail with gold, too"
    assert prove(start(), fix).problem == said


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
    assert len(counter.read_text()) == 6, "once without gold, three times and twice more with it"
    assert found.record.flaky == ("tests/test_a.py::test_alternates",)
    kept = found.record.FAIL_TO_PASS + found.record.PASS_TO_PASS
    assert "tests/test_a.py::test_alternates" not in kept


@pytest.fixture
def count(tmp_path):
    """Source that counts how often a test module is imported, and the count."""
    counter = tmp_path / "imports"
    counter.write_text("")
    return f"open({str(counter)!r}, 'a').write('x')\n", lambda: len(counter.read_text())


def test_gold_that_fails_is_one_run(prove, count):
    source, imports = count
    test = source + "from tiny.a import f\ndef test_f(): assert f() == 2\n"
    found = prove(start(), {"tiny/a.py": "def f(): return 3\n", "tests/test_a.py": test})
    assert found.problem == "with gold: no test passes"
    assert imports() == 1


def test_a_fix_without_effect_is_two_runs(prove, count):
    source, imports = count
    test = {"tiny/a.py": "def f(): return 1 + 1\n", "tests/test_a.py": source + GOOD}
    assert prove(start("def f(): return 2\n"), test).problem == NO_EFFECT
    assert imports() == 2


def test_what_was_rejected_keeps_what_the_tests_printed(prove):
    test = "import no_such_module\ndef test_f(): pass\n"
    found = prove(start(), {"tiny/a.py": "def f(): return 2\n", "tests/test_a.py": test})
    assert found.problem == (
        "with gold: 1 of 1 test modules do not import: ModuleNotFoundError: no_such_module"
    )
    assert found.missing == ("module no_such_module",)
    assert "No module named 'no_such_module'" in found.log


def test_both_sides_are_kept_if_they_do_not_differ(prove):
    fix = {"tiny/a.py": "def f(): return 2 - 1\n", "tests/test_a.py": GOOD}
    found = prove(start(), fix)
    before, _, gold = found.log.partition("--- with gold ---")
    assert "1 failed, 1 passed" in before
    assert "1 failed, 1 passed" in gold


WARNS = "import warnings\nwarnings.warn('f is going away', DeprecationWarning)\n"
STRICT = {"pytest.ini": "[pytest]\nfilterwarnings = error\n"}


def test_where_warnings_are_errors_they_are_none_and_that_is_recorded(prove):
    fix = {"tiny/a.py": "def f(): return 2\n", "tests/test_a.py": WARNS + GOOD}
    found = prove({**start(), **STRICT}, fix)
    assert found.problem == ""
    assert found.record.pytest_arguments == ("-W", "default", "-o", "filterwarnings=")
    assert found.record.FAIL_TO_PASS == ("tests/test_a.py::test_f",)


def test_a_suite_without_warnings_is_run_as_it_is(prove):
    fix = {"tiny/a.py": "def f(): return 2\n", "tests/test_a.py": GOOD}
    assert prove({**start(), **STRICT}, fix).record.pytest_arguments == ()


HOOKED = """
import sys
from tiny.a import f
def test_f():
    hooks = [hook for hook in sys.meta_path if type(hook).__name__ == "AssertionRewritingHook"]
    assert not hooks, "AssertionRewritingHook lacks a method"
    assert f() == 2
def test_old(): assert f()
"""


WITH_CACHE = GOOD.replace("test_f():", "test_f(request): request.config.cache.get('x', 0);")


@pytest.mark.parametrize(
    ("settings", "test", "arguments"),
    [
        ({}, HOOKED, ("--assert=plain",)),
        ({"setup.cfg": "[pytest]\nnorecursedirs = x\n"}, GOOD, ("-c", "/dev/null")),
        ({}, WITH_CACHE, ("-p", "cacheprovider", "-o", "cache_dir=/tmp/pytest-cache")),
        ({"setup.cfg": "[pytest]\nx = y\n"}, HOOKED, ("-c", "/dev/null", "--assert=plain")),
    ],
)
def test_what_a_newer_pytest_refuses_is_put_another_way(prove, settings, test, arguments):
    fix = {"tiny/a.py": "def f(): return 2\n", "tests/test_a.py": test}
    found = prove({**start(), **settings}, fix)
    assert found.problem == ""
    assert found.record.pytest_arguments == arguments
    assert found.record.FAIL_TO_PASS == ("tests/test_a.py::test_f",)


NEIGHBOURS = """
SEEN = []
def test_z_first(): SEEN.append(f()); assert f() == 2
def test_a_second(): assert SEEN == [2]
def test_needs_all(request): assert len(request.session.items) > 4 and f() == 2
"""


def test_tests_are_repeated_in_their_order_and_with_their_neighbours_where_they_need_them(prove):
    fix = {"tiny/a.py": "def f(): return 2\n", "tests/test_a.py": GOOD + NEIGHBOURS}
    found = prove(start(), fix)
    assert found.problem == ""
    assert found.record.flaky == ()
    assert len(found.record.FAIL_TO_PASS) == 4


def test_a_test_that_was_flaky_once_stays_nowhere():
    record = InstanceRecord(
        instance_id="a", base_commit="", gold_commit="", environment="", statement_source="",
        created_at=datetime(2024, 1, 1, tzinfo=UTC), gold_files=(), test_files=(),
        PASS_TO_PASS=("t::a", "t::b"), FAIL_TO_PASS=("t::c",), flaky=("t::d",),
    )  # fmt: skip
    other = replace(record, flaky=("t::a", "t::c"), PASS_TO_PASS=("t::d",))
    untouched = replace(record, flaky=(), PASS_TO_PASS=("t::x",))
    found = without_flaky([record, other, untouched])
    assert [r.PASS_TO_PASS for r in found] == [("t::b",), (), ("t::x",)]
    assert [r.flaky for r in found] == [("t::a", "t::d"), ("t::a", "t::c", "t::d"), ()]
    assert {r.FAIL_TO_PASS for r in found} == {("t::c",)}, "those were repeated"


def test_few_tests_that_stay_are_kept_by_a_seed_and_only_the_fix_is_repeated(tmp_path, local):
    counter = tmp_path / "counter"
    many = (
        f"import pytest\n@pytest.mark.parametrize('n', range({MOST_KEPT + 20}))\n"
        f"def test_many(n): open({str(counter)!r}, 'a').write(f'{{n}} ')\n"
    )
    commit(tmp_path / "clone", start())
    commit(tmp_path / "clone", {"tiny/a.py": "def f(): return 2\n", "tests/test_a.py": GOOD + many})
    tiny = Tiny(tmp_path, local)
    proofs = []
    for _ in range(2):
        counter.write_text("")
        record = tiny.mined.records[0]
        proofs.append(validate(record, tiny.instance(), tiny.grader, tiny.open).record)
        runs = Counter(Counter(counter.read_text().split()).values())
        assert runs == {2: MOST_KEPT + 20}, "with gold and without it"
    assert proofs[0] == proofs[1]
    assert len(proofs[0].PASS_TO_PASS) == MOST_KEPT
    assert proofs[0].FAIL_TO_PASS == ("tests/test_a.py::test_f",)


def test_tests_with_odd_names_are_repeated_by_name(prove, count):
    source, imports = count
    odd = "import pytest\n@pytest.mark.parametrize('s', [\"it's\", 'a b', '$(x)', '[::]', 'é'])\n"
    test = source + GOOD + odd + "def test_s(s): assert f() == 2\n"
    found = prove(start(), {"tiny/a.py": "def f(): return 2\n", "tests/test_a.py": test})
    assert found.problem == ""
    assert len(found.record.FAIL_TO_PASS) == 6
    assert found.record.flaky == ()
    assert imports() == 3, "with gold, without, and once for two more runs with it"


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


def test_a_smaller_call_never_shrinks_what_is_there(codebase):
    instances, lines = run(codebase)
    assert len(instances) == 2
    for fewer in (["--limit", "1"], ["--sample", "1"], ["--since", "2024-01-04"]):
        assert run(codebase, *fewer) == (instances, lines)


def test_a_day_after_the_last_candidate_is_refused(codebase):
    given = [str(codebase), "--since", "2030-01-01"]
    with pytest.raises(UsageError) as raised:
        CliRunner().invoke(command, given, catch_exceptions=False)
    assert raised.value.hint == "The last is of 2024-01-04."
