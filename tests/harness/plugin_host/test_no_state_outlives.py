"""Nothing that a memory or an agent leaves anywhere is met by another task's, without a memory."""

import json
from textwrap import dedent

import pytest

from seqswe.cli import main
from tests.harness.plugin_host import keeping

HERE = "tests.harness.plugin_host.keeping:"
TASKS = 4


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A file that is named by an option, so that every plug-in may read it."""
    path = tmp_path_factory.mktemp("named") / "file"
    path.write_text("text")
    return path


@pytest.fixture(scope="module")
def rollouts(file, tmp_path_factory):
    """Rollouts of the arm iid with the memory and the agent that leave marks everywhere."""
    out = tmp_path_factory.mktemp("keeping") / "run"
    given = [
        *("--agent", HERE + "KeepingAgent", "--agent-option", f"file={file}"),
        *("--memory", HERE + "KeepingMemory", "--memory-option", f"file={file}"),
        *("--arm", "iid", "--seeds", "1", "--limit", str(TASKS), "--jobs", "1"),
        *("--sandbox", "local", "--out", str(out)),
    ]
    keeping.remove_marks()
    try:
        with pytest.raises(SystemExit):
            main(["run", *given])
    finally:
        keeping.remove_marks()
    return [json.loads(line) for line in (out / "rollouts.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("place", [*keeping.PLACES, *keeping.OF_THE_FILE])
def test_an_agent_finds_no_mark_of_another_task(rollouts, place):
    assert [place in r["ranking"] for r in rollouts] == [False] * TASKS


def test_a_memory_finds_no_mark_of_another_task(rollouts):
    assert [r["recalled"] for r in rollouts] == [0] * TASKS


CAPTURES = {
    "HOME": """
        from pathlib import Path
        HOME = Path.home()
        def seen():
            (HOME / "marks").open("a").write("x")
            return len((HOME / "marks").read_text()) > 1
    """,
    "a folder for temporary files": """
        import tempfile
        from pathlib import Path
        FOLDER = Path(tempfile.mkdtemp())
        def seen():
            (FOLDER / "marks").open("a").write("x")
            return len((FOLDER / "marks").read_text()) > 1
    """,
    "an unnamed temporary file": """
        import tempfile
        FILE = tempfile.TemporaryFile(buffering=0)
        def seen():
            FILE.write(b"x")
            return FILE.tell() > 1
    """,
    "shared memory": """
        import mmap
        MEMORY = mmap.mmap(-1, 4096)
        def seen():
            MEMORY[0] += 1
            return MEMORY[0] > 1
    """,
    "a file in main memory": """
        import os
        FILE = os.memfd_create("marks")
        def seen():
            os.write(FILE, b"x")
            return os.fstat(FILE).st_size > 1
    """,
    "a pipe": """
        import os
        READ, WRITE = os.pipe()
        os.set_blocking(READ, False)
        def seen():
            try:
                marks = os.read(READ, 99)
            except BlockingIOError:
                marks = b""
            os.write(WRITE, marks + b"x")
            return bool(marks)
    """,
    "a process": """
        import subprocess, sys
        CODE = "import sys; marks = 0\\nfor line in sys.stdin: print(marks, flush=True); marks += 1"
        CHILD = subprocess.Popen([sys.executable, "-c", CODE], text=True, bufsize=1,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        def seen():
            CHILD.stdin.write("x\\n")
            return int(CHILD.stdout.readline()) > 0
    """,
}
MEMORY = """
from seqswe.memory import Recall, Recalled

class Keeps:
    def __init__(self, home):
        pass
    def recall(self, task):
        return Recall(items=(Recalled(text="seen"),) if seen() else ())
    def record(self, experience):
        pass
    def save(self, directory):
        pass
    load = save
"""


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda name: name.replace(" ", "-"))
def test_what_a_module_captures_at_its_import_is_shared_by_no_tasks(
    capture, run, tmp_path, monkeypatch
):
    name = "captures_" + "_".join(capture.split())
    (tmp_path / f"{name}.py").write_text(dedent(CAPTURES[capture]) + MEMORY)
    monkeypatch.syspath_prepend(tmp_path)
    ended = run("--agent", "noop", "--memory", f"{name}:Keeps", "--jobs", "1", arms=("iid",))
    assert ended.code == 0, ended.err
    assert [r.recalled for r in ended.store.journal().rollouts] == [0, 0, 0]
