"""The run directory: what is committed stays, what is damaged is refused, what is foreign too."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from seqswe.agent import Usage
from seqswe.errors import RunDirError, UsageError
from seqswe.experiment import Experiment
from seqswe.models.meter import MemoryUsage
from seqswe.runs.folders import total_bytes
from seqswe.runs.rollout import Delivered, Failure, Rollout
from seqswe.runs.store import RunDirectory, RunInfo, dump
from tests.seqswe.conftest import failed, rollout

INFO = RunInfo(
    experiment=Experiment(arm=("iid", "sequential"), agent_option=("k=1",), cpus=0.5),
    instance_ids=("task-0", "task-1", "task-2"),
    sequence_digest="sha256:1",
    environments={"env": "sha256:2"},
)


@pytest.fixture
def run(tmp_path):
    return RunDirectory.create(tmp_path / "run", INFO)


def journal_of(run):
    return RunDirectory.open(run.root).journal()


def test_run_toml_says_what_was_put_in(run):
    assert RunDirectory.open(run.root).info == INFO


def test_a_new_run_has_an_empty_journal(run):
    assert journal_of(run).rollouts == ()
    assert not run.repair()


def test_what_is_appended_is_read_back(run):
    made = [
        rollout("iid", 0, 0, timing={"agent": 1.5}, ranking=("a.py", "b.py"), resolved=True),
        rollout("iid", 1, 0, recalled_from=("task-0",), failure=Failure(cause="agent_crashed")),
        failed(rollout("sequential", 0, 1)),
    ]
    for each in made:
        run.append(each)
    assert journal_of(run).rollouts == tuple(made)


def test_names_that_are_no_text_do_not_spoil_the_journal(run):
    odd = b"caf\xe9.py".decode("utf-8", "surrogateescape")
    made = rollout(edited_files=(odd, "é.py", "\ud800"))
    run.append(made)
    assert journal_of(run).rollouts == (made,)
    assert "é.py" in (run.root / "rollouts.jsonl").read_text(encoding="utf-8")


def test_the_last_entry_of_a_rollout_counts(run):
    run.append(failed(rollout()))
    run.append(rollout(resolved=True))
    assert [r.resolved for r in journal_of(run).rollouts] == [True]


@pytest.mark.parametrize("left", [1, 20, -1])
def test_a_half_written_last_line_is_dropped_and_repaired(run, left):
    run.append(rollout("iid", 0, 0))
    path = run.root / "rollouts.jsonl"
    whole = path.read_bytes()
    run.append(rollout("iid", 0, 1))
    path.write_bytes(whole + path.read_bytes()[len(whole) :][:left])
    journal = journal_of(run)
    assert journal.truncated
    assert [r.position for r in journal.rollouts] == [0]
    assert run.repair()
    assert path.read_bytes() == whole
    assert not run.repair()
    assert not journal_of(run).truncated
    run.append(rollout("iid", 0, 1))
    assert [r.position for r in journal_of(run).rollouts] == [0, 1]


def test_a_half_written_first_line_is_repaired_too(run):
    (run.root / "rollouts.jsonl").write_bytes(b'{"arm": "i')
    assert run.repair()
    assert (run.root / "rollouts.jsonl").read_bytes() == b""


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b"3", b'"x"', b"null", b"{}", b"\xff\xfe", b"\x00" * 40,
     json.dumps({**rollout().as_json(), "colour": "red"}).encode(),
     json.dumps({**rollout().as_json(), "usage": None}).encode(),
     json.dumps({**rollout().as_json(), "failure": "x"}).encode(),
     json.dumps({**rollout().as_json(), "position": "x"}).encode(),
     json.dumps({**rollout().as_json(), "position": 1}).encode(),
     json.dumps({**rollout().as_json(), "position": -3}).encode(),
     json.dumps({**rollout().as_json(), "position": 10**12}).encode(),
     json.dumps({**rollout().as_json(), "resolved": True}).encode(),
     *(json.dumps(replace(rollout(), **odd).as_json()).encode() for odd in (
         {"position": 1}, {"position": -3}, {"position": 10**12}, {"seed": -1}, {"seed": 3},
         {"arm": "no-such-arm"}, {"arm": "nomem"}, {"instance_id": "of-another-codebase"},
         {"usage": Usage(steps=-1)}, {"usage": Usage(prompt_tokens=-5)}, {"broken": -1},
         {"usage": Usage(cost_usd=float("nan"))}, {"usage": Usage(cost_usd=float("inf"))},
         {"usage": Usage(executions=10**16)}, {"recalled_bytes": -1}, {"memory_bytes": -1},
         {"memory_usage": MemoryUsage(calls=-1)}, {"delivered": Delivered(way="file", bytes=-1)},
     )),
     json.dumps({**rollout().as_json(), "timing": {"agent": float("nan")}}).encode(),
     json.dumps({**rollout().as_json(), "seed": -1}).encode(),
     json.dumps({**rollout().as_json(), "instance_id": "of-another-codebase"}).encode(),
     json.dumps({k: v for k, v in rollout().as_json().items() if k != "key"}).encode()],
)  # fmt: skip
def test_damage_anywhere_else_is_refused(run, line):
    run.append(rollout("iid", 0, 0))
    path = run.root / "rollouts.jsonl"
    path.write_bytes(path.read_bytes() + line + b"\n")
    run.append(rollout("iid", 0, 1))
    with pytest.raises(RunDirError, match="line 2 is damaged") as caught:
        journal_of(run)
    assert "\n" not in caught.value.message
    assert "only the last line may be incomplete" in caught.value.hint


HOLD = """
import sys
from pathlib import Path
from seqswe.runs.store import RunDirectory
with RunDirectory.open(Path(sys.argv[1])).locked():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_run_in_use_by_another_process_is_refused(run):
    command = [sys.executable, "-c", HOLD, str(run.root)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(RunDirError, match="is in use by another process"), run.locked():
            pass
        other.kill()
    with run.locked():  # the lock died with its holder
        pass


def test_a_lock_is_given_back(run):
    held = 0
    for _ in range(2):
        with run.locked():
            held += 1
    assert held == 2


def test_an_existing_run_is_not_overwritten(run):
    with pytest.raises(RunDirError, match="already holds a run") as caught:
        RunDirectory.create(run.root, INFO)
    assert f"seqswe resume {run.root}" in caught.value.hint


def test_a_foreign_folder_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(RunDirError, match="is not empty and not a run directory"):
        RunDirectory.create(tmp_path, INFO)
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def test_an_empty_folder_may_become_a_run(tmp_path):
    assert RunDirectory.create(tmp_path, INFO).root == tmp_path


@pytest.mark.parametrize("out", ["file", "file/run", "file/deep/run"])
def test_a_file_in_the_way_is_said_before_anything_is_made(tmp_path, out):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunDirError) as caught:
        RunDirectory.check_new(tmp_path / out)
    assert caught.value.hint
    with pytest.raises(RunDirError):
        RunDirectory.create(tmp_path / out, INFO)
    assert (tmp_path / "file").read_text() == "x"


