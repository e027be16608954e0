"""Real files of every kind that SeqSWE reads, and what reads them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from harness.agents.command import Command
from harness.agents.reference import Scripted
from harness.codebases.statements.issues import load_issues
from harness.codebases.validate import Validation
from harness.codebases.validation_journal import ValidationJournal
from harness.grading import junit, patch
from harness.loop.experiences import read_experience
from memory_backends.retrieval.episodic import Episodic
from memory_backends.shared.items import Item, ItemMemory
from seqswe import plugins
from seqswe.analysis import RunResult, analyse
from seqswe.cli import cli, main
from seqswe.comparison import baseline
from seqswe.instance import Task
from seqswe.manifests import manifest_files as manifests
from seqswe.memory import Recall
from seqswe.reports.json_report import JsonReport
from seqswe.reports.markdown import MarkdownReport
from seqswe.reports.rollout_view import detail, ordered
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunDirectory
from seqswe.sandbox import Completed


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of file: where a good one lies, what reads it, and a command that meets it."""

    name: str
    folder: Path
    """Copied for the command; the file lies in it."""
    file: str
    read: Callable[[Path], object]
    """Given the folder. Raises SeqSWEError, or one of `allowed`, for what it refuses."""
    command: Callable[[Path], Sequence[str]] | None = None
    allowed: tuple[type[Exception], ...] = ()

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / self.file


def kinds(top: Path) -> list[Kind]:
    """Make good files of every kind below `top`, by the commands that write them."""
    run, base = top / "run", top / "baseline.json"
    _command("run", "--codebase", "ledgerlite", "--agent", "localizer", "--memory", "episodic",
             "--seeds", "1", "--limit", "3", "--sandbox", "local", "--out", str(run))  # fmt: skip
    base.write_text(baseline.of_run(RunDirectory.open(run)).as_json())
    codebase = _codebase(top / "codebase")
    place = RunDirectory.open(run).folder("sequential", 0, 1, _ids(run)[1])
    records = _last_state(run, top / "records")
    return [
        Kind(name="manifest", folder=codebase, file="manifest.toml", read=_load, command=_plan),
        Kind(name="instances", folder=codebase, file="instances.jsonl", read=_load, command=_plan),
        Kind(
            name="candidates",
            folder=codebase,
            file="candidates.jsonl",
            read=lambda folder: manifests.load_instances(folder / "candidates.jsonl"),
            command=_validate,
        ),
        Kind(
            name="validation",
            folder=codebase,
            file="validation.jsonl",
            read=lambda folder: ValidationJournal(folder / "validation.jsonl").all(),
        ),
        Kind(
            name="issues",
            folder=_issues(top / "issues"),
            file="issues.jsonl",
            read=lambda folder: load_issues(str(folder / "issues.jsonl")),
            command=_mine,
        ),
        Kind(name="run.toml", folder=run, file="run.toml", read=_report, command=_report_command),
        Kind(
            name="journal", folder=run, file="rollouts.jsonl", read=_report, command=_report_command
        ),
        Kind(
            name="trajectory",
            folder=run,
            file=str((place / "trajectory.json").relative_to(run)),
            read=_details,
        ),
        Kind(
            name="experience",
            folder=place,
            file="experience.json",
            read=read_experience,
        ),
        *_snapshots(run),
        Kind(
            name="records",
            folder=records,
            file="records.jsonl",
            read=lambda folder: Episodic(folder / "home").load(folder),
        ),
        Kind(
            name="items",
            folder=_items(top / "items"),
            file="items.jsonl",
            read=lambda folder: ItemMemory(folder).load(folder),
        ),
        Kind(
            name="experiment",
            folder=_experiment(top / "experiment"),
            file="experiment.toml",
            read=_settings,
            command=lambda folder: ("plan", "--config", str(folder / "experiment.toml")),
        ),
        Kind(
            name="baseline",
            folder=top,
            file="baseline.json",
            read=lambda folder: baseline.of_file(folder / "baseline.json"),
            command=lambda folder: ("compare", str(folder / "baseline.json"), str(base)),
        ),
        Kind(
            name="script",
            folder=_script(top / "script", _ids(run)),
            file="script.json",
            read=lambda folder: Scripted(seed=0, script=str(folder / "script.json")),
        ),
        Kind(
            name="result",
            folder=_result(top / "result"),
            file="result.json",
            read=_attempt,
            allowed=(ValueError, TypeError),  # of which the loop makes a failure of the agent
        ),
        Kind(
            name="options",
            folder=_options(top / "options"),
            file="options.txt",
            read=_take_options,
            command=lambda folder: ("plan", "--memory-option", _words(folder / "options.txt")),
        ),
        Kind(
            name="junit",
            folder=_junit(top / "junit"),
            file="junit.xml",
            read=lambda folder: junit.read((folder / "junit.xml").read_bytes(), LOG, 1),
        ),
        Kind(
            name="patch",
            folder=_patch(top / "patch"),
            file="patch.diff",
            read=lambda folder: patch.parts(
                (folder / "patch.diff").read_bytes().decode("utf-8", "surrogateescape")
            ),
            allowed=(ValueError,),  # of which the grader makes a verdict
        ),
    ]


