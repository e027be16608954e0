"""Outcomes of other packages: in every report once installed, and never in its way."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from seqswe.agent import Usage
from seqswe.runs.outcomes import BUILT_IN
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunDirectory
from tests.seqswe.conftest import PlantRun, outcomes_of

ROOT = Path(__file__).parents[3]
EXAMPLE = "quick = house:quick\nfiles_edited = house:files_edited"
BROKEN = """
from dataclasses import replace
from seqswe.outcome import amount

def raising(rollout):
    raise KeyError("mood") if rollout.position % 2 else AttributeError("no luck")

amiss = amount("amiss", "Amiss", "per task", raising)
endless = amount("endless", "Endless", "per task", lambda r: float("inf") if r.seed else 3.0)
resolved = amount("resolved", "Better than yours", "per task", lambda r: 1.0)
maker = lambda: amiss
"""
REGISTERED = """amiss = shed:amiss
endless = shed:endless
resolved = shed:resolved
maker = shed:maker
other_name = shed:amiss
absent = shed:absent
nowhere = no_such_module:thing
leaves = leaving:thing
"""


def package(folder: Path, name: str, code: str, points: str) -> Path:
    """A distribution of one module that registers outcomes, as an installer leaves it."""
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(code, encoding="utf-8")
    (about / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[seqswe.outcome]\n{points}\n")
    return folder


def seqswe(*arguments: object, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    places = os.pathsep.join(map(str, filter(None, (path, ROOT))))
    return subprocess.run(
        [sys.executable, "-m", "seqswe", *map(str, arguments)],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": places},
    )  # fmt: skip


def of_docs() -> str:
    """The module that docs/outcomes.md shows."""
    text = (ROOT / "docs" / "outcomes.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)[0]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """The package of docs/outcomes.md, with the outcomes `quick` and `files_edited`."""
    return package(tmp_path / "house", "house", of_docs(), EXAMPLE)


@pytest.fixture
def shed(tmp_path: Path) -> Path:
    """A package of which nothing works: it registers eight outcomes, each with another fault."""
    (tmp_path / "shed").mkdir()
    (tmp_path / "shed" / "leaving.py").write_text("raise SystemExit(0)\n")
    return package(tmp_path / "shed", "shed", BROKEN, REGISTERED)


def quicker(made: Rollout) -> Rollout:
    carried = made.arm == "sequential"
    edited = ("a.py", "b.py")[: 1 + (made.position % 2)]
    return replace(made, usage=Usage(steps=4 if carried else 5), edited_files=edited)


@pytest.fixture
def run(plant: PlantRun) -> RunDirectory:
    return plant(outcomes_of(20, 3, lift=0.3), change=quicker)


def reports(run: RunDirectory, out: Path, path: Path | None = None) -> Mapping[str, str]:
    """What `seqswe report` writes by format, and what it prints to people."""
    formats = [part for name in ("json", "markdown", "html", "csv") for part in ("--format", name)]
    done = seqswe("report", run.root, "--out", out, *formats, path=path)
    assert done.returncode == 0, done.stderr
    made = {file.suffix: file.read_text(encoding="utf-8") for file in out.iterdir()}
    return {**made, "people": done.stdout + done.stderr}


def test_the_outcome_of_the_docs_is_in_every_report(
    run: RunDirectory, house: Path, tmp_path: Path
) -> None:
    made = reports(run, tmp_path / "out", house)
    data = json.loads(made[".json"])
    assert [w for w in data["warnings"] if "quick" in w] == []
    for arm in data["arms"]:
        names = list(arm["outcomes"])
        assert names[-2:] == ["files_edited", "quick"]
        assert names[:-2] == [name for name in BUILT_IN if name in names]
        assert arm["outcomes"]["files_edited"]["mean"] == 1.5
    contrast = next(c for c in data["contrasts"] if c["outcome"] == "quick")
    assert (contrast["title"], contrast["better"]) == ("Resolved within 5 steps", "higher")
    resolved = next(c for c in data["contrasts"] if c["outcome"] == "resolved")
    assert contrast["estimate"] == resolved["estimate"]
    assert "| Resolved within 5 steps | sequential − iid |" in made[".md"]
    for text in ("Resolved within 5 steps, sequential − iid", "Files edited, sequential − iid"):
        assert text in made[".html"]
    assert next(csv.reader(made[".csv"].splitlines()))[-2:] == ["files_edited", "quick"]


def test_baselines_keep_it_and_a_comparison_gates_on_it(
    run: RunDirectory, house: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text(seqswe("baseline", run.root, path=house).stdout)
    assert "files_edited" in json.loads(kept.read_text())["arms"]["iid"]
    compared = seqswe("compare", kept, run.root, "--outcome", "quick", path=house)
    assert compared.returncode == 0
    assert "Resolved within 5 steps of sequential went from" in compared.stdout
    # A baseline from here is as good where the package is not installed, but for its outcomes.
    assert "the very same outcomes" in seqswe("compare", kept, run.root).stdout
    gone = seqswe("compare", kept, kept, "--outcome", "quick")
    assert gone.returncode == 2
    assert "no package here says what it means" in gone.stderr
    assert "Install the one that registers it under seqswe.outcome." in gone.stderr


def test_results_are_the_same_whatever_is_installed(
    run: RunDirectory, house: Path, tmp_path: Path
) -> None:
    runs = [
        json.loads(reports(run, tmp_path / f"out{number}", path)[".json"])["runs"]
        for number, path in enumerate((None, house))
    ]
    assert runs[0] == runs[1]


def test_a_package_that_is_broken_leaves_the_rest_of_the_report_as_it_was(
    run: RunDirectory, shed: Path, tmp_path: Path
) -> None:
    plain, made = reports(run, tmp_path / "plain"), reports(run, tmp_path / "out", shed)
    before, data = json.loads(plain[".json"]), json.loads(made[".json"])
    for arm in data["arms"]:
        assert arm["outcomes"].pop("endless")["missing"] == 40
    assert data["arms"] == before["arms"]
    for text in (
        "Outcome 'amiss' is taken as missing in 120 of 120 rollouts, where it cannot be measured: "
        "AttributeError: no luck.",
        "Outcome 'endless' is taken as missing in 80 of 120 rollouts, where it cannot be measured: "
        "ValueError: inf is outside 0 to 1e+15.",
        "Not reported: outcome 'absent': shed has no 'absent'. Give module:attribute",
        "Not reported: outcome 'nowhere': there is no module 'no_such_module'. Give",
        "Not reported: outcome 'other_name' is called 'amiss'. Register it under its own name.",
        "Not reported: outcome 'resolved' of shed:resolved has the name of a built-in. Give it a",
        "Not reported: outcome 'leaves': its module ends the program when it is imported. Put",
        "Not reported: outcome 'maker' is of the type function, not an Outcome. Register",
        "Register what share() or amount() of seqswe.outcome gives.",
    ):
        assert any(text in warning for warning in data["warnings"]), text
        assert text in made["people"]
    assert "Traceback" not in made["people"]


def test_list_shows_whose_outcomes_there_are_and_what_is_wrong(
    house: Path, shed: Path, tmp_path: Path
) -> None:
    both = Path(f"{house}{os.pathsep}{shed}")
    told = " ".join(seqswe("list", "outcomes", path=both).stdout.split())
    assert "quick Resolved within 5 steps (share of tasks); higher is better" in told
    assert told.index("memory_bytes") < told.index("amiss") < told.index("files_edited")
    assert "absent not usable: outcome 'absent': shed has no 'absent'" in told


def test_a_name_that_two_packages_take_belongs_to_neither(house: Path, tmp_path: Path) -> None:
    other = package(tmp_path / "other", "other", of_docs(), "quick = other:quick")
    told = seqswe("list", "outcomes", path=Path(f"{house}{os.pathsep}{other}")).stdout
    assert "is registered more than once: house:quick, other:quick" in " ".join(told.split())


def test_outcomes_are_not_read_before_somebody_asks(house: Path) -> None:
    (house / "house.py").write_text("raise RuntimeError('imported')\n")
    code = "import sys, seqswe.cli; sys.exit('seqswe.runs' in sys.modules)"
    path = os.pathsep.join((str(house), str(ROOT)))
    env = {**os.environ, "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
    assert seqswe("--help", path=house).returncode == 0