def test_a_folder_without_run_toml_is_no_run(tmp_path):
    with pytest.raises(RunDirError, match=r"is not a run directory \(no run\.toml\)"):
        RunDirectory.open(tmp_path)


def test_a_file_is_no_run(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunDirError):
        RunDirectory.open(tmp_path / "file")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("format = ", "not TOML"),
        ("", r"made by SeqSWE \? \(format None\)"),
        (
            'format = 1\nseqswe = "0.1.0"',
            r"by SeqSWE 0.1.0 \(format 1\); this is .* \(format 2",
        ),
    ],
)
def test_a_damaged_run_toml_is_refused(run, text, said):
    (run.root / "run.toml").write_text(text)
    with pytest.raises(RunDirError, match=said):
        RunDirectory.open(run.root)


def test_a_run_toml_with_a_field_missing_is_refused(run):
    (run.root / "run.toml").write_text("format = 2")
    with pytest.raises(UsageError, match=r"run\.toml: field 'experiment' is missing"):
        RunDirectory.open(run.root)


def test_settings_that_differ_are_refused_with_both_values(run):
    other = replace(INFO.experiment, memory="chroma", jobs=7)
    with pytest.raises(RunDirError, match="memory: 'episodic' → 'chroma'") as caught:
        run.check_same(other)
    assert "jobs" not in caught.value.message


