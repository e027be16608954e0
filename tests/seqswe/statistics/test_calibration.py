"""The shipped statistics against agents whose curve is known: the short form, with a fixed seed."""

import numpy as np
import pytest

from benchmarks.calibration import calibrate, long_size, main, short_size
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
    monkeypatch.setattr("benchmarks.calibration.TEETH", ())
    monkeypatch.setattr("benchmarks.calibration.sentence", str)
    assert main(["--long"]) == 1
    assert "OUT OF RANGE" in capsys.readouterr().out


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_simulation_keeps_the_truth_it_promises(scenario):
    batch = plant(scenario, (100, 100, 20), np.random.default_rng(2))
    assert batch.sequential.mean() == pytest.approx(batch.rates.mean(), abs=0.01)
    assert batch.lift.mean() == pytest.approx(batch.curve.mean(), abs=0.01)


def test_the_long_form_covers_every_cell():
    size = long_size(1)
    assert (size.datasets, size.tasks, size.runs) == (2000, (50, 100, 273), (3, 5, 10))
