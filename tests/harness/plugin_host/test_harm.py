"""Whatever a plug-in does to its process, the run goes on, and says what happened.

The command line runs in a process of its own: an older one would not survive.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.plugin_host.hostile import HARM, RECALLS

HERE = "tests.harness.plugin_host.hostile:"
ROOT = Path(__file__).parents[3]
SECONDS = ("--task-seconds", "2", "--retries", "0", "--jobs", "1")
ENDED = "its process ended by itself with exit code"
LATE = "took longer than 2 s"
SAYS = {
    "os._exit": ENDED,
    "sys.exit": "SystemExit",
    "KeyboardInterrupt": "KeyboardInterrupt",
    "BaseException": "Unexpected: from the plug-in",
    "segmentation fault": "died of SIGSEGV",
    "SIGTERM": "died of SIGTERM",
    "hang": LATE,
    "spin": LATE,
    "ignores signals and hangs": LATE,
    "closes every file": "its process",
    "endless recursion": "RecursionError",
    "kills its parent": "PermissionError",
    "a signal without a name": "died of signal 40",
    "asks in no words": LATE,
    "asks with nothing": LATE,
    "blames the run": "E: m",
    "blames nobody": "E: m",
    "has much to say": "mmm",
}
"""What a failure says of each harm."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How `seqswe` ended: its exit code, None if it never did, what it said, its journal."""

    code: int | None
    err: str
    journal: list
    out: Path

    def causes(self, arm):
        return [(r["failure"] or {}).get("cause", "") for r in self.journal if r["arm"] == arm]

    def details(self):
        return [r["failure"]["detail"] for r in self.journal if r["failure"]]


@pytest.fixture
def seqswe(tmp_path):
    """`seqswe("run", "--agent", ...)`, with one seed in a local sandbox."""
    out = tmp_path / "run"

    def call(command, *given, arm=("sequential",), limit=1):
        chosen = [word for name in arm for word in ("--arm", name)]
        new = [*chosen, "--seeds", "1", "--limit", str(limit), "--sandbox", "local", "--out", out]
        arguments = [*given, *new] if command == "run" else [out, *given]
        words = [sys.executable, "-m", "seqswe", command, *map(str, arguments)]
        try:
            done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)
            code, err = done.returncode, done.stderr
        except subprocess.TimeoutExpired:
            code, err = None, ""
        journal = out / "rollouts.jsonl"
        lines = journal.read_text().splitlines() if journal.exists() else []
        return Ran(code=code, err=err, journal=[json.loads(line) for line in lines], out=out)

    return call


def memory(name, **options):
    """The flags of a memory of `hostile.py`."""
    chosen = [f"{key}={value}" for key, value in options.items()]
    return ("--memory", HERE + name, *(w for o in chosen for w in ("--memory-option", o)))


def agent(name, **options):
    """The flags of an agent of `hostile.py`, without a memory."""
    chosen = [f"{key}={value}" for key, value in options.items()]
    given = (w for o in chosen for w in ("--agent-option", o))
    return ("--agent", HERE + name, *given, "--memory", "none")


@pytest.mark.parametrize("harm", HARM)
def test_a_memory_that_harms_its_process_fails_its_rollouts_and_no_others(seqswe, harm):
    harmful = memory("HarmfulMemory", harm=harm, where="recall")
    ran = seqswe("run", "--agent", "noop", *harmful, *SECONDS, arm=("iid", "nomem"))
    assert (ran.causes("iid"), ran.causes("nomem")) == (["memory_failed"], [""])
    assert [SAYS[harm] in detail for detail in ran.details()] == [True]
    assert ran.code == 5


@pytest.mark.parametrize("where", ["record", "save"])
@pytest.mark.parametrize("harm", ["os._exit", "BaseException", "hang"])
def test_every_method_of_a_memory_is_bounded(seqswe, harm, where):
    harmful = memory("HarmfulMemory", harm=harm, where=where)
    ran = seqswe("run", "--agent", "noop", *harmful, *SECONDS, "--plugin-seconds", "2")
    assert ran.causes("sequential") == ["memory_failed"]
    assert SAYS[harm] in ran.details()[0]


