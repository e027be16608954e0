"""`repair`: that it repairs, what it costs, and what a candidate or the project may do to it."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.agents.repair import Repair
from harness.agents.repair.agent import reproduction_of
from harness.agents.repair.inside import children
from harness.agents.repair.inside.children import run_in_child
from seqswe.errors import UsageError
from seqswe.instance import Task
from seqswe.memory import Recall, Recalled
from seqswe.sandbox import Completed

SOURCE = b"""def total(items, tax):
    if not items:
        return 0
    found = 0
    for item in items:
        found += item
    return found - tax


def share(whole, count):
    return whole // (count + 2)
"""
ISSUE = """`shop.total([1, 2], 1)` gives a wrong result

To reproduce, save this as `tests/test_reproduction.py` and run it:

```python
from shop import total


def test_total():
    assert total([1, 2], 1) == 4
```
"""
WHERE = "shop.py::total"


class Here:
    """A sandbox in a temporary folder: just enough of one for an agent."""

    def __init__(self, folder):
        self.root = str(folder / "checkout")
        Path(self.root, "tests").mkdir(parents=True)
        (folder / "home").mkdir()
        self._env = {**os.environ, "HOME": str(folder / "home"), "PYTHONPATH": self.root}
        self._env |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

    def run(self, command, *, timeout=None, env=None, stdin=None):
        command = [sys.executable, *command[1:]] if command[0] == "python" else command
        done = subprocess.run(
            command, cwd=self.root, input=stdin, capture_output=True, env=self._env, timeout=120
        )
        return Completed(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)


@pytest.fixture
def sandbox(tmp_path):
    found = Here(tmp_path)
    Path(found.root, "shop.py").write_bytes(SOURCE)
    return found


def task(statement=ISSUE, name="shop-1"):
    return Task(
        instance_id=name,
        repo="a/shop",
        base_commit="0" * 40,
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        problem_statement=statement,
    )


def lesson(kind="arithmetic", function=WHERE, code="", file="shop.py", text=""):
    notes = {"agent": "repair", "file": file, "function": function, "kind": kind, "code": code}
    return Recalled(text=text, notes=notes | {"functions": [WHERE]}, files=(file,))


def test_it_repairs_and_leaves_nothing_but_the_repair(sandbox):
    attempt = Repair(seed=0).solve(task(), Recall(), sandbox)
    assert b"found + tax" in Path(sandbox.root, "shop.py").read_bytes()
    assert attempt.notes["function"] == WHERE
    assert attempt.ranking == ("shop.py",)
    assert 0 < attempt.usage.executions <= 20
    left = [p.name for p in Path(sandbox.root).rglob("*") if p.is_file()]
    assert left == ["shop.py"]
    json.dumps(attempt.notes)


def test_equal_seeds_give_equal_attempts(sandbox):
    first = Repair(seed=3).solve(task(), Recall(), sandbox)
    Path(sandbox.root, "shop.py").write_bytes(SOURCE)
    assert Repair(seed=3).solve(task(), Recall(), sandbox) == first


def test_the_budget_is_kept(sandbox):
    attempt = Repair(seed=0, budget=1).solve(task(), Recall(), sandbox)
    assert attempt.usage.executions == 1


def test_without_a_reproduction_there_is_nothing_to_do(sandbox):
    attempt = Repair(seed=0).solve(task("It is broken.\n"), Recall(), sandbox)
    assert not attempt.usage.executions
    assert Path(sandbox.root, "shop.py").read_bytes() == SOURCE


LOOPS = b"""def total(items, tax):
    left = 3
    while left:
        left = left - 1
    return 0
"""


def test_a_candidate_that_never_ends_costs_one_candidate(sandbox):
    Path(sandbox.root, "shop.py").write_bytes(LOOPS)
    attempt = Repair(seed=0, budget=20, seconds=1.0).solve(task(), Recall(), sandbox)
    assert attempt.usage.executions == 20
    assert Path(sandbox.root, "shop.py").read_bytes() == LOOPS


DESTROYS = b"""import os, shutil


def total(items, tax):
    keep = False
    if not keep:
        shutil.rmtree(os.getcwd(), ignore_errors=True)
    open(os.path.join(os.path.dirname(__file__), "litter"), "w").close()
    return sum(items) - tax
"""


def test_a_candidate_that_deletes_what_it_runs_in_costs_one_candidate(sandbox):
    root = Path(sandbox.root)
    (root / "shop.py").write_bytes(DESTROYS)
    (root / "docs").mkdir()
    (root / "docs" / "kept.txt").write_text("kept")
    (root / "docs" / "link").symlink_to("kept.txt")
    # The bug itself destroys, so that the trace does, and nearly every candidate.
    attempt = Repair(seed=0, budget=20).solve(task(), Recall(), sandbox)
    assert attempt.usage.executions > 3, attempt.message
    left = {str(p.relative_to(root)) for p in root.rglob("*")}
    assert left == {"shop.py", "tests", "docs", "docs/kept.txt", "docs/link"}
    assert (root / "docs" / "link").read_text() == "kept"


ENDLESS = b"""def total(items, tax):
    left = 3
    while left >= 0:
        left = left * 1
    return 4
