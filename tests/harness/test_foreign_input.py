"""Input of other people, by the command line: names, files, control characters, git's variables.

Each test drives `seqswe` alone, so that it can be run against any version.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import time
import traceback
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from seqswe.cli import main
from seqswe.errors import RunDirError
from seqswe.manifests.manifest import record_json
from seqswe.manifests.manifest_files import load_instances

MANIFESTS = Path(__file__).parents[2] / "repos_manifest" / "ledgerlite"
LOCAL = ("--sandbox", "local", "--arm", "iid", "--seeds", "1", "--memory", "none")
ESCAPED = "backslashreplace"
HANGS = 60
"""Seconds after which a command is given up."""
SECONDS = 5
"""Of processor time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def call(*words: object) -> Ended:
    """`call("plan", "--seeds", "0")`, as a terminal would have it; a crash has its traceback."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors) for errors in ("strict", ESCAPED))
    code = 1
    before = signal.signal(signal.SIGALRM, _late)
    signal.alarm(HANGS)
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main([str(word) for word in words])
        except SystemExit as ended:
            code = int(ended.code or 0)
        except Exception:  # noqa: BLE001
            err.write(traceback.format_exc())
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return Ended(returncode=code, stdout=texts[0], stderr=texts[1])


def _late(*_: object) -> None:
    raise TimeoutError("it hangs")


@pytest.fixture
def codebase(tmp_path: Path) -> Path:
    """The demo codebase's manifest, to be damaged; its history is the package's own.

    Test ids are in the instances, as people write them by hand.
    """
    folder = tmp_path / "ledgerlite"
    folder.mkdir()
    (folder / "manifest.toml").write_bytes((MANIFESTS / "manifest.toml").read_bytes())
    records = load_instances(MANIFESTS / "instances.jsonl")[:3]
    lines = (json.dumps(record_json(record)) + "\n" for record in records)
    (folder / "instances.jsonl").write_text("".join(lines))
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two tasks, and what is kept of it."""
    run = tmp_path_factory.mktemp("finished") / "run"
    done = call("run", *LOCAL, "--agent", "localizer", "--limit", "2", "--out", run)
    assert done.returncode == 0, done.stderr
    (run.parent / "baseline.json").write_text(call("baseline", run).stdout)
    return run