LOG = b"=== 1 failed, 2 passed in 0.1s ===\n"
REPORT = b"""<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests">
<testsuite name="pytest" errors="0" failures="1" skipped="0" tests="3" time="0.1">
<testcase classname="tests.test_a.TestA" name="test_x[1]" file="tests/test_a.py" time="0.1"/>
<testcase classname="tests.test_a" name="test_y" file="tests/test_a.py" time="0.1">
<failure message="assert 1 == 2">def test_y():</failure></testcase>
<testcase classname="tests.test_a" name="test_z" file="tests/test_a.py" time="0.1">
<skipped type="pytest.xfail" message=""/></testcase></testsuite></testsuites>
"""
PATCH = b"""diff --git a/src/a.py b/src/a.py
index 1111111..2222222 100644
--- a/src/a.py
+++ b/src/a.py
@@ -1,2 +1,2 @@
 def total():
-    return 1
+    return 2
diff --git "a/t\\303\\244.py" "b/t\\303\\244.py"
new file mode 100644
index 0000000..2222222
--- /dev/null
+++ "b/t\\303\\244.py"
@@ -0,0 +1 @@
+x = 1
diff --git a/old.py b/new.py
similarity index 100%
rename from old.py
rename to new.py
"""


def _command(*words: str) -> None:
    code = None
    try:
        main(list(words))
    except SystemExit as ended:
        code = ended.code
    assert code == 0, words


def _ids(run: Path) -> tuple[str, ...]:
    return RunDirectory.open(run).info.instance_ids


def _codebase(folder: Path) -> Path:
    shutil.copytree(manifests.shipped() / "ledgerlite", folder)
    records = manifests.load(str(folder)).instances[:4]
    for name in ("instances.jsonl", "candidates.jsonl"):
        manifests.save_instances(records, folder / name)
    with ValidationJournal(folder / "validation.jsonl") as journal:
        for record in records:
            journal.append(Validation(record=record, problem="", state="one"))
    return folder


def _snapshots(run: Path) -> list[Kind]:
    """The last link of a chain of snapshots, and the one before it."""
    last = max(
        (r for r in RunDirectory.open(run).journal().rollouts if r.arm == "sequential"),
        key=lambda r: r.position,
    )

    def restore(folder: Path) -> None:
        with TemporaryDirectory() as place:
            RunDirectory.open(folder).snapshots.get(last.memory_after, Path(place))

    made = []
    for digest in (last.memory_before, last.memory_after):
        name = digest.removeprefix("sha256:")
        file = f"memory/{name[:2]}/{name}.json"
        made.append(Kind(name="snapshot", folder=run, file=file, read=restore))
    return made


def _last_state(run: Path, folder: Path) -> Path:
    folder.mkdir()
    store = RunDirectory.open(run)
    last = max(store.journal().rollouts, key=lambda r: (r.arm == "sequential", r.position))
    store.snapshots.get(last.memory_after, folder)
    (folder / "dropped.json").write_text('{"dropped": 0}')
    return folder


def _written(folder: Path, name: str, data: str | bytes) -> Path:
    folder.mkdir()
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return folder


def _issues(folder: Path) -> Path:
    line = {"number": 7, "title": "Sums", "body": "are off", "created_at": "2024-01-01T00:00:00Z"}
    lines = [json.dumps({**line, "number": number}) + "\n" for number in range(5)]
    return _written(folder, "issues.jsonl", "".join(lines))


