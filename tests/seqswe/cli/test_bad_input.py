"""Bad input end to end: what `report`, `compare`, `baseline` and `view` say, and how they exit."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from seqswe.agent import Usage
from seqswe.cli import main
from seqswe.reports.html import HtmlReport
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunDirectory
from tests.seqswe.conftest import PlantRun, failed, outcomes_of

TASKS = 24
EVERY = [part for name in ("json", "markdown", "csv", "junit") for part in ("--format", name)]
MADE = outcomes_of(TASKS, 3, lift=0.2)

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """The command line as a user meets it: exit code, output, and what was said beside it."""

    def made(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return made


def refused(answer: tuple[int, str, str], code: int, error: str) -> bool:
    """Exactly two lines, nothing on the output, and the right exit code."""
    given, out, err = answer
    lines = err.splitlines()
    assert (given, out, len(lines)) == (code, "", 2), answer
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("hint:  ")
    assert error in lines[0]
    return True


def journal(run: RunDirectory) -> Path:
    return run.root / "rollouts.jsonl"


def test_a_cut_last_line_is_dropped_and_said(plant: PlantRun, call: Call) -> None:
    run = plant(MADE)
    journal(run).write_bytes(journal(run).read_bytes()[:-40])
    code, out, err = call("report", run.root, *EVERY)
    assert code == 0
    assert out.startswith("INCOMPLETE ")
    assert "last line was half written" in err
    assert "1 of 144 rollouts have no verdict" in err
    for name in ("report.md", "report.json"):
        assert "half written" in (run.root / name).read_text()
    cases = ElementTree.parse(run.root / "report.xml").findall(".//testcase/error")
    assert len(cases) == 1


def test_a_cut_run_neither_passes_nor_becomes_a_baseline(plant: PlantRun, call: Call) -> None:
    whole, cut = plant(MADE, name="whole"), plant(MADE, name="cut")
    journal(cut).write_bytes(journal(cut).read_bytes()[:-40])
    for arguments in (
        ("compare", whole.root, cut.root),
        ("compare", cut.root, whole.root),
        ("baseline", cut.root),
    ):
        assert refused(call(*arguments), 5, "1 of 144 rollouts have no verdict")


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [*lines[:5], b"\n", *lines[5:]],
        lambda lines: [*lines[:5], lines[5][:60] + b"\n", *lines[6:]],
        lambda lines: [*lines, b"garbage\n"],
        lambda lines: [
            *lines[:5],
            lines[5].replace(b'"position": 5', b'"position": 6'),
            *lines[6:],
        ],
        lambda lines: [*lines[:5], lines[5].replace(b"task-", b"other-"), *lines[6:]],
        lambda lines: [*lines[:5], b"\xff" + lines[5], *lines[6:]],
    ],
    ids=["blank line", "cut line", "garbage", "other position", "other task", "not UTF-8"],
)
@pytest.mark.parametrize("command", ["report", "baseline", "view"])
def test_damage_anywhere_else_is_refused_with_its_line(
    plant: PlantRun, call: Call, command: str, damage: Callable[[list[bytes]], list[bytes]]
) -> None:
    one = {"iid": MADE["iid"][:, :1], "sequential": MADE["sequential"][:, :1]}
    run = plant(one)
    journal(run).write_bytes(b"".join(damage(journal(run).read_bytes().splitlines(True))))
    assert refused(call(command, run.root), 2, "is damaged")


def test_runs_that_were_asked_something_else_are_refused(plant: PlantRun, call: Call) -> None:
    base = plant(MADE, name="base")
    shorter = {arm: values[:-4] for arm, values in MADE.items()}
    others = {
        "codebase": plant(MADE, name="codebase", codebase="sqlglot"),
        "feedback policy": plant(MADE, name="feedback", feedback="none"),
        "different agents": plant(MADE, name="agent", agent="repair"),
        "different sequences (24 and 20 tasks, 20": plant(shorter, name="shorter"),
        "different sequences (24 and 24 tasks, 0": plant(MADE, name="named", named="issue-{}"),
    }
    for said, other in others.items():
        assert refused(call("compare", base.root, other.root), 2, said)
        kept = other.root / "baseline.json"
        kept.write_text(call("baseline", other.root)[1])
        assert refused(call("compare", base.root, kept, "--fail-on", "regression"), 2, said)


def test_one_seed_is_marked_and_never_tested(plant: PlantRun, call: Call) -> None:
    run = plant({arm: values[:, :1] for arm, values in MADE.items()})
    code, out, _ = call("report", run.root, *EVERY, "--format", "svg")
    assert code == 0
    assert out.startswith("SINGLE-RUN ")
    texts = {path.suffix: path.read_text() for path in run.root.glob("report.*")}
    assert all("SINGLE-RUN" in texts[suffix] for suffix in (".md", ".json", ".xml", ".svg"))
    tested = re.compile(r"\bp (=|<|&lt;) ")
    assert not any(tested.search(text) for text in [out, *texts.values()])
    code, out, _ = call("compare", run.root, run.root, "--fail-on", "regression")
    assert (code, out.startswith("SINGLE-RUN NO EVIDENCE"), tested.search(out)) == (0, True, None)


def test_missing_rollouts_move_no_denominator(plant: PlantRun, call: Call) -> None:
    def change(found: Rollout) -> Rollout | None:
        if found.arm == "iid" and found.seed == 2:
            return None  # a seed that never began
        lost = found.arm == "sequential" and found.position % 7 == 0 and found.seed == 1
        return failed(found) if lost else found

    run = plant(MADE, change=change)
    code, out, err = call("report", run.root, *EVERY)
    assert code == 0
    assert out.startswith("INCOMPLETE ")
    assert "28 of 144 rollouts have no verdict (4 failed, 24 not run)" in err
    data = json.loads((run.root / "report.json").read_text())
    counts = {arm["arm"]: (arm["n"], arm["graded"]) for arm in data["arms"]}
    assert counts == {"iid": (72, 48), "sequential": (72, 68)}
    primary = data["contrasts"][0]
    assert (primary["n"], primary["missing"]) == (24, 0)
    assert (primary["k1"], primary["k0"], primary["dropped_seeds"]) == (2, 2, 2)
    lift = (MADE["sequential"].astype(float) - MADE["iid"])[:, :2]
    lift[::7, 1] = np.nan
    assert primary["estimate"] == pytest.approx(np.nanmean(lift, axis=1).mean())
    assert [primary[name] for name in ("p", "verdict", "word", "final")] == [None] * 3 + [False]
    assert refused(call("compare", run.root, run.root), 5, "28 of 144")


def test_an_arm_without_any_rollout_is_no_comparison(plant: PlantRun, call: Call) -> None:
    run = plant(MADE, change=lambda found: found if found.arm == "iid" else None)
    code, out, err = call("report", run.root, *EVERY)
    assert code == 0
    assert "No result (episodic): fewer than two tasks" in out
    assert "72 of 144 rollouts have no verdict" in err
    assert json.loads((run.root / "report.json").read_text())["contrasts"] == []


@pytest.mark.parametrize("command", ["report", "view", "baseline"])
def test_an_empty_run_has_no_result(plant: PlantRun, call: Call, command: str) -> None:
    run = plant(MADE, change=lambda _: None)
    assert refused(call(command, run.root), 5, "no verdict" if command == "baseline" else "nothing")


@pytest.mark.parametrize("cost", [float("nan"), float("inf"), float("-inf"), -1.0, 1e308])
def test_impossible_costs_in_a_journal_are_damage(plant: PlantRun, call: Call, cost: float) -> None:
    run = plant(MADE, change=lambda found: replace(found, usage=Usage(steps=3, cost_usd=cost)))
    assert refused(call("report", run.root), 2, "line 1 is damaged")


COSTS = (None,) * 6


@pytest.mark.filterwarnings("error")
def test_impossible_costs_are_missing_and_said(plant: PlantRun, call: Call) -> None:
    def change(found: Rollout) -> Rollout:
        spent = 0.01 * (1 + found.position % 3) * (0.8 if found.arm == "sequential" else 1.0)
        odd = found.position < len(COSTS)
        usage = Usage(steps=3, cost_usd=None if odd else spent)
        return replace(found, usage=usage, usage_refused=("cost_usd: nan",) if odd else ())

    run = plant(MADE, change=change, files=True)
    code, _, err = call("report", run.root, *EVERY, "--format", "html")
    assert code == 0
    assert "36 of 144 rollouts report impossible numbers (the first: cost_usd: nan)" in err
    assert "36 of 144 rollouts report no cost" in err
    data = json.loads((run.root / "report.json").read_text(), parse_constant=pytest.fail)
    (cost,) = [c for c in data["contrasts"] if c["outcome"] == "cost"]
    assert (cost["n"], cost["missing"]) == (TASKS - len(COSTS), len(COSTS))
    assert cost["estimate"] == pytest.approx(-0.2)
    with (run.root / "report.csv").open() as file:
        cells = {row["position"]: row["cost"] for row in csv.DictReader(file)}
    assert [cells[str(i)] for i in range(len(COSTS))] == [""] * len(COSTS)
    assert float(cells["6"]) > 0
    islands = re.findall(
        r'<script type="application/json".*?>(.*?)</script>',
        (run.root / "report.html").read_text(),
        re.S,
    )
    assert len(islands) == 2
    for text in islands:
        json.loads(text, parse_constant=pytest.fail)
    assert call("compare", run.root, run.root, "--outcome", "cost")[0] == 0


def test_a_score_that_is_no_number_does_not_break_the_page(plant: PlantRun) -> None:
    from seqswe.analysis import analyse

    run = plant({"iid": np.ones((2, 1), bool)}, files=True)
    for path in run.root.rglob("trajectory.json"):
        path.write_text(path.read_text().replace('"score": 0.5', '"score": NaN'))
    text = HtmlReport().render(analyse([run])).decode()
    assert "NaN" not in re.search(r'id="rollouts">(.*?)</script>', text, re.S).group(1)
