"""The command line: two lines and an exit code for what is wrong, and settings from anywhere."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from seqswe.cli import COMMANDS, main
from seqswe.manifests import manifest_files as manifests
from seqswe.runs.store import RunDirectory

ROOT = Path(__file__).parents[3]
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("SEQSWE_")}
LOCAL = (
    "--sandbox",
    "local",
    "--agent",
    "noop",
    "--memory",
    "none",
    "--seeds",
    "1",
    "--limit",
    "2",
)


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def complaint(self):
        """What was said, without the lines of progress and warnings before it."""
        return self.err.splitlines()[-2:]


@pytest.fixture
def seqswe(cache, tmp_path, monkeypatch, capsys):
    """Calls the command line as a user does, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in set(os.environ) - CLEAN.keys() - {"SEQSWE_CACHE"}:
        monkeypatch.delenv(name)

    def call(*arguments, **variables):
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Answer(ended.value.code, said.out, said.err)

    return call


@pytest.fixture
def another_process(cache, tmp_path):
    """The same in a process of its own, for what a process keeps: its imports and its PATH."""

    def call(*arguments, **variables):
        env = {**CLEAN, "SEQSWE_CACHE": str(cache), "PYTHONPATH": str(ROOT), **variables}
        command = [sys.executable, "-m", "seqswe", *map(str, arguments)]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
        return Answer(done.returncode, done.stdout, done.stderr)

    return call


def refused(answer, code, error, hint=""):
    """Exactly two lines after what was being prepared, the right exit code, and no traceback."""
    told = answer.err.splitlines()
    lines = [line for line in told if not line.startswith(("run: ", "preparing: "))]
    assert len(lines) == 2, answer.err
    assert lines == told[-2:]
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("hint:  ")
    assert len(lines[1]) > len("hint:  ")
    assert error in lines[0]
    assert hint in lines[1]
    assert answer.code == code
    return True


@pytest.fixture(scope="module")
def finished(tmp_path_factory, cache):
    """A small finished run, to be copied by who changes it."""
    out = tmp_path_factory.mktemp("finished") / "run"
    command = [sys.executable, "-m", "seqswe", "run", *LOCAL, "--out", str(out)]
    env = {**CLEAN, "SEQSWE_CACHE": str(cache), "PYTHONPATH": str(ROOT)}
    subprocess.run(command, env=env, capture_output=True, check=True)
    return out


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (("rum",), "unknown command 'rum'", "Did you mean 'run'?"),
        (("list", "agent"), "unknown thing to list 'agent'", "Did you mean 'agents'?"),
        (("resume",), "Missing argument 'RUN'", "seqswe resume --help"),
        (("run", "--outt", "x"), "No such option '--outt'", "seqswe run --help"),
        (("plan", "--seeds", "many"), "seeds 'many' are no number of seeds", "Give a number"),
        (("plan", "--seeds", "0"), "seeds must be at least 1, not 0", ""),
        (("plan", "--cpus", "inf"), "cpus must be above 0, not inf", ""),
        (("plan", "--feedback", "all"), "'all' is not one of", "seqswe plan --help"),
        (("plan", "--arm", "idd"), "unknown arm 'idd'", "iid, sequential"),
        (("plan", "--arm", "iid", "--arm", "frozen"), "snapshots of the", "Add --arm sequential."),
        (("plan", "--codebase", "ledgerlight"), "unknown codebase 'ledgerlight'", "'ledgerlite'"),
        (("plan", "--agent", "gould"), "unknown agent 'gould'", "'gold'"),
        (("plan", "--memory", "episodc"), "unknown memory 'episodc'", "'episodic'"),
        (("plan", "--sandbox", "loca"), "unknown sandbox 'loca'", "'local'"),
        (("plan", "--memory", "json:nope"), "json has no 'nope'", "module:attribute"),
        (("plan", "--config", "no.toml"), "cannot read no.toml", "experiment.toml"),
        (("resume", "no-such-run"), "no-such-run is not a run directory", "--out"),
        (("grade", "no-such-run"), "no-such-run is not a run directory", "--out"),
        (("report", "no-such-run"), "no-such-run is not a run directory", "--out"),
        (("mine", "nope"), "unknown codebase 'nope'", "seqswe list codebases"),
        (("validate", "nope"), "unknown codebase 'nope'", "ledgerlite"),
    ],
)
def test_what_cannot_be_meant_is_two_lines(seqswe, arguments, error, hint):
    assert refused(seqswe(*arguments), 2, error, hint)


