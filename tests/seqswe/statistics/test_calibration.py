"""The shipped statistics against agents whose curve is known: the short form, with a fixed seed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.calibration import (
    ALWAYS,
    LONG,
    SUMMARY,
    calibrate,
    cells,
    long_size,
    main,
    recorded,
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
    assert {row.share.check for row in rows} == {*LONG, *ALWAYS}


def test_a_share_out_of_range_fails_the_run(monkeypatch, capsys):
    def broken(size):
        yield Share(check="type-I error", scenario="broken", n=100, k=5, value=0.3)

    monkeypatch.setattr("benchmarks.calibration.everything", lambda: (broken,))
    monkeypatch.setattr("benchmarks.calibration.sentence", str)
    assert main(["--long"]) == 1
    assert "OUT OF RANGE" in capsys.readouterr().out


def test_the_page_sums_up_the_cells_beside_it():
    docs = Path(__file__).parents[3] / "docs"
    rows = recorded(docs / "calibration.csv")
    assert [str(row) for row in rows if not row.holds] == []
    assert {row.share.check for row in rows} == {*LONG, *ALWAYS}
    assert cells(rows) == (docs / "calibration.csv").read_text(encoding="utf-8")
    page = (docs / "calibration.md").read_text(encoding="utf-8").partition(SUMMARY)[2]
    assert page.startswith("\n" + summary(rows))


def test_a_part_counted_anew_takes_the_place_of_the_recorded_one(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.calibration.everything", lambda: (one_share, other_share))
    monkeypatch.setattr("benchmarks.calibration.sentence", lambda: "Quick.")
    (tmp_path / "calibration.md").write_text(SUMMARY)
    out = ["--long", "--out", str(tmp_path)]
    assert main(out) == 0
    lower = replace(next(one_share(long_size(1))), value=0.94)
    monkeypatch.setattr("benchmarks.calibration.everything", lambda: (again,))
    again.share = lower
    assert main([*out, "--only", "again"]) == 0
    kept = {row.share.check: row.share.value for row in recorded(tmp_path / "calibration.csv")}
    assert kept == {"band": 0.94, "A/A flagged": 0.02}


def test_what_is_recorded_with_as_many_datasets_is_not_counted_again(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.calibration.everything", lambda: (one_share,))
    monkeypatch.setattr("benchmarks.calibration.sentence", lambda: "Quick.")
    (tmp_path / "calibration.md").write_text(SUMMARY)
    out = ["--long", "--out", str(tmp_path)]
    assert main([*out, "--datasets", "200"]) == 0
    monkeypatch.setattr("benchmarks.calibration.everything", lambda: (one_share, other_share))
    assert main([*out, "--datasets", "500", "--resume"]) == 0
    sets = {row.share.check: row.sets for row in recorded(tmp_path / "calibration.csv")}
    assert sets == {"band": 500, "A/A flagged": 500}
    monkeypatch.setattr("benchmarks.calibration.everything", lambda: (one_share, again))
    again.share = next(other_share(None))
    assert main([*out, "--datasets", "300", "--resume"]) == 0
    sets = {row.share.check: row.sets for row in recorded(tmp_path / "calibration.csv")}
    assert sets == {"band": 500, "A/A flagged": 500}


def again(size):
    yield again.share


def other_share(size):
    yield Share(check="A/A flagged", scenario="moderate", n=300, k=5, value=0.02)


def test_a_recorded_calibration_keeps_what_was_written_by_hand(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("benchmarks.calibration.everything", lambda: (one_share,))
    monkeypatch.setattr("benchmarks.calibration.sentence", lambda: "Quick.")
    page = tmp_path / "calibration.md"
    page.write_text(f"# By hand\n\n{SUMMARY}\nold\n")
    assert main(["--long", "--out", str(tmp_path)]) == 0
    assert page.read_text().startswith(f"# By hand\n\n{SUMMARY}\n| check |")
    assert "| band | K = 3 | 1 | 2,000 | 0.950 | 0.950 | 0.92 to 1 |" in page.read_text()
    assert page.read_text().endswith("0 out of range.\nQuick.\n")
    line = "band,flat,100,3,2000,0.950,0.92,1.0,yes"
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