"""


@pytest.mark.parametrize("conftest", [False, True], ids=["ini", "conftest"])
def test_code_of_the_project_stays_out_of_the_process_that_is_forked(sandbox, conftest):
    """An ini file that names a warning of the project makes pytest import it while it prepares."""
    shop = Path(sandbox.root, "shop.py")
    shop.write_bytes(SOURCE + b"\n\nclass Odd(Warning):\n    pass\n")
    if conftest:
        Path(sandbox.root, "tests", "conftest.py").write_text("import shop\n")
    else:
        ini = Path(sandbox.root, "pytest.ini")
        ini.write_text("[pytest]\nfilterwarnings =\n    ignore::shop.Odd\n")
    attempt = Repair(seed=0).solve(task(), Recall(), sandbox)
    assert "repaired" in attempt.message
    assert b"found + tax" in shop.read_bytes()


WANDERS = b"""def total(items, tax):
    steps = 0
    while True:
        steps = one(steps)
        steps = other(steps)


def one(steps):
    for _ in range(17):
        steps = steps + 1
    return steps


def other(steps):
    for _ in range(23):
        steps = steps + 1
    return steps
"""


def test_the_trace_of_what_never_ends_is_the_same_on_a_slow_machine(sandbox):
    Path(sandbox.root, "shop.py").write_bytes(WANDERS)
    quick = Repair(seed=0, budget=1, seconds=2.0).solve(task(), Recall(), sandbox)
    slow = Repair(seed=0, budget=1, seconds=3.0).solve(task(), Recall(), sandbox)
    assert quick == slow
    assert len(quick.notes["functions"]) == 3


@pytest.mark.parametrize(
    "elsewhere",
    ["LOADED = 1\n", "try:\n    import shop\nexcept ImportError:\n    shop = None\n"],
    ids=["plain", "asks for the project"],
)
def test_what_the_project_imports_is_loaded_once_and_the_project_never(sandbox, elsewhere):
    """A module from elsewhere that holds on to the project must not be shared by candidates."""
    outside = Path(sandbox.root).parent / "outside"
    outside.mkdir()
    counted = "import os\nopen(os.environ['COUNT'], 'a').write('x')\n"
    (outside / "elsewhere.py").write_text(counted + elsewhere)
    sandbox._env["PYTHONPATH"] += f":{outside}"
    sandbox._env["COUNT"] = str(outside / "count")
    code = ISSUE.replace("    assert total", "    import elsewhere, shop\n    assert total")
    code = code.replace("1) == 4", "1) == 4 == getattr(elsewhere, 'shop', shop).total([1, 2], 1)")
    attempt = Repair(seed=0).solve(task(code), Recall(), sandbox)
    assert b"found + tax" in Path(sandbox.root, "shop.py").read_bytes(), attempt.message
    times = len((outside / "count").read_text())
    # The trace, then once ahead; where that is not possible, every candidate that gets so far.
    assert times == 2 if "LOADED" in elsewhere else times > 2


def test_a_fault_that_never_ends_leaves_a_trace(sandbox):
    Path(sandbox.root, "shop.py").write_bytes(ENDLESS)
    attempt = Repair(seed=0, budget=3, seconds=0.5).solve(task(), Recall(), sandbox)
    assert attempt.notes["functions"] == [WHERE]
    assert attempt.usage.executions >= 1


def test_an_earlier_reproduction_vetoes(sandbox):
    # total([1, 2], 1) == 2 is met by many edits; the earlier issue leaves fewer of them.
    earlier = "from shop import total\n\n\ndef test_tax():\n    assert total([5], 2) == 7\n"
    issue = ISSUE.replace("== 4", "in (4, 1, 0, 3)")
    lessons = Recall(items=(lesson(code=earlier),))
    attempt = Repair(seed=0, budget=60, memory_use="r").solve(task(issue), lessons, sandbox)
    assert "vetoed" in attempt.message
    assert b"found + tax" in Path(sandbox.root, "shop.py").read_bytes()


def test_reproductions_are_found_in_issues():
    code, path = reproduction_of(ISSUE)
    assert path == "tests/test_reproduction.py"
    assert code.startswith("from shop import total\n")
    assert reproduction_of("nothing") == ("", "test_reproduction.py")


def test_a_wrong_option_is_named():
    with pytest.raises(UsageError, match="memory_use 'all' is unknown"):
        Repair(seed=0, memory_use="all")
    with pytest.raises(UsageError, match="memory_use '' is unknown"):
        Repair(seed=0, memory_use="")
    with pytest.raises(UsageError, match="must be positive"):
        Repair(seed=0, budget=0)


def forever():
    while True:
        pass


def leave_children():
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            forever()
    return "left"


@pytest.mark.parametrize(("work", "said"), [(forever, None), (leave_children, "left")])
def test_a_child_ends_with_all_that_it_started(work, said):
    script = (
        "import sys, os; from harness.agents.repair.inside.children import *\n"
        "from tests.harness.agents.test_repair import forever, leave_children\n"
        f"adopt_orphans(); said = run_in_child({work.__name__}, 0.5)\n"
        "from harness.agents.repair.inside import children\n"
        "print(said, children._descendants())"
    )
    root = str(Path(__file__).parents[3])
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=root)
    assert done.stdout == f"{said} []\n", done.stderr


def test_a_child_hands_back_what_it_found():
    assert run_in_child(lambda: {"a": [1]}, 2.0) == {"a": [1]}


def busy():
    end = os.times().user + 0.6
    while os.times().user < end:
        pass
    return "done"


@pytest.mark.parametrize(("work", "said"), [(busy, "done"), (lambda: time.sleep(60), None)])
def test_only_sleep_counts_against_a_child_not_its_turn(monkeypatch, work, said):
    monkeypatch.setattr(children, "IDLE_FACTOR", 0.01)
    assert run_in_child(work, 5.0) == said
