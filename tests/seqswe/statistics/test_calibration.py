"""The shipped statistics against agents whose curve is known: the short form, with a fixed seed."""

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks.calibration import (
    SUMMARY,
    Row,
    bounds_of,
    calibrate,
    cells,
    long_size,
    main,
    short_size,
    summary,
)
from benchmarks.checks import SCENARIOS, Share
from benchmarks.planted import plant


@pytest.fixture(scope="module")
def rows():
    return list(calibrate(short_size(1), long=False))


def test_every_share_lies_in_its_range(rows):
    assert [str(row) for row in rows if not row.holds] == []


def test_every_promise_is_counted(rows):
    counted = {row.share.check for row in rows}
    assert counted >= {
        "coverage, stream",
        "coverage, superpopulation",
        "type-I error",
        "slope coverage",
        "log slope coverage",
        "cost per resolved",
        "law of practice",
        "band",
        "Holm, 4 memories",
        "confidence sequence",
        "harm rate",
        "lift on seen files",
        "lift on new files",
        "seen less new",
        "pass^k",
        "net utility",
        "A/A flagged",
        "regression flagged",
        "paired t by task",
        "raw slope of one arm",
        "repeated z",
        "forgetting by maximum",
    }


def test_a_share_out_of_range_fails_the_run(monkeypatch, capsys):
    def broken(size):
        yield Share(check="type-I error", scenario="broken", n=100, k=5, value=0.3)

    monkeypatch.setattr("benchmarks.calibration.CHECKS", (broken,))
    monkeypatch.setattr("benchmarks.calibration.BESIDE", ())
    monkeypatch.setattr("benchmarks.calibration.TEETH", ())
    monkeypatch.setattr("benchmarks.calibration.sentence", str)
    assert main(["--long"]) == 1
    assert "OUT OF RANGE" in capsys.readouterr().out


def test_the_page_sums_up_the_cells_beside_it():
    docs = Path(__file__).parents[3] / "docs"
    recorded = (docs / "calibration.csv").read_text(encoding="utf-8")
    shares = [
        Share(check=cell["check"], scenario=cell["scenario"], n=int(cell["tasks"]),
              k=int(cell["runs"]), value=float(cell["share"]))
        for cell in csv.DictReader(recorded.splitlines())
    ]  # fmt: skip
    rows = [Row(share=share, bounds=bounds_of(share, long=True)) for share in shares]
    assert all(row.holds for row in rows)
    assert cells(rows) == recorded
    page = (docs / "calibration.md").read_text(encoding="utf-8").partition(SUMMARY)[2]
    assert page.startswith("\n" + summary(rows))


def test_a_recorded_calibration_keeps_what_was_written_by_hand(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("benchmarks.calibration.CHECKS", (one_share,))
    monkeypatch.setattr("benchmarks.calibration.BESIDE", ())
    monkeypatch.setattr("benchmarks.calibration.TEETH", ())
    monkeypatch.setattr("benchmarks.calibration.sentence", lambda: "Quick.")
    page = tmp_path / "calibration.md"
    page.write_text(f"# By hand\n\n{SUMMARY}\nold\n")
    assert main(["--long", "--out", str(tmp_path)]) == 0
    assert page.read_text().startswith(f"# By hand\n\n{SUMMARY}\n| check |")
    assert "| band | K = 3 | 1 | 0.950 | 0.950 | 0.92 to 1 |" in page.read_text()
    assert page.read_text().endswith("0 out of range.\nQuick.\n")
    line = "band,flat,100,3,0.950,0.92,1.0,yes"
    assert (tmp_path / "calibration.csv").read_text().splitlines()[1] == line


def one_share(size):
    yield Share(check="band", scenario="flat", n=100, k=3, value=0.95)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_simulation_keeps_the_truth_it_promises(scenario):
    batch = plant(scenario, (100, 100, 20), np.random.default_rng(2))
    assert batch.sequential.mean() == pytest.approx(batch.rates.mean(), abs=0.01)
    assert batch.lift.mean() == pytest.approx(batch.curve.mean(), abs=0.01)


def test_the_long_form_covers_every_cell():
    size = long_size(1)
    assert (size.datasets, size.tasks, size.runs) == (2000, (50, 100, 273), (3, 5, 10))