def _items(folder: Path) -> Path:
    items = [Item(key=f"k{n}", text="look", origins=("a",), counts={"n": n}) for n in range(3)]
    made = _written(folder, "items.jsonl", "".join(item.line() for item in items))
    (folder / "told.jsonl").write_text('"a"\n"b"\n')
    return made


def _experiment(folder: Path) -> Path:
    text = 'codebase = "ledgerlite"\nagent = "localizer"\nmemory = "episodic"\nseeds = 2\n'
    text += 'memory-option = ["k=3"]\narm = ["iid", "sequential"]\ncpus = 1.5\nlimit = 3\n'
    return _written(folder, "experiment.toml", text)


def _script(folder: Path, ids: Sequence[str]) -> Path:
    return _written(folder, "script.json", json.dumps({ids[0]: "", ids[1]: ["true", "ls"]}))


def _result(folder: Path) -> Path:
    usage = {"steps": 3, "prompt_tokens": 10, "completion_tokens": 5, "cost_usd": 0.1}
    data = {"ranking": ["src/a.py"], "notes": {"note": "x"}, "usage": usage, "message": "done"}
    return _written(folder, "result.json", json.dumps(data))


def _options(folder: Path) -> Path:
    return _written(folder, "options.txt", "k=3\nmax_bytes=2000\nfix_lines=2")


def _junit(folder: Path) -> Path:
    return _written(folder, "junit.xml", REPORT)


def _patch(folder: Path) -> Path:
    return _written(folder, "patch.diff", PATCH)


def _load(folder: Path) -> object:
    return manifests.load(str(folder))


def _report(folder: Path) -> object:
    analysis = analyse([RunDirectory.open(folder)])
    return MarkdownReport().render(analysis), JsonReport().render(analysis)


@cache
def _rollouts(folder: Path) -> list[tuple[RunResult, Rollout]]:
    return list(ordered(analyse([RunDirectory.open(folder)])))


def _details(folder: Path) -> object:
    return [detail(*pair) for pair in _rollouts(folder)]


def _plan(folder: Path) -> Sequence[str]:
    return ("plan", "--codebase", str(folder))


def _validate(folder: Path) -> Sequence[str]:
    """No candidate is as late as that: only the files are read."""
    return ("validate", str(folder), "--sandbox", "local", "--since", "2099-01-01")


def _mine(folder: Path) -> Sequence[str]:
    issues, out = folder / "issues.jsonl", folder / "out"
    return ("mine", "ledgerlite", "--issues", str(issues), "--out", str(out))


def _report_command(folder: Path) -> Sequence[str]:
    words = ("report", str(folder), "--format", "markdown", "--format", "html")
    return (*words, "--format", "csv", "--format", "junit", "--out", str(folder / "out"))


def _settings(folder: Path) -> None:
    """What `--config` does."""
    command = cli.get_command(click.Context(cli), "plan")
    assert command is not None
    command.make_context("plan", ["--config", str(folder / "experiment.toml")])


def _words(path: Path) -> str:
    return path.read_bytes().replace(b"\0", b"").decode("utf-8", "surrogateescape")[:100_000]


def _take_options(folder: Path) -> None:
    pairs = _words(folder / "options.txt").split("\n")
    plugins.check("memory", "episodic", "home", **plugins.options("memory", "episodic", pairs))


class _Files:
    """A sandbox that holds nothing but a result file."""

    root = "/"
    objects = "/objects"

    def __init__(self, result: bytes) -> None:
        self._result = result

    def end_processes(self) -> None:
        pass

    def run(self, command: object, **options: object) -> Completed:
        return Completed(exit_code=0, stdout=b"/home")

    def read(self, path: str) -> bytes:
        return self._result

    def write(self, path: str, data: bytes) -> None:
        pass

    def close(self) -> None:
        pass


def _attempt(folder: Path) -> object:
    from harness.loop.attempt import validate_attempt

    task = Task(
        instance_id="a",
        repo="o/r",
        base_commit="c",
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        problem_statement="",
    )
    sandbox = _Files((folder / "result.json").read_bytes())
    return validate_attempt(Command(seed=0, run="true").solve(task, Recall(), sandbox))
