"""Every command in README and docs is one that exists, with options that exist.

They are of three kinds. What stands in README's and start.md's first blocks is run here as it
stands, on few tasks. What needs a clone is parsed, and planned where SEQSWE_MIRRORS names a folder
of clones. What needs a key is parsed; a replay of such a run is in tests/harness/agents/recipes.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from seqswe.cli import cli
from seqswe.errors import ManifestError

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(?ms)^```\w*\n(.*?)^```")
LEFT_OUT = re.compile(r"\s(\.\.\.|…)(?=\s|$)|[\[\]]")
"""What stands for more of the same, and the brackets around what may be left out."""
KEY = {"--model", "--memory-model"}
PLACEHOLDERS = {"CODEBASE", "NAME", "RUN"}


def commands(page: Path) -> list[str]:
    """The command lines of a page, without their comments."""
    lines = []
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            line = re.sub(r"\s+#.*", "", line.strip())
            if re.match(r"(seqswe|python -m|make)\s", line):
                lines.append(line)
    return lines


ALL = [(page.name, line) for page in PAGES for line in commands(page)]
OURS = [(page, line) for page, line in ALL if line.startswith("seqswe ")]


def kind(words: list[str]) -> str:
    """`key`, `clone` or `as it stands`."""
    if KEY & set(words):
        return "key"
    codebase = words[words.index("--codebase") + 1] if "--codebase" in words else ""
    named = PLACEHOLDERS & set(words) or words[0] in ("mine", "validate", "inject", "rename")
    ours = codebase.startswith("ledgerlite") or not codebase
    return "as it stands" if ours and "--mirror" not in words and not named else "clone"


def parsed(words: list[str]) -> click.Context:
    """What click makes of a command, without running it. Raises click.UsageError."""
    group = cli.make_context("seqswe", list(words))
    name, command, rest = cli.resolve_command(group, list(words))
    assert command is not None
    return command.make_context(name, list(rest), parent=group)


@pytest.mark.parametrize(("page", "line"), OURS, ids=[f"{p}: {c[:60]}" for p, c in OURS])
def test_a_command_of_the_docs_can_be_read(page, line):
    words = shlex.split(LEFT_OUT.sub("", line).partition(" > ")[0])[1:]
    try:
        parsed(words)
    except (click.BadParameter, ManifestError) as error:
        # A placeholder's folder, and a user's settings, are on no machine.
        if not re.search("does not exist|No such file", str(error)):
            raise


@pytest.mark.parametrize("line", sorted({c for _, c in ALL if c.startswith("python -m bench")}))
def test_a_module_of_the_docs_is_there(line):
    module = shlex.split(line)[2]
    assert (ROOT / (module.replace(".", "/") + ".py")).is_file()


def test_a_target_of_make_is_there():
    targets = re.findall(r"(?m)^(\w+):", (ROOT / "Makefile").read_text())
    named = {word for _, c in ALL if c.startswith("make ") for word in c.split()[1:]}
    assert named <= set(targets)


def as_they_stand(page: Path) -> list[str]:
    lines = [c for c in commands(page) if c.startswith(("seqswe ", "python -m pytest"))]
    return [c for c in lines if kind(shlex.split(c)[1:]) == "as it stands" and "doctor" not in c]


def test_the_first_steps_run_as_they_stand(tmp_path):
    """In order, in a folder of their own, as a shell would; on few tasks, without containers."""
    lines = as_they_stand(ROOT / "docs" / "start.md")
    assert set(as_they_stand(ROOT / "README.md")) <= set(lines)
    assert any("demo" in c for c in lines)
    few = {"SEQSWE_LIMIT": "2", "SEQSWE_SANDBOX": "local", "SEQSWE_SEEDS": "1"}
    scripts = Path(sys.executable).parent
    environment = {**os.environ, **few, "PATH": f"{scripts}:{os.environ['PATH']}"}
    script = "set -e\n" + "\n".join(lines)
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob("report.html"))


MIRRORS = os.environ.get("SEQSWE_MIRRORS", "")
CLONED = sorted(
    {c for _, c in OURS if c.startswith("seqswe run ") and kind(shlex.split(c)[1:]) == "clone"}
)


@pytest.mark.skipif(not MIRRORS, reason="SEQSWE_MIRRORS names no folder of clones")
@pytest.mark.parametrize("line", CLONED)
def test_what_needs_a_clone_can_be_planned(line):
    words = shlex.split(LEFT_OUT.sub("", line))
    words = [w.replace("DIR", MIRRORS) for w in words]
    codebase = words[words.index("--codebase") + 1] if "--codebase" in words else ""
    own = any(sign in line for sign in ("my_package", "mine.toml", "./", "NAME-"))
    if PLACEHOLDERS & set(words) or "/" in codebase or own:
        pytest.skip("it holds a placeholder")
    at = words.index("--out") if "--out" in words else len(words)
    plan = ["seqswe", "plan", *words[2:at], *words[at + 2 :], "--mirror", MIRRORS]
    done = subprocess.run([sys.executable, "-m", *plan], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
