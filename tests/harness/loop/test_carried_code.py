"""Code policy `carry` end to end: what the journal says, and that every command agrees with it."""

import json

import pytest

from seqswe.analysis import analyse
from seqswe.cli import main

OWN = """diff --git a/ledgerlite/{name}.py b/ledgerlite/{name}.py
new file mode 100644
--- /dev/null
+++ b/ledgerlite/{name}.py
@@ -0,0 +1 @@
+MINE = True
"""
CARRY = ("--memory", "none", "--code-policy", "carry")


@pytest.fixture(scope="module")
def gold(tmp_path_factory):
    """The gold patches of the first tasks, by instance id, as a run collected them."""
    out = tmp_path_factory.mktemp("gold") / "run"
    words = ("--agent", "gold", "--memory", "none", "--arm", "sequential", "--seeds", "1")
    with pytest.raises(SystemExit) as ended:
        main(["run", *words, "--limit", "6", "--sandbox", "local", "--out", str(out)])
    assert ended.value.code == 0
    lines = map(json.loads, (out / "rollouts.jsonl").read_text().splitlines())
    ids = [line["instance_id"] for line in sorted(lines, key=lambda line: line["position"])]
    return {
        name: (out / "rollouts" / "sequential-0" / f"{n:04d}-{name}" / "patch.diff").read_text()
        for n, name in enumerate(ids)
    }


@pytest.fixture
def predicted(gold, tmp_path):
    """Flags of an agent that does what gold does, and more: `predicted({0: "a"})` adds a file."""

    def write(more, only=None):
        patches = {
            name: patch + (OWN.format(name=more[n]) if n in more else "")
            for n, (name, patch) in enumerate(gold.items())
            if only is None or n in only
        }
        path = tmp_path / "preds.json"
        path.write_text(json.dumps({n: {"model_patch": p} for n, p in patches.items()}))
        return ("--agent", "predictions", "--agent-option", f"path={path}", *CARRY)

    return write


def journal(ended):
    return ended.store.journal().rollouts


def test_accepted_patches_stay_for_later_tasks_and_are_no_part_of_theirs(run, predicted, gold):
    names = list(gold)
    # The third is not solved: gold's fix is what later tasks find.
    ended = run(*predicted({0: "own0", 1: "own1"}, only=(0, 1, 3)), limit=4)
    assert ended.code == 0, ended.err
    rollouts = journal(ended)
    assert [r.resolved for r in rollouts] == [True, True, False, True]
    assert [r.carried for r in rollouts] == [
        (), (names[0],), (names[0], names[1]), (names[0], names[1]),
    ]  # fmt: skip
    assert [bool(r.code_before) for r in rollouts] == [False, True, True, True]
    assert len({r.code_before for r in rollouts}) == 4
    assert all(r.audit.endswith("0 extra, 0 missing") for r in rollouts)
    last = ended.store.folder("sequential", 0, 3, names[3])
    assert "own" not in (last / "patch.diff").read_text()
    assert (last / "patch.diff").read_text() == gold[names[3]]
    (sentence,) = (w for w in analyse([ended.store]).warnings if w.startswith("CODE CARRIED"))
    assert "3 tasks started from the agent's own accepted patches" in sentence
    assert "of 3 accepted, 0 were dropped" in sentence


def test_a_conflict_with_golds_history_is_counted_and_told(run, predicted, gold):
    """The first task's patch brings a file that gold adds later, with other content."""
    names = list(gold)
    later, path = next(
        (n, line.split(" b/ledgerlite/")[1].removesuffix(".py"))
        for n, patch in enumerate(gold.values())
        for line, after in zip(patch.splitlines(), patch.splitlines()[1:], strict=False)
        if n and line.startswith("diff --git a/ledgerlite/") and after.startswith("new file")
    )
    ended = run(*predicted({0: path}, only=(0, 1, 2, 3, 4, 5)), limit=6)
    assert ended.code == 0, ended.err
    rollouts = journal(ended)
    told = [r.position for r in rollouts if r.carry_conflicts]
    assert told == [later + 1]
    assert rollouts[later + 1].carry_conflicts == (names[0],)
    assert all(names[0] not in r.carried for r in rollouts[later + 1 :])
    assert all(names[0] in r.carried for r in rollouts[1 : later + 1])
    (sentence,) = (w for w in analyse([ended.store]).warnings if w.startswith("CODE CARRIED"))
    assert f"the first {names[0]} at {names[later + 1]}" in sentence


def test_gold_carried_is_golds_own_history(run, call, tmp_path):
    carried = run("--agent", "gold", *CARRY, limit=4)
    plain = call("run", tmp_path / "plain", "--agent", "gold", "--memory", "none",
                 "--arm", "sequential", "--seeds", "1", "--limit", "4")  # fmt: skip
    assert [(r.resolved, r.patch_digest, r.code_before) for r in journal(carried)] == [
        (r.resolved, r.patch_digest, "") for r in journal(plain)
    ]
    assert [len(r.carried) for r in journal(carried)] == [0, 1, 2, 3]


def test_a_run_that_goes_on_carries_the_same_and_every_command_makes_it_again(
    run, call, predicted, tmp_path
):
    flags = predicted({0: "own0", 1: "own1"})
    ended = run(*flags, limit=2)
    ended = call("resume", ended.store.root, "--limit", "4")
    assert ended.code == 0
    whole = call("run", tmp_path / "whole", *flags, "--arm", "sequential", "--seeds", "1",
                 "--limit", "4")  # fmt: skip
    again = ended.store.journal()
    assert again.results_digest() == whole.store.journal().results_digest()
    for words in (
        ("grade", str(ended.store.root)),
        ("replay", str(ended.store.root), "--task", "4", "--memory-from", "before"),
    ):
        with pytest.raises(SystemExit) as left:
            main(list(words))
        assert left.value.code == 0, words


def test_arms_without_a_chain_carry_nothing(run, predicted):
    ended = run(*predicted({0: "own0"}), limit=2, arms=("iid", "sequential"))
    by_arm = {(r.arm, r.position): r.carried for r in journal(ended)}
    assert [len(by_arm[arm, 1]) for arm in ("iid", "sequential")] == [0, 1]


def test_a_setting_at_its_default_leaves_results_as_they_were(run):
    (rollout,) = journal(run("--agent", "noop", "--memory", "none", limit=1))
    assert not {"code_before", "carried", "carry_conflicts"} & rollout.result().keys()