@pytest.mark.parametrize("harm", ["os._exit", "KeyboardInterrupt", "segmentation fault", "hang"])
def test_a_memory_that_cannot_be_built_is_said_before_anything_runs(seqswe, harm):
    harmful = memory("HarmfulMemory", harm=harm, where="build")
    ran = seqswe("run", "--agent", "noop", *harmful, "--plugin-seconds", "2")
    assert ran.code == 2
    assert "cannot be built: " in ran.err.splitlines()[-2]
    assert not ran.out.exists()


@pytest.mark.parametrize("harm", HARM)
def test_an_agent_that_harms_its_process_is_graded_for_what_it_left(seqswe, harm):
    ran = seqswe("run", *agent("HarmfulAgent", harm=harm), *SECONDS)
    late = SAYS[harm] == LATE or harm == "has much to say"
    assert ran.causes("sequential") == ["agent_out_of_budget" if late else "agent_crashed"]
    assert SAYS[harm] in ran.details()[0]
    assert ran.journal[0]["edited_files"] == ["half.py"]
    assert ran.journal[0]["resolved"] is False


@pytest.mark.parametrize("what", RECALLS)
def test_a_recall_that_nobody_can_use_fails_its_rollout(seqswe, what):
    ran = seqswe("run", "--agent", "noop", *memory("OddMemory", what=what), "--retries", "0")
    assert ran.causes("sequential") == ["memory_failed"]
    assert ran.code == 5
    assert max(map(len, ran.err.splitlines()[-2:])) <= 310


@pytest.mark.parametrize("what", ["link", "folder link", "pipe"])
def test_a_memory_saves_files_and_nothing_that_leads_elsewhere(seqswe, tmp_path, what):
    secret = tmp_path / "folder" / "secret"
    secret.parent.mkdir()
    secret.write_text("of the user")
    linking = memory("LinkingMemory", what=what, target=secret)
    ran = seqswe("run", "--agent", "noop", *linking, *SECONDS, "--plugin-seconds", "5")
    assert ran.causes("sequential") == ["memory_failed"]
    assert "is neither a file nor a folder" in ran.details()[0]


def test_the_journal_cannot_be_written(seqswe, tmp_path):
    writer = agent("Writer", target=tmp_path / "run")
    ran = seqswe("run", *writer, limit=3)
    assert [r["ranking"] for r in ran.journal] == [[]] * 3
    # Named by an option when the run is there, it may be read, but still not written.
    journal = ran.out / "rollouts.jsonl"
    journal.write_text(journal.read_text().splitlines(keepends=True)[0])
    again = seqswe("resume")
    assert again.code == 0, again.err
    assert [r["ranking"] for r in again.journal] == [[]] * 3


def test_gold_keys_and_the_run_are_out_of_reach(seqswe, tmp_path, monkeypatch):
    monkeypatch.setenv("SEQSWE_TESTS_KEY", "secret")
    ran = seqswe("run", *agent("Reader", target=tmp_path / "run"), limit=3)
    assert [r["ranking"] for r in ran.journal] == [[]] * 3


def test_gold_is_given_to_an_agent_that_declares_it(seqswe):
    ran = seqswe("run", *agent("ReadsGold"), limit=2)
    assert [r["ranking"] for r in ran.journal] == [r["gold_files"] for r in ran.journal]


def test_a_variable_that_a_setting_names_is_given(seqswe, monkeypatch):
    monkeypatch.setenv("SEQSWE_TESTS_KEY", "secret")
    reader = agent("Reader", target="/nowhere")
    ran = seqswe("run", *reader, "--plugin-env", "SEQSWE_TESTS_KEY")
    assert ran.journal[0]["ranking"] == ["variable SEQSWE_TESTS_KEY"]
    assert "secret" not in (ran.out / "run.toml").read_text()


def test_the_trace_of_what_went_wrong_reaches_the_author(seqswe):
    harmful = memory("HarmfulMemory", harm="BaseException", where="recall")
    ran = seqswe("run", "--agent", "noop", *harmful, *SECONDS)
    traces = [path.read_text() for path in ran.out.rglob("plugin_error.txt")]
    assert ['raise Unexpected("from the plug-in")' in trace for trace in traces] == [True]
    assert ran.details() == ["Unexpected: from the plug-in"]
