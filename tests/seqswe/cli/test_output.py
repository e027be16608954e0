"""Every command speaks alike: --quiet, --verbose, --json, headings, completion, progress."""

import json
import os
import re
import subprocess
import sys

import click
import pytest

from seqswe.cli import COMMANDS, cli, main
from seqswe.cli.options import COMMON, SERVING, headings_of_settings
from seqswe.cli.progress import left, progress, span
from seqswe.cli.study_progress import StudyProgress
from seqswe.experiment import affecting, settings


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def commands():
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        if isinstance(command, click.Group):
            yield from ((f"{name} {each.name}", each) for each in command.commands.values())
        else:
            yield name, command


def test_every_command_has_them():
    for name, command in commands():
        flags = {flag for p in command.params for flag in p.opts}
        wanted = {f"--{each}" for each in COMMON} - ({"--json"} if name in SERVING else set())
        assert wanted <= flags, name


def test_json_is_one_document_for_a_result_and_for_an_error(capsys):
    code, out, err = call(capsys, "list", "arms", "--json")
    said = json.loads(out)
    assert (code, err, said["command"], said["exit_code"]) == (0, "", "list", 0)
    assert said["lines"][0].startswith("iid ")
    code, out, _ = call(capsys, "list", "arm", "--json")
    assert json.loads(out)["error"]["hint"].startswith("Did you mean 'arms'?")
    assert json.loads(out)["exit_code"] == code == 2
    assert call(capsys, "list", "arms")[1].startswith("iid "), "the next command has lines again"


def test_help_groups_settings_under_headings(capsys):
    out = call(capsys, "run", "--help")[1]
    places = [
        out.index(f"\n{heading}:") for heading in dict.fromkeys(headings_of_settings().values())
    ]
    assert places == sorted(places)
    assert out.index("\nOptions:") < places[0] < out.index("\nOutput and help:")


def test_help_of_resume_shows_what_can_be_given(capsys):
    out = call(capsys, "resume", "--help")[1]
    flags = set(re.findall(r"^  --([\w-]+)", out, re.MULTILINE))
    shown = {name for name in settings() if name.replace("_", "-") in flags}
    assert shown == settings().keys() - affecting("outcome")


def test_the_shell_completes_names(tmp_path):
    def completed(words):
        env = {**os.environ, "_SEQSWE_COMPLETE": "bash_complete", "COMP_WORDS": words}
        env["COMP_CWORD"] = str(len(words.split()) - 1)
        command = [sys.executable, "-c", "from seqswe.cli import cli; cli(prog_name='seqswe')"]
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert completed("seqswe pla") == ["plan"]
    assert completed("seqswe run --memory epi") == ["episodic"]
    assert completed("seqswe run --codebase ledgerlite-") == ["ledgerlite-injected"]
    assert completed("seqswe run --arm seq") == ["sequential"]


def test_without_a_terminal_progress_is_whole_lines(capsys):
    with progress("rollouts", 2, 1) as bar:
        bar.advance("iid  1 resolved", "failures: none")
    assert capsys.readouterr().err == "rollouts 2/2: 0 s; iid 1 resolved; failures: none\n"


def test_a_study_says_which_run_is_at_hand_and_how_long_all_of_them_take(tmp_path):
    study = StudyProgress(tmp_path, [8, 0, 8, 8])
    study.begin(1)
    study.expect(2)  # the others may turn out to be as small
    assert [study.line() for _ in range(2)] == ["study: run 1 of 4"] * 2, "too early to tell"
    study.begin(3)
    assert study.line() == "study: run 3 of 4, about 0 s left"
    study.begin(4)
    assert {study.line() for _ in range(7)} == {"study: run 4 of 4, about 0 s left"}
    assert {study.line() for _ in range(2)} == {"study: run 4 of 4"}, "one was run again"


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_on_a_terminal_progress_fits_its_width(columns, tmp_path):
    code = (
        "import sys; sys.stderr.isatty = lambda: True\n"
        "from seqswe.cli.progress import progress\n"
        "with progress('rollouts', 400, 0) as bar:\n"
        "    bar.advance('iid  1 resolved of 1 graded')\n"
    )
    env = {
        **os.environ,
        "COLUMNS": str(columns),
        "NO_COLOR": "1",
        "TERM": "xterm",
        "FORCE_COLOR": "",
    }
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert any("1/400" in line for line in lines), done.stderr
    assert any("1 resolved of 1 graded" in line for line in lines)
    assert all(len(line) <= columns for line in lines)
    assert "\x1b[3" not in done.stderr, "no colours"


def test_the_time_that_is_left():
    assert left(30.0, 3, 12) == "about 90 s left"
    assert left(30.0, 2, 12) == "", "too early to say"
    assert [span(s) for s in (9.6, 600, 36_000)] == ["10 s", "10 min", "10.0 h"]
