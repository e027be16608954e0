"""`run --baseline`: another memory's iid arm, where empty memories recall the same."""

import pytest

from seqswe.cli import main


@pytest.fixture
def lender(run):
    ended = run("--agent", "noop", arms=("iid",), limit=2, into="lender")
    assert ended.code == 0, ended.err
    return str(ended.store.root)


def test_a_run_borrows_the_arm_and_is_added_to(run, call, lender):
    given = ("--agent", "noop", "--memory", "recency", "--baseline", lender)
    ended = run(*given, arms=("iid", "sequential"), limit=2)
    assert ended.code == 0, ended.err
    assert {r.arm for r in ended.store.journal().rollouts} == {"sequential"}
    seen = ended.store.info.empty_recalls
    assert seen
    more = call("resume", ended.store.root, "--seeds", "2")
    assert (more.code, more.store.info.empty_recalls) == (0, seen)
    assert {r.seed for r in more.store.journal().rollouts} == {0, 1}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--memory", "git_history"), "recall different things when they are empty"),
        (("--feedback", "none"), "differ in feedback"),
        (("--limit", "1"), "differ in sequence"),
    ],
)
def test_what_is_not_the_same_is_refused_before_anything_is_written(
    lender, tmp_path, capsys, given, said
):
    out = tmp_path / "mine"
    words = ("run", "--agent", "noop", "--arm", "sequential", "--seeds", "1", "--limit", "2")
    with pytest.raises(SystemExit) as ended:
        main([*words, "--sandbox", "local", "--out", str(out), "--baseline", lender, *given])
    lines = [x for x in capsys.readouterr().err.splitlines() if x.startswith(("error", "hint"))]
    assert (ended.value.code, len(lines)) == (2, 2)
    assert said in lines[0]
    assert not out.exists()


def test_a_run_of_the_iid_arm_alone_borrows_none(lender, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["run", "--arm", "iid", "--baseline", lender, "--sandbox", "local"])
    assert ended.value.code == 2
    assert "no other is asked for" in capsys.readouterr().err