def test_settings_that_change_no_result_may_differ(run):
    run.check_same(replace(INFO.experiment, jobs=7, retries=9, mirror="/x", issues="y"))


def test_other_instances_are_refused(run):
    run.check_sequence("sha256:1")
    with pytest.raises(RunDirError, match="other instances of ledgerlite"):
        run.check_sequence("sha256:9")


MADE = [rollout("iid", seed, position) for seed in (0, 1) for position in range(3)]


def digest_after(tmp_path, name, rollouts):
    run = RunDirectory.create(tmp_path / name, INFO)
    for each in rollouts:
        run.append(each)
    return run.journal().results_digest()


def test_the_results_digest_knows_no_order_and_no_clock(tmp_path):
    later = [replace(r, timing={"agent": 9.0}, started_at="2030-01-01") for r in MADE]
    first = digest_after(tmp_path, "first", MADE)
    assert digest_after(tmp_path, "backwards", MADE[::-1]) == first
    assert digest_after(tmp_path, "later", later) == first


def test_the_results_digest_skips_what_has_no_verdict(tmp_path):
    first = digest_after(tmp_path, "first", MADE)
    assert digest_after(tmp_path, "retried", [failed(MADE[0]), *MADE]) == first
    assert digest_after(tmp_path, "fewer", MADE[1:]) != first


@pytest.mark.parametrize(
    "change",
    [{"resolved": True}, {"ranking": ("x.py",)}, {"patch_digest": "p"}, {"memory_after": "m"},
     {"key": "other"}, {"audit": "1 objects"}, {"failure": Failure(cause="agent_crashed")}],
)  # fmt: skip
def test_the_results_digest_sees_every_result(tmp_path, change):
    first = digest_after(tmp_path, "first", MADE)
    assert digest_after(tmp_path, "other", [replace(MADE[0], **change), *MADE[1:]]) != first


def test_a_confidence_is_a_result_and_none_leaves_older_digests_as_they_were():
    silent = rollout()
    assert "confidence" not in silent.result()
    stated = replace(silent, confidence=0.0)
    assert stated.result()["confidence"] == 0.0
    assert Rollout.from_json(stated.as_json()) == stated


def test_how_a_failure_is_worded_is_no_result():
    crashes = [
        rollout(failure=Failure(cause="agent_crashed", detail=f"/tmp/{name}")) for name in "ab"
    ]
    assert crashes[0].result() == crashes[1].result()


def test_files_of_an_earlier_try_are_replaced(run):
    folder = run.folder("iid", 0, 7, "task-7")
    assert folder == run.root / "rollouts" / "iid-0" / "0007-task-7"
    run.write(folder, {"patch.diff": "first", "test.log": b"\xff"})
    run.write(folder, {"patch.diff": "caf\udce9"})
    assert (folder / "patch.diff").read_bytes() == b"caf\xe9"
    assert (folder / "test.log").read_bytes() == b"\xff"


def test_dumped_json_is_always_utf_8():
    assert json.loads(dump({"a": "é\udce9\ud800"}).encode("utf-8")) == {"a": "é\udce9\ud800"}


def test_hard_links_count_once(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    assert total_bytes([tmp_path]) == 5
