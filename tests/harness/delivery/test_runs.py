"""Whole runs: what the journal tells of a delivery, and that arms differ in the memory alone."""

import json

import pytest

from seqswe.cli import main

RUN = (
    "memory search cents >> ~/said; "
    'test "$SEQSWE_POSITION" = 0 && memory write shares of $SEQSWE_INSTANCE_ID lose cents; '
    'echo "{\\"message\\": \\"$(memory search lose cents 2>&1 | tail -1)\\"}"'
    " > $SEQSWE_RESULT_FILE"
)
GIVEN = ("--agent", "command", "--memory", "episodic", "--feedback", "none")


def rollouts(ended):
    assert ended.code == 0, ended.err
    return {(r.arm, r.position): r for r in ended.store.journal().rollouts}


def said(ended, rollout):
    folder = ended.store.folder(rollout.arm, 0, rollout.position, rollout.instance_id)
    return json.loads((folder / "trajectory.json").read_text())["steps"][-1]["message"]


def test_a_note_is_found_by_the_next_task_of_a_chain_and_by_nobody_else(run, call):
    option = f"run={RUN}"
    arms = ("iid", "sequential", "nomem")
    ended = run(*GIVEN, "--delivery", "folder", "--agent-option", option, limit=2, arms=arms)
    found = rollouts(ended)
    first, second = found["sequential", 0], found["sequential", 1]
    assert first.delivered.way == "folder"
    assert first.delivered.used == {"search": 2, "read": 0, "write": 1}
    assert second.delivered.used == {"search": 2, "read": 0, "write": 0}
    assert first.delivered.written_bytes > 0
    assert second.delivered.bytes == second.recalled_bytes > 0
    assert f"shares of {first.instance_id} lose cents" in said(ended, second)
    assert found["iid", 0].delivered == first.delivered, "the same tool in both arms"
    assert said(ended, found["iid", 1]) == "The memory is empty."
    for position in range(2):
        assert found["nomem", position].delivered is None
        assert "not found" in said(ended, found["nomem", position]), "the tool is absent"

    again = call("resume", ended.store.root)
    assert again.code == 0
    assert again.store.journal().results_digest() == ended.store.journal().results_digest()


def test_an_agent_that_reads_its_prompt_alone_is_refused_before_anything_is_made(capsys, tmp_path):
    out = tmp_path / "x"
    with pytest.raises(SystemExit) as caught:
        main(["run", "--out", str(out), "--agent", "localizer", "--delivery", "folder"])
    assert caught.value.code == 2
    assert "does not look for its memory by --delivery folder" in capsys.readouterr().err
    assert not out.exists()
