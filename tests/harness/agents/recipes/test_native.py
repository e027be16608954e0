"""An agent's own memory: its files below HOME go from task to task, and only there."""

import json

import pytest

from harness.agents.recipes import load
from seqswe.cli import main

RECIPE = """
name = "own"
about = "A test's own"
command = ["sh", "-c", '''
mkdir -p "$HOME/.own/notes" && echo "again ${{switch}}" >> "$HOME/.own/notes/all.md"
cp "$HOME/.own/notes/all.md" seen.md
''', "sh", "${prompt}"]
environment = { OWN = "off" }

[native]
files = [".own/**"]
environment = { OWN = "on" }
"""


@pytest.fixture
def recipe(tmp_path):
    load.cache_clear()
    path = tmp_path / "own.toml"
    path.write_text(RECIPE.replace("${{switch}}", "$$OWN").replace('"$HOME', '"$$HOME'))
    return str(path)


def seen(ended, arm):
    """What the agent found in its own memory, and then some, by position."""
    folders = sorted(ended.store.root.glob(f"rollouts/{arm}-0/*/patch.diff"))
    return [
        [line[1:] for line in path.read_text().splitlines() if line.startswith("+again")]
        for path in folders
    ]


def test_it_is_handed_on_in_a_chain_wiped_before_each_task_of_iid_and_off_without(run, recipe):
    arms = ("iid", "sequential", "nomem")
    ended = run("--agent", recipe, "--memory", "native", arms=arms)
    assert ended.code == 0, ended.err
    assert seen(ended, "sequential") == [["again on"] * n for n in (1, 2, 3)]
    assert seen(ended, "iid") == [["again on"]] * 3
    assert seen(ended, "nomem") == [["again off"]] * 3
    (path,) = ended.store.root.glob("rollouts/sequential-0/0002-*/experience.json")
    told = json.loads(path.read_text())
    assert told["notes"]["own_files"] == {".own/notes/all.md": "again on\n" * 3}


def test_with_another_memory_it_stays_off(run, recipe):
    assert seen(run("--agent", recipe, limit=2), "sequential") == [["again off"]] * 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param(["--agent", "gold"], "has no memory of its own", id="another agent"),
        pytest.param(["--agent", "OWN", "--delivery", "folder"], "nothing to deliver", id="way"),
    ],
)
def test_what_makes_no_sense_is_refused(capsys, tmp_path, recipe, given, said):
    words = [recipe if word == "OWN" else word for word in given]
    out = ["--sandbox", "local", "--memory", "native", "--out", str(tmp_path / "run")]
    with pytest.raises(SystemExit) as stopped:
        main(["run", *words, *out])
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err
