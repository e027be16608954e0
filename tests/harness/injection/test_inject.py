"""Drawing bugs: preferences that hold while code grows, and sequences that come out the same."""

import sys
from collections import Counter
from random import Random

import pytest

from harness.codebases import demo
from harness.grading.hidden_tests import SHOWN, is_shown
from harness.history.git import Clone
from harness.injection.coverage import Coverage
from harness.injection.inject import Injector, Rules
from harness.injection.operators import HARD, mutations
from harness.injection.select import Preference
from harness.injection.workbench import Seen
from seqswe.cli import main
from seqswe.manifests import manifest_files as manifests

KNOWN = {f"m{i}.py": [f"m{i}.py::f{j}" for j in range(6)] for i in range(8)}
ALL = {f for functions in KNOWN.values() for f in functions}


def drawn(zipf, open_=ALL, count=400):
    preference = Preference(seed=1, zipf=zipf)
    return Counter(preference.function(KNOWN, open_, Random(n)) for n in range(count))


def test_a_larger_exponent_means_more_recurrence():
    assert drawn(0).most_common(1)[0][1] < 40 < 100 < drawn(1.5).most_common(1)[0][1]


def test_what_is_not_open_is_not_drawn():
    hot = drawn(1.5).most_common(1)[0][0]
    assert hot not in drawn(1.5, ALL - {hot})


def test_ranks_hold_while_code_grows():
    preference = Preference(seed=1, zipf=1.5)
    names = [f"f{n}" for n in range(9)]
    few, many = (
        dict(zip(n, preference.weights("function", n, 1.0), strict=True))
        for n in (names[:5], names)
    )
    assert sorted(names[:5], key=few.get) == sorted(names[:5], key=many.get)


def test_bugs_that_nobody_repairs_are_rare():
    source = "def f(a, b):\n    if a:\n        return b\n    return [a + 1, a < b, min(a, b)]\n"
    found = mutations(source)
    preference = Preference(seed=0, zipf=0.0)
    kinds = Counter(preference.mutation(found, Random(n)).operator for n in range(400))
    assert 0 < sum(kinds[name] for name in HARD) < 60


def test_a_test_is_either_shown_or_grades():
    tests = [f"tests/test_a.py::test_{n}" for n in range(500)]
    shown = sum(is_shown(0, test) for test in tests)
    assert abs(shown / 500 - SHOWN) < 0.1
    assert all(is_shown(0, t) == is_shown(0, f"{t}[1-x]") for t in tests)


def test_a_suite_that_hangs_leaves_what_was_known_of_it_and_is_said(tmp_path):
    class Hanging:
        def run(self, files, *, calls):
            return Seen(problem="it hangs")

    injector = Injector(
        manifest=manifests.load("ledgerlite"),
        clone=Clone(demo.build(tmp_path / "demo")),
        rules=Rules(tasks=1, seed=0, zipf=1.5),
        open_workbench=None,
        prove=None,
        environment=str,
    )
    injector._coverage = known = Coverage(tests={"a.py::f": ["tests/test_a.py::test_f"]})
    injector._measure(Hanging(), demo.expected_head(), 0)
    assert injector._coverage is known
    assert [r for r in injector.rejected if "it hangs" in r and demo.expected_head()[:12] in r]


def injected(codebase, out, *options):
    with pytest.raises(SystemExit) as ended:
        main(["inject", str(codebase), "--sandbox", "local", *options, "--out", str(out)])
    assert not ended.value.code
    return (out / "instances.jsonl").read_bytes() + (out / "manifest.toml").read_bytes()


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="ledgerlite runs on 3.11")
def test_the_same_seed_gives_the_same_sequence_and_so_do_its_facts(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SEQSWE_CACHE", str(tmp_path / "cache"))
    rules = ["--tasks", "2", "--seed", "5", "--tests", "tests/test_dates.py"]  # a quick one
    first = injected("ledgerlite", tmp_path / "a" / "injected", *rules)
    made = manifests.load(str(tmp_path / "a" / "injected"))
    assert made.synthetic is not None
    assert made.synthetic.seed == 5
    assert [bool(r.FAIL_TO_PASS) for r in made.instances] == [True, True]
    facts = tmp_path / "facts" / "injected"
    assert injected("ledgerlite", facts, *rules, "--facts-only") != first
    said = [record.bug["failure"].splitlines()[0] for record in made.instances]
    assert all(said)
    assert not any(text in (facts / "instances.jsonl").read_text() for text in said)
    run = ["run", "--codebase", str(facts), "--agent", "noop", "--sandbox", "local"]
    with pytest.raises(SystemExit):
        main([*run, "--out", str(tmp_path / "run")])
    assert "seqswe inject injected" in capsys.readouterr().err
    assert injected(facts, tmp_path / "again" / "injected") == first
    with pytest.raises(SystemExit):
        main(["inject", str(facts), "--seed", "6", "--out", str(tmp_path / "other")])
    assert "--seed does not go with" in capsys.readouterr().err


def test_tests_that_are_nowhere_are_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SEQSWE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(SystemExit) as ended:
        main(["inject", "ledgerlite", "--tests", "test/typo.py", "--out", str(tmp_path / "out")])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "no commit of ledgerlite has such tests" in said
    assert "See --tests" in said
