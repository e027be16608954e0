"""Files that agents read on their own: found by mining, counted, kept or hidden."""

import json
import os
import shutil
import subprocess

import pytest

from seqswe.cli import main

MANIFEST = """
name = "tiny"
repo = "x/tiny"
url = "{clone}"
licence = ""
schema_version = 1
[layout]
source = ["tiny"]
tests = ["tests"]
[python]
version = "{version}"
requirements = ["pytest>=8"]
distribution = "tiny"
"""
TOLD = {
    2: {"CLAUDE.md": "Use tabs.\n", ".cursor/rules/style.mdc": "Use tabs.\n"},
    3: {"pkg/AGENTS.md": "Run make.\n", ".github/copilot-instructions.md": "Be brief.\n"},
}
"""What comes with which commit; the task after it is the first that has it."""
NO_INSTRUCTIONS = {"docs/agents.md": "The agents of our product.\n", ".github/CODEOWNERS": "x\n"}


def git(folder, *words, day=0):
    who = {f"GIT_{a}_{b}": "x" for a in ("AUTHOR", "COMMITTER") for b in ("NAME", "EMAIL")}
    when = f"2024-01-{day + 1:02}T00:00:00+00:00"
    env = {**os.environ, **who, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
    subprocess.run(["git", *words], cwd=folder, env=env, check=True, capture_output=True)


@pytest.fixture(scope="module")
def codebase(tmp_path_factory):
    """The folder of a codebase of four tasks, mined by the command line."""
    import sys

    top = tmp_path_factory.mktemp("codebase")
    clone, folder = top / "clone", top / "tiny"
    clone.mkdir()
    git(clone, "init", "-q", "-b", "main", ".")
    for number in range(5):
        files = {
            "tiny/__init__.py": f"NUMBER = {number}\n",
            f"tests/test_{number}.py": f"from tiny import NUMBER\n\n"
            f"def test_{number}():\n    assert NUMBER >= {number}\n",
            **(NO_INSTRUCTIONS if number == 0 else TOLD.get(number, {})),
        }
        for name, text in files.items():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            (clone / name).write_text(text)
        git(clone, "add", "-A")
        git(clone, "commit", "-q", "-m", f"Count to {number}", day=number)
    folder.mkdir()
    version = "{}.{}".format(*sys.version_info[:2])
    (folder / "manifest.toml").write_text(MANIFEST.format(clone=clone, version=version))
    with pytest.raises(SystemExit) as ended:
        main(["mine", str(folder), "--out", str(folder)])
    assert ended.value.code == 0
    lines = [json.loads(line) for line in (folder / "candidates.jsonl").read_text().splitlines()]
    for number, line in enumerate(lines, 1):
        line["FAIL_TO_PASS"] = [f"tests/test_{number}.py::test_{number}"]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "instances.jsonl").write_text(text)
    return folder


@pytest.fixture
def seqswe(capsys):
    """`seqswe("plan", ...)` gives (exit code, output, errors)."""

    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return call


def test_mining_finds_them_task_by_task(codebase):
    lines = [json.loads(line) for line in (codebase / "instances.jsonl").read_text().splitlines()]
    later = [".cursor/rules/style.mdc", "CLAUDE.md"]
    latest = sorted([*later, "pkg/AGENTS.md", ".github/copilot-instructions.md"])
    assert [line.get("instructions") for line in lines] == [[], [], later, latest]


def test_plan_counts_them_and_says_since_when(codebase, seqswe):
    code, out, err = seqswe("plan", "--codebase", codebase, "--sandbox", "local")
    assert code == 0, err
    assert "2 of 4 tasks hold files that agents read on their own" in out
    assert "CLAUDE.md from task 3 on" in out
    assert "pkg/AGENTS.md from task 4 on" in out
    assert "docs/agents.md" not in out