@pytest.mark.parametrize(
    ("given", "error", "hint"),
    [
        (("--agent-option", "x"), "agent option 'x' is not key=value", "k=3"),
        (("--agent-option", "colour=red"), "'colour'", "It takes: none."),
        (
            ("--agent", "command"),
            "missing a required argument: 'run'",
            "--agent-option 'run=...'.",
        ),
        (("--agent", "scripted", "--agent-option", "script=no.json"), "no.json", "JSON"),
        (("--agent", "localizer", "--agent-option", "memory_weight=x"), "must be a number", "list"),
        (("--memory", "episodic", "--memory-option", "nope=1"), "'nope'", "Check its options"),
        (("--mirror", "no-such-folder"), "folder no-such-folder does not exist", "--mirror"),
    ],
)
def test_wrong_options_are_said_before_anything_is_made(seqswe, tmp_path, given, error, hint):
    answer = seqswe("run", *LOCAL, *given, "--out", "run")
    assert refused(answer, 3 if "--mirror" in given else 2, error, hint)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "command", [("run", "--out", "run"), ("validate", "ledgerlite", "--out", "toy")]
)
def test_no_docker_is_exit_code_3(seqswe, toy, command):
    answer = seqswe(*command, DOCKER_HOST="unix:///nonexistent")
    assert refused(answer, 3, "no Docker engine answers", "--sandbox local")


def test_doctor_says_that_there_is_no_docker(seqswe):
    answer = seqswe("doctor", DOCKER_HOST="unix:///nonexistent")
    assert refused(answer, 3, "checks failed")
    assert "missing  docker" in answer.out


def test_no_git_is_exit_code_3(another_process, tmp_path):
    nowhere = {"PATH": "/nonexistent", "SEQSWE_CACHE": str(tmp_path)}
    answer = another_process("run", *LOCAL, "--out", "run", **nowhere)
    assert refused(answer, 3, "git is not installed", "package manager")
    assert "git is not installed" in another_process("doctor", **nowhere).out


def test_a_codebase_that_cannot_be_cloned_is_said(seqswe, toy):
    answer = seqswe("run", *LOCAL, "--codebase", "./toy", "--out", "run")
    assert refused(answer, 3, "seqswe/ledgerlite has no URL to clone", "--mirror")
    path = toy / "manifest.toml"
    path.write_text(path.read_text().replace('url = ""', 'url = "/no/such/place.git"'))
    answer = seqswe("run", *LOCAL, "--codebase", "./toy", "--out", "run")
    assert refused(answer, 3, "cannot clone /no/such/place.git: fatal: ", "--mirror")


@pytest.fixture
def toy(tmp_path, ledgerlite):
    """A codebase in a folder of one's own, with candidates and without its shipped history."""
    folder = tmp_path / "toy"
    folder.mkdir()
    for name in ("manifest.toml", "instances.jsonl"):
        shutil.copy(ledgerlite.folder / name, folder)
    shutil.copy(folder / "instances.jsonl", folder / "candidates.jsonl")
    manifest = folder / "manifest.toml"
    manifest.write_text(manifest.read_text().replace('name = "ledgerlite"', 'name = "toy"'))
    return folder


def test_a_manifest_with_a_wrong_field_is_named(seqswe, toy):
    path = toy / "manifest.toml"
    path.write_text(path.read_text().replace("licence", "license"))
    for command in (("plan", "--codebase", "./toy"), ("mine", "./toy"), ("validate", "./toy")):
        assert refused(seqswe(*command), 2, "unknown field 'license'", "'licence'")


def test_a_mirror_that_has_no_such_clone_is_said(seqswe, toy, tmp_path):
    answer = seqswe("run", *LOCAL, "--codebase", "./toy", "--mirror", tmp_path, "--out", "run")
    assert refused(answer, 3, "has no clone of seqswe/ledgerlite", "seqswe+ledgerlite/repo")


def test_a_mirror_that_lacks_a_commit_is_said(seqswe, toy, tmp_path, ledgerlite):
    target = tmp_path / "mirrors" / "seqswe" / "ledgerlite.git"
    subprocess.run(["git", "init", "--bare", "-q", str(target)], check=True)
    answer = seqswe(
        "run", *LOCAL, "--codebase", "./toy", "--mirror", tmp_path / "mirrors", "--out", "run"
    )
    first = ledgerlite.instances[0].base_commit[:12]
    assert refused(answer, 3, f"lacks {first}", "Fetch the whole history into the mirror")
    assert not (tmp_path / "run").exists()


def test_a_mirror_for_other_codebases_does_not_hide_the_demo(seqswe, tmp_path):
    answer = seqswe("run", *LOCAL, "--out", "run", SEQSWE_MIRRORS=str(tmp_path))
    assert answer.code == 0, answer.err


def test_an_existing_run_is_not_overwritten(seqswe, finished):
    before = (finished / "run.toml").read_bytes()
    answer = seqswe("run", *LOCAL, "--out", finished)
    assert refused(answer, 2, "already holds a run", f"seqswe resume {finished}")
    assert (finished / "run.toml").read_bytes() == before


