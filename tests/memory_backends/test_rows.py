"""A row says what was run: the store with our texts and vectors, or the product as it ships."""

import pytest

from seqswe.analysis.streams import _labels
from seqswe.experiment import Experiment
from seqswe.memory import row_name


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("mem0", "mem0 (raw)"),
        ("langgraph", "langgraph (raw)"),
        ("mem0_extract", "mem0"),
        ("langmem", "langmem"),
        ("llamaindex", "llamaindex (facts)"),
        ("vectors", "vectors"),
        ("of_a_package_that_is_gone", "of_a_package_that_is_gone"),
    ],
)
def test_a_memory_is_called_what_it_is(name, row):
    assert row_name(name) == row


def test_no_file_of_anybody_runs_for_its_name(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("raise SystemExit('it ran')")
    assert row_name(f"{file}:Mine") == f"{file}:Mine"


def test_a_leaderboard_labels_its_rows_so():
    runs = [Experiment(codebase="c", agent="a", memory=name) for name in ("mem0", "mem0_extract")]
    assert _labels(runs) == ["mem0 (raw)", "mem0"]