def test_plan_says_where_nobody_looked(codebase, seqswe, tmp_path):
    old = tmp_path / "tiny"
    shutil.copytree(codebase, old)
    lines = [json.loads(line) for line in (old / "instances.jsonl").read_text().splitlines()]
    without = [{k: v for k, v in line.items() if k != "instructions"} for line in lines]
    (old / "instances.jsonl").write_text("".join(json.dumps(line) + "\n" for line in without))
    code, out, _ = seqswe("plan", "--codebase", old, "--sandbox", "local")
    assert code == 0
    assert "not looked for when 4 tasks were mined" in out
    run = ("--codebase", old, "--sandbox", "local", "--memory", "none", "--seeds", 1)
    assert seqswe("run", *run, "--agent", "gold", "--arm", "iid", "--out", tmp_path / "run")[0] == 0
    assert "CLAUDE.md from task 3 on" in seqswe("report", tmp_path / "run")[2], "a run does look"


LOOKS = """
{ echo "status: $(git status --porcelain)"; echo "here: $(ls -A | tr '\\n' ' ')"
  echo "history: $(git show HEAD:CLAUDE.md)"; } > "$HOME/seen.txt"
mv "$HOME/seen.txt" tiny/seen.txt
"""
WRITES = (
    LOOKS
    + """
git checkout -q . 2>/dev/null; mkdir -p .cursor/rules
echo "My own notes." > CLAUDE.md; echo "Mine." > .cursor/rules/style.mdc
git add -A -f; git commit -q -m mine
"""
)


@pytest.mark.parametrize(
    ("sandbox", "script"),
    [
        pytest.param("local", LOOKS, id="local-looks"),
        pytest.param("docker", LOOKS, id="docker-looks", marks=pytest.mark.docker),
        pytest.param("local", WRITES, id="local-writes"),
    ],
)
def test_hidden_files_are_neither_in_the_tree_nor_in_the_patch(
    codebase, seqswe, tmp_path, request, sandbox, script
):
    if sandbox == "docker":
        request.getfixturevalue("docker")
    given = ("--codebase", codebase, "--sandbox", sandbox, "--memory", "none", "--seeds", 1)
    agent = ("--agent", "command", "--agent-option", f"run={script}", "--instructions", "hide")
    code, _, err = seqswe("run", *given, *agent, "--arm", "iid", "--out", tmp_path / "run")
    assert code == 0, err
    patches = sorted((tmp_path / "run" / "rollouts" / "iid-0").glob("*/patch.diff"))
    for number, patch in enumerate(patches, 1):
        text = patch.read_text()
        if number > 2:
            assert text.count("diff --git") == 1
            assert "+status: \n" in text, "git sees no change"
            [here] = [line for line in text.splitlines() if line.startswith("+here: ")]
            assert "CLAUDE.md" not in here
            assert ".cursor" not in here
            assert "+history: Use tabs." in text
    assert "INSTRUCTIONS hidden: 2 of 4 tasks" in seqswe("report", tmp_path / "run")[2]


def test_they_are_kept_by_default_and_the_report_says_so(codebase, seqswe, tmp_path):
    given = ("--codebase", codebase, "--sandbox", "local", "--memory", "none", "--seeds", 1)
    agent = ("--agent", "command", "--agent-option", "run=cp CLAUDE.md tiny/seen.txt || true")
    code, _, err = seqswe("run", *given, *agent, "--arm", "iid", "--out", tmp_path / "run")
    assert code == 0, err
    patches = sorted((tmp_path / "run" / "rollouts" / "iid-0").glob("*/patch.diff"))
    assert ["Use tabs." in patch.read_text() for patch in patches] == [False, False, True, True]
    _, _, err = seqswe("report", tmp_path / "run")
    assert "INSTRUCTIONS kept: 2 of 4 tasks" in err
    data = json.loads((tmp_path / "run" / "report.json").read_text())
    assert data["runs"][0]["instructions"]["since"]["CLAUDE.md"] == 3