@pytest.fixture
def copy_run(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to be damaged."""
    target = tmp_path / "run"
    subprocess.run(["cp", "-r", finished, target], check=True)
    return target


def refused(done: Ended, *said: str, code: int = 2) -> None:
    """It ended with two short lines that say what is wrong and what to do."""
    assert "Traceback" not in done.stderr, done.stderr[-500:]
    assert done.returncode == code, done.stderr[-500:]
    lines = [line for line in done.stderr.splitlines() if line.startswith(("error: ", "hint:  "))]
    assert len(lines) == 2, done.stderr[-500:]
    assert max(map(len, lines)) <= 300
    for words in said:
        assert words in lines[0], lines[0]


def edit_line(path: Path, number: int, **fields: object) -> None:
    """Change fields of one line of a file of JSON lines."""
    lines = path.read_text().splitlines()
    lines[number] = json.dumps(json.loads(lines[number]) | fields)
    path.write_text("".join(line + "\n" for line in lines))


# D1: names, ids and commits


@pytest.mark.parametrize(
    "name",
    ["x/../../../../../mine", "../../../mine", "x" * 300, "-x", "a/b", "a\nb", "a\x1bb", ".."],
)
def test_an_id_that_is_no_name_writes_nothing(codebase: Path, tmp_path: Path, name: str) -> None:
    edit_line(codebase / "instances.jsonl", 1, instance_id=name)
    out = tmp_path / "runs" / "x"
    done = call("run", "--codebase", codebase, *LOCAL, "--agent", "gold", "--out", out)
    refused(done, "instances.jsonl, line 2", "'instance_id'")
    assert not out.exists()


@pytest.mark.parametrize("field", ["base_commit", "gold_commit"])
@pytest.mark.parametrize("value", ["--output={place}/made", "-O{place}/made", "HEAD", "a" * 39])
def test_a_commit_that_is_an_option_reaches_no_git(
    codebase: Path, tmp_path: Path, field: str, value: str
) -> None:
    edit_line(codebase / "instances.jsonl", 0, **{field: value.format(place=tmp_path)})
    done = call("run", "--codebase", codebase, *LOCAL, "--agent", "noop", "--out", tmp_path / "x")
    refused(done, "instances.jsonl, line 1", f"'{field}'")
    assert not (tmp_path / "made").exists()


def test_a_head_that_is_an_option_reaches_no_git(codebase: Path, tmp_path: Path) -> None:
    text = (codebase / "manifest.toml").read_text()
    assert "head = " in text
    lines = [
        f'head = "--output={tmp_path}/made"' if line.startswith("head = ") else line
        for line in text.splitlines()
    ]
    (codebase / "manifest.toml").write_text("\n".join(lines))
    refused(call("mine", codebase, "--out", tmp_path / "out"), "manifest.toml", "'head'")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("place", ["instances.jsonl", "candidates.jsonl"])
def test_ids_that_differ_only_in_case_are_refused(
    codebase: Path, tmp_path: Path, place: str
) -> None:
    (codebase / place).write_bytes((codebase / "instances.jsonl").read_bytes())
    first = json.loads((codebase / place).read_text().splitlines()[0])["instance_id"]
    edit_line(codebase / place, 1, instance_id=first.upper())
    words = ("plan", "--codebase", codebase)
    if place != "instances.jsonl":
        words = ("validate", codebase, "--sandbox", "local", "--since", "2099-01-01")
    refused(call(*words), f"{place}, line 2", "only in case")


@pytest.mark.parametrize(
    ("field", "value"),
    [("arm", "../../../../mine"), ("arm", "IID"), ("arm", "x" * 300), ("instance_id", "../mine")],
)
def test_a_journal_names_no_folder_elsewhere(copy_run: Path, field: str, value: str) -> None:
    edit_line(copy_run / "rollouts.jsonl", 0, **{field: value})
    refused(call("report", copy_run), "rollouts.jsonl, line 1")


def test_ids_of_a_run_are_parsed_as_those_of_a_manifest(copy_run: Path) -> None:
    info = copy_run / "run.toml"
    first = json.loads((copy_run / "rollouts.jsonl").read_text().splitlines()[0])["instance_id"]
    info.write_text(info.read_text().replace(first, "../../x"))
    refused(call("report", copy_run), "run.toml", "'instance_ids'")


@pytest.mark.parametrize("value", ["../../x", "a" * 300, "a\x1b[31m"])
def test_ids_of_a_baseline_are_parsed_too(finished: Path, tmp_path: Path, value: str) -> None:
    data = json.loads((finished.parent / "baseline.json").read_text())
    data["instance_ids"][0] = value
    (tmp_path / "baseline.json").write_text(json.dumps(data))
    refused(call("compare", tmp_path / "baseline.json", finished), "'instance_ids'")


@pytest.mark.parametrize("name", ["../../mine", "{top}/mine", "a/../../../mine"])
def test_a_snapshot_writes_only_below_its_folder(tmp_path: Path, name: str) -> None:
    snapshots = _module("seqswe.runs.snapshots", "seqswe.snapshots")
    name, content = name.format(top=tmp_path), b"mine\n"
    digest = snapshots.folder_digest({name: content})
    plain = digest.removeprefix("sha256:")
    packed = b64encode(zlib.compress(content)).decode()
    change = {"size": len(content), "at": {"0": packed}}
    path = tmp_path / "memory" / plain[:2] / f"{plain}.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"parent": snapshots.EMPTY, "files": {name: change}}))
    place = tmp_path / "a" / "b"
    (place / "a").mkdir(parents=True)
    with suppress(RunDirError):
        snapshots.Snapshots(tmp_path / "memory").get(digest, place)
    assert not list(tmp_path.rglob("mine"))


def _module(*names: str) -> ModuleType:
    """The first that there is: it was moved, and this test is to run on older versions too."""
    return import_module(next(name for name in names if _is_module(name)))


def _is_module(name: str) -> bool:
    with suppress(ModuleNotFoundError):
        return find_spec(name) is not None
    return False


# D2: files of a user

BAD: dict[str, bytes] = {
    "bytes": b"\xff\xfe\x00x",
    "null": b"\0",
    "mark": b"\xef\xbb\xbf{}",
    "lists": b"[" * 100_000,
    "tables": b'{"a":' * 50_000,
    "400 digits": b'{"number": ' + b"9" * 400 + b"}",
    "5,000 digits": b'{"number": ' + b"9" * 5_000 + b"}",
    "no number": b'{"number": NaN}',
    "infinity": b'{"number": -Infinity}',
    "too large": b'{"number": 1e999}',
    "twice": b'{"number": 1, "number": 2}',
    "another type": b'"x"',
    "long name": b'{"' + b"x" * 60_000 + b'": 1}',
    "long line": b'"' + b"x" * 20_000_000 + b'"',
    "escape": b'{"\\u001b[31m": 1}',
}


@pytest.fixture(params=["baseline", "issues", "script", "instances", "journal", "validation"])
def read_by(
    request: pytest.FixtureRequest, codebase: Path, copy_run: Path, tmp_path: Path
) -> tuple[Path, Callable[[], Ended], str]:
    """A file, the command that reads it, and what its errors name."""
    run = ("run", "--codebase", codebase, *LOCAL, "--out", tmp_path / "out")
    validate = ("validate", codebase, "--sandbox", "local", "--limit", "1")
    (codebase / "candidates.jsonl").write_bytes((codebase / "instances.jsonl").read_bytes())
    issues, script = tmp_path / "issues.jsonl", tmp_path / "script.json"
    scripted = ("--agent", "scripted", "--agent-option", f"script={script}")
    place, words = {
        "baseline": (tmp_path / "base.json", ("compare", tmp_path / "base.json", copy_run)),
        "issues": (issues, (*run, "--agent", "noop", "--issues", issues)),
        "script": (script, (*run, *scripted)),
        "instances": (codebase / "instances.jsonl", ("plan", "--codebase", codebase)),
        "journal": (copy_run / "rollouts.jsonl", ("report", copy_run)),
        "validation": (codebase / "validation.jsonl", validate),
    }[request.param]
    return place, lambda: call(*words), place.name


def test_a_damaged_file_is_named_in_two_short_lines(read_by) -> None:
    path, command, name = read_by
    for bad in BAD.values():
        path.write_bytes(bad + b"\n")
        refused(command(), name)


def test_what_is_no_file_is_not_waited_for(read_by) -> None:
    path, command, name = read_by
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    # Where a pipe is opened for reading, this writer lets it go on, to its end at once.
    writer = subprocess.Popen(["sh", "-c", 'exec 3>"$0"; sleep 0.2', str(path)])
    try:
        refused(command(), name)
    finally:
        writer.kill()
        writer.wait()


def test_a_folder_is_no_file(read_by) -> None:
    path, command, name = read_by
    path.unlink(missing_ok=True)
    path.mkdir()
    if path.suffix != ".json" or "base" not in name:  # there it may be a run
        refused(command(), name)


TOML: dict[str, str] = {
    "lists": "x = " + "[" * 100_000,
    "dots": "a." * 20_000 + "a = 1",
    "5,000 digits": "seeds = " + "9" * 5_000,
    "400 digits": "seeds = " + "9" * 400,
    "a million": "seeds = 1000000",
    "no number": "cpus = nan",
    "infinity": "cpus = inf",
    "null": 'codebase = "\\u0000"',
    "escape": 'codebase = "\\u001b[31m"',
    "long": f'codebase = "{"x" * 60_000}"',
    "option": f'agent-option = ["{"x" * 200_000}"]',
    "table": "[seeds]",
    "arms": f"arm = [{', '.join(repr(f'frozen-{n}') for n in range(20_000))}]",
    "twice": "model-url = 'http://a'\nmodel_url = 'http://b'",
}


@pytest.mark.parametrize("bad", TOML)
def test_a_damaged_experiment_is_refused(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "experiment.toml"
    path.write_text(TOML[bad] + "\n")
    started = time.process_time()
    refused(call("plan", "--config", path), "experiment.toml")
    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize(
    "words",
    [
        ("view", "nowhere", "--port", "99999999"),
        ("view", "nowhere", "--port", "-1"),
        ("plan", "--seeds", "1000000"),
        ("plan", "--seeds", "9" * 5_000),
        ("plan", "--cpus", "1e999"),
        ("plan", "--codebase", "x" * 60_000),
        ("plan", "--mirror", "x" * 60_000),
        ("plan", "--agent-option", "x" * 60_000),
        ("plan", "--memory-option", f"k={'9' * 60_000}"),
        ("plan", "--agent", "x" * 60_000),
        ("plan", "--delivery", "x" * 60_000),
        ("plan", "--config", "x" * 60_000),
        ("plan", "x" * 60_000),
        ("x" * 60_000,),
        ("report", "x" * 60_000),
        ("report", "nowhere", "--format", "x" * 60_000),
        ("compare", "x" * 60_000, "y" * 60_000),
        ("list", "x" * 60_000),
        ("compare", "a", "b", "--margin", "nan"),
        ("compare", "a", "b", "--margin", "1e999"),
        ("validate", "ledgerlite", "--seed", "9" * 5_000),
        ("mine", "x" * 60_000),
        ("grade", "x" * 60_000),
        ("plan", "--codebase", b"\xff\xfe".decode("utf-8", "surrogateescape")),
    ],
    ids=lambda words: " ".join(words)[:40].encode("ascii", "replace").decode(),
)
def test_an_option_of_any_length_gets_two_short_lines(words: tuple[str, ...]) -> None:
    refused(call(*words))


def test_one_damaged_line_in_the_middle_of_a_validation_is_named(codebase: Path) -> None:
    lines = (codebase / "instances.jsonl").read_bytes().splitlines()
    (codebase / "candidates.jsonl").write_bytes((codebase / "instances.jsonl").read_bytes())
    proofs = [json.dumps({"record": json.loads(x), "problem": "", "state": ""}) for x in lines]
    for bad in ('{"record": {', '{"problem": ""}', json.dumps({"record": {}, "problem": 3})):
        text = "\n".join([proofs[0], bad, proofs[2], ""])
        (codebase / "validation.jsonl").write_text(text)
        done = call("validate", codebase, "--sandbox", "local", "--limit", "1")
        refused(done, "validation.jsonl, line 2")


# C6: control characters

HOSTILE = "\x1b[31mred\x1b]8;;http://evil\x07link\x9b2J\u202egnp\u2066\r\x08end"
RAW = ("\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\x08")


def shown_escaped(text: str) -> bool:
    """Whether the hostile text is there, and nothing of it but escaped."""
    assert not [mark for mark in RAW if mark in text], repr(text[-400:])
    return "\\x1b[31m" in text


def test_what_an_agent_says_is_escaped_on_the_terminal_and_in_reports(tmp_path: Path) -> None:
    out = tmp_path / "run"
    octal = "".join(f"\\{byte:03o}" for byte in HOSTILE.encode())
    words = f"run=printf '{octal}' >&2; exit 3"
    done = call("run", *LOCAL, "--agent", "command", "--agent-option", words, "--limit", "2",
                "--out", out)  # fmt: skip
    assert done.returncode in (0, 2, 3), done.stderr
    shown_escaped(done.stdout + done.stderr)
    done = call("report", out, *[w for f in ("markdown", "html", "junit", "csv", "json")
                                 for w in ("--format", f)])  # fmt: skip
    assert done.returncode == 0, done.stderr
    shown_escaped(done.stdout + done.stderr)
    for name in ("report.md", "report.html", "report.csv", "report.json", "report.xml"):
        shown_escaped((out / name).read_text())
    assert "\\x1b[31m" in (out / "report.html").read_text()


def test_what_a_foreign_manifest_says_is_escaped(
    codebase: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (codebase / "manifest.toml").read_text()
    value = json.dumps(HOSTILE)
    lines = [f"licence = {value}" if x.startswith("licence") else x for x in text.splitlines()]
    assert lines != text.splitlines()
    (codebase / "manifest.toml").write_text("\n".join(lines) + "\n")
    codebase.rename(codebase.parent / "foreign")
    monkeypatch.setenv("SEQSWE_CODEBASES", str(codebase.parent))
    done = call("list")
    assert done.returncode == 0
    assert shown_escaped(done.stdout)


def test_what_is_typed_is_escaped_in_messages() -> None:
    for words in (
        ("plan", "--agent", HOSTILE),
        (HOSTILE,),
        ("plan", f"--{HOSTILE}"),
        ("report", HOSTILE),
        ("list", HOSTILE),
        ("mine", HOSTILE),
    ):
        done = call(*words)
        assert done.returncode in (2, 3)
        shown_escaped(done.stderr)


def test_a_failed_memory_is_escaped_in_the_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hostile_memory.py").write_text(
        "class Memory:\n"
        "    def __init__(self, home): pass\n"
        f"    def recall(self, task): raise ValueError({HOSTILE!r})\n"
        "    def record(self, experience): pass\n"
        "    def save(self, directory): pass\n"
        "    def load(self, directory): pass\n"
    )
    out = tmp_path / "run"
    monkeypatch.syspath_prepend(str(tmp_path))
    few = ("--seeds", "1", "--limit", "1", "--retries", "0", "--arm", "iid")
    memory = ("--agent", "noop", "--memory", "hostile_memory:Memory")
    done = call("run", "--sandbox", "local", *few, *memory, "--out", out)
    assert done.returncode == 5, done.stderr
    assert shown_escaped(done.stderr)


def test_junit_that_is_escaped_is_still_xml(finished: Path, tmp_path: Path) -> None:
    copied = tmp_path / "run"
    subprocess.run(["cp", "-r", finished, copied], check=True)
    info = copied / "run.toml"
    info.write_text(info.read_text().replace('memory = "none"', 'memory = "m\\u0085:X"'))
    done = call("report", copied, "--format", "junit")
    if done.returncode == 0:
        ElementTree.parse(copied / "report.xml")
    else:
        refused(done, "run.toml")


# git's variables


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """Another repository, as a hook's own."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", folder], check=True)
    yield folder
    assert not (folder / "started").exists()


@pytest.mark.parametrize(
    "variables",
    [
        {"GIT_DIR": "{place}/.git", "GIT_WORK_TREE": "{place}"},
        {"GIT_DIR": "{place}/.git", "GIT_INDEX_FILE": "{place}/.git/index"},
        {"GIT_OBJECT_DIRECTORY": "{place}/.git/objects"},
        {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.bare", "GIT_CONFIG_VALUE_0": "junk"},
        {"GIT_CONFIG_PARAMETERS": "'core.bare=junk'"},
        {"GIT_EXTERNAL_DIFF": "touch {place}/started"},
        {"GIT_NAMESPACE": "other", "GIT_TRACE": "{place}/started"},
        {"GIT_EXEC_PATH": "{place}"},
        {"GIT_SSH_COMMAND": "touch {place}/started"},
    ],
    ids=lambda given: "+".join(given),
)
def test_a_run_started_from_a_hook_works(
    elsewhere: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(place=elsewhere))
    done = call("run", *LOCAL, "--agent", "gold", "--limit", "1", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "1 resolved, 1 graded" in done.stderr