def test_a_foreign_folder_is_left_alone(seqswe, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert refused(seqswe("run", *LOCAL, "--out", "mine"), 2, "not a run directory", "--out")
    assert refused(seqswe("resume", "mine"), 2, "is not a run directory", "--out")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_a_folder_that_cannot_be_written_is_said_at_once(seqswe, tmp_path):
    (tmp_path / "file").write_text("x")
    assert refused(seqswe("run", *LOCAL, "--out", "file/run"), 2, "cannot write file/run", "--out")


def test_settings_that_differ_on_resume_are_refused(seqswe, finished):
    answer = seqswe("resume", finished, "--memory", "episodic")
    assert refused(answer, 2, "memory: 'none' → 'episodic'", "another --out")


def test_a_damaged_journal_is_refused(seqswe, finished, tmp_path):
    run = shutil.copytree(finished, tmp_path / "run")
    lines = (run / "rollouts.jsonl").read_text().splitlines()
    (run / "rollouts.jsonl").write_text("\n".join([lines[0][:50], *lines[1:]]) + "\n")
    for command in (("report", run), ("grade", run)):
        assert refused(seqswe(*command), 2, "line 1 is damaged", "Restore the journal")


def test_a_finished_run_is_resumed_at_once(seqswe, finished):
    before = (finished / "rollouts.jsonl").read_bytes()
    answer = seqswe("resume", finished, "--jobs", "1")
    assert answer.code == 0, answer.err
    assert (finished / "rollouts.jsonl").read_bytes() == before


def test_a_run_remembers_which_tests_graded_it(finished):
    records = manifests.load("ledgerlite").instances[:2]
    counts = RunDirectory.open(finished).info.tests
    assert counts.fail_to_pass == sum(len(record.FAIL_TO_PASS) for record in records) > 0
    assert counts.pass_to_pass == sum(len(record.PASS_TO_PASS) for record in records) > 0
    assert (counts.quarantined, counts.quarantined_tasks) == (0, 0)


def test_a_cache_that_cannot_be_written_is_two_lines(seqswe, tmp_path):
    (tmp_path / "file").write_text("x")
    answer = seqswe("run", *LOCAL, "--out", "run", SEQSWE_CACHE=str(tmp_path / "file" / "cache"))
    assert refused(answer, 3, "Not a directory", "permissions")


@pytest.mark.parametrize(
    ("text", "error", "hint"),
    [
        ("sedes = 3", "unknown field 'sedes'", "'seeds'"),
        ("seeds = 3.7", "field 'seeds' must be a whole number or a text, not 3.7", ""),
        ("seeds = true", "field 'seeds' must be a whole number or a text, not True", ""),
        ("arm = 'iid'", "field 'arm' must be a list, not 'iid'", ""),
        ("arm = ['idd']", "unknown arm 'idd'", "iid"),
        ("feedback = 'all'", "must be one of none, verdict, tests, gold", ""),
        ("seeds = ", "not TOML", "line"),
    ],
)
def test_a_wrong_line_of_experiment_toml_is_named(seqswe, tmp_path, text, error, hint):
    (tmp_path / "experiment.toml").write_text(text)
    assert refused(seqswe("plan", "--config", "experiment.toml"), 2, error, hint)


def settings(answer):
    """What `plan` printed: value and origin by setting."""
    assert answer.code == 0, answer.err
    lines = answer.out.split("\n\n")[0].splitlines()
    table = [line for line in lines if "others are at their defaults" not in line]
    return {line.split()[0]: (" ".join(line.split()[1:-1]), line.split()[-1]) for line in table}


def test_flag_comes_before_environment_before_file_before_default(seqswe, tmp_path):
    text = 'jobs = 5\nseeds = 5\nlimit = 5\nagent-option = ["memory_weight=1"]\n'
    (tmp_path / "e.toml").write_text(text)
    found = settings(
        seqswe(
            *("plan", "--verbose", "--config", "e.toml", "--jobs", "7"),
            SEQSWE_JOBS="6",
            SEQSWE_SEEDS="6",
        )
    )
    assert found["jobs"] == ("7", "flag")
    assert found["seeds"] == ("6", "environment")
    assert found["limit"] == ("5", "file")
    assert found["agent_option"] == ("memory_weight=1", "file")
    assert found["retries"] == ("2", "default")


def test_a_plan_shows_what_says_most_unless_all_is_asked_for(seqswe):
    few, all_ = settings(seqswe("plan")), settings(seqswe("plan", "--verbose"))
    assert set(few) < set(all_)
    assert {"codebase", "agent", "memory", "seeds"} <= set(few)
    assert "retries" not in few


def test_a_variable_may_name_the_file_and_several_arms(seqswe, tmp_path):
    (tmp_path / "e.toml").write_text("jobs = 5\n")
    found = settings(seqswe("plan", SEQSWE_CONFIG="e.toml", SEQSWE_ARM="nomem iid"))
    assert found["jobs"] == ("5", "file")
    assert found["arm"] == ("nomem iid", "environment")


def test_plan_counts_what_each_arm_runs_and_names_what_is_diagnostic(seqswe):
    arms = ("--arm", "iid", "--arm", "sequential", "--arm", "frozen", "--arm", "replay-1")
    answer = seqswe("plan", "--limit", "4", *arms)
    assert answer.code == 0
    assert "57 rollouts: 3 seeds x tasks of each arm (iid 4, sequential 4, " in answer.out
    assert "frozen-0 4, frozen-1 3, frozen-2 2, frozen-3 1, replay-1 1)" in answer.out
    assert "DIAGNOSTIC, no part of the headline: replay-1\n" in answer.out


def test_plan_needs_no_docker_and_makes_nothing(seqswe, tmp_path):
    answer = seqswe("plan", "--limit", "4", DOCKER_HOST="unix:///nonexistent")
    assert answer.code == 0
    assert "24 rollouts: 4 tasks x 2 arms x 3 seeds" in answer.out
    assert list(tmp_path.iterdir()) == []


def test_run_reads_the_same_variables_as_plan(seqswe, tmp_path):
    variables = {
        "SEQSWE_LIMIT": "1", "SEQSWE_SEEDS": "1", "SEQSWE_ARM": "iid", "SEQSWE_AGENT": "noop",
        "SEQSWE_SANDBOX": "local", "SEQSWE_OUT": "run", "SEQSWE_MEMORY": "none",
    }  # fmt: skip
    answer = seqswe("run", **variables)
    assert answer.code == 0, answer.err
    assert len((tmp_path / "run" / "rollouts.jsonl").read_text().splitlines()) == 1


def test_validate_reads_the_same_variables(seqswe):
    assert refused(seqswe("validate", "ledgerlite", SEQSWE_JOBS="x"), 2, "'x' is not a valid int")


def test_the_variable_of_the_cache_is_no_order_to_clear_it(seqswe, cache):
    (cache / "clones").mkdir(exist_ok=True)
    answer = seqswe("clean", DOCKER_HOST="unix:///nonexistent")
    assert answer.code == 0, answer.err
    assert (cache / "clones").is_dir()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(seqswe, command):
    answer = seqswe(command, "--help")
    assert answer.code == 0, answer.err
    assert answer.out.startswith(f"Usage: seqswe {command}")


def test_no_command_is_a_question_for_help(seqswe):
    assert seqswe().out == seqswe("--help").out


def test_help_imports_nothing_heavy(cache):
    code = (
        "import sys, atexit, json\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules))))\n"
        "from seqswe.cli import main; main(['--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert not loaded & {"numpy", "docker", "git", "scipy", "rich", "chromadb", "harness"}
    assert all(command in done.stdout for command in COMMANDS)


@pytest.mark.parametrize(
    ("what", "known"),
    [("codebases", "ledgerlite"), ("agents", "localizer"), ("memories", "episodic"),
     ("sandboxes", "docker"), ("reports", "html")],
)  # fmt: skip
def test_list_names_what_is_installed(seqswe, what, known):
    answer = seqswe("list", what)
    assert answer.code == 0
    assert any(line.startswith(known) for line in answer.out.splitlines())
    assert "not usable" not in answer.out


def test_plan_says_what_is_found_what_was_assumed_and_what_more_costs(seqswe):
    answer = seqswe(
        "plan",
        "--codebase",
        "ledgerlite",
        "--detect",
        "20points",
        "--rollout-cost",
        "0.5",
        "--seeds",
        "3,iid=4",
    )
    assert answer.code == 0
    assert "483 rollouts: tasks x seeds of each arm (iid 69 x 4, sequential 69 x 3)" in answer.out
    assert re.search(r"a mean lift of \d+\.\d points is detected with 80 % power", answer.out)
    assert re.search(
        r"to find 20 points with 80 % power: --seeds 3, 414 rollouts, at most 207\.00 ", answer.out
    )
    assert "sequential runs differ by 2.35 points" in answer.out


@pytest.mark.parametrize("lift", ["0", "60", "5%", "x"])
def test_a_lift_that_cannot_be_planned_for_is_refused(seqswe, lift):
    answer = seqswe("plan", "--detect", lift)
    assert answer.code == 2
    assert f"'{lift}' is no lift that can be planned for" in answer.err
