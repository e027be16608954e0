"""The leaderboard in its formats: the same numbers, nothing executable, nothing invented."""

import csv
import json
import re

import altair as alt
import pytest

from seqswe.analysis.leaderboard import leaderboard
from seqswe.analysis.streams import streams_of_runs
from seqswe.cli.leaderboard import write_leaderboard
from seqswe.errors import UnknownName, UsageError
from seqswe.reports.leaderboard import FORMATS
from seqswe.reports.leaderboard_page import charts_of, page
from seqswe.reports.leaderboard_tables import ranks, standings_table
from tests.seqswe.conftest import outcomes_of

CODEBASES = ("ash", "beech", "cedar", "date", "elm")


@pytest.fixture
def board(plant):
    def make(codebases=5, memories=(("episodic", 0.4), ("git_history", -0.2)), named="task-{}"):
        runs = [
            plant(
                outcomes_of(12, 3, lift=lift, seed=number),
                name=f"{codebases}-{codebase}-{number}-{len(memory)}",
                codebase=codebase, memory=memory, named=named, agent="localizer",
            )
            for number, codebase in enumerate(CODEBASES[:codebases])
            for memory, lift in memories
        ]  # fmt: skip
        return leaderboard(streams_of_runs(runs))

    return make


def test_every_format_has_the_same_mean(board, tmp_path):
    found = board()
    paths = write_leaderboard(found, tuple(FORMATS), tmp_path)
    by_end = {path.name.removeprefix("leaderboard"): path for path in paths}
    assert paths[-1].suffix == ".html"
    mean = found.rows[0].lift
    data = json.loads(by_end[".json"].read_text())
    assert data["memories"][0]["lift"]["estimate"] == mean.estimate
    lines = list(csv.DictReader(by_end[".csv"].read_text().splitlines()))
    pooled = [line for line in lines if line["codebase"] == "(mean over codebases)"]
    assert float(pooled[0]["lift"]) == mean.estimate
    shown = f"+{100 * mean.estimate:.1f} points"
    assert all(shown in by_end[end].read_text() for end in (".md", ".txt", ".html"))
    assert by_end[".png"].read_bytes().startswith(b"\x89PNG")
    pictures = [by_end[end].read_text() for end in (".svg", "-dark.svg")]
    assert all(found.rows[0].memory in text and "Mean lift" in text for text in pictures)
    assert pictures[0] != pictures[1]


def test_the_csv_has_a_line_for_each_codebase_and_the_mean(board, tmp_path):
    (path,) = write_leaderboard(board(), ("csv",), tmp_path)
    lines = list(csv.DictReader(path.read_text().splitlines()))
    assert len(lines) == 2 * (5 + 1)
    assert lines[5]["rank_from"] == "1"
    assert lines[0]["rank_from"] == ""


def test_json_holds_every_cell(board):
    data = json.loads(FORMATS["json"][1](board()))
    assert data["schema"] == "seqswe.leaderboard"
    assert data["reference"] == "git_history"
    cells = [cell for memory in data["memories"] for cell in memory["codebases"]]
    assert len(cells) == 10
    assert {cell["iid_arm_of"] for cell in cells} == {"episodic", "git_history"}
    assert data["memories"][0]["ranks"] == [1, 1]


def test_no_bare_rank_is_printed_where_none_is_sure(board):
    found = board(memories=(("episodic", 0.0), ("git_history", 0.0)))
    assert [ranks(row) for row in found.rows] == ["1–2", "1–2"]
    listed = board(3)
    assert [ranks(row) for row in listed.rows] == ["–", "–"]


def test_the_reference_says_that_it_is_one(board):
    rows = standings_table(board()).rows
    assert rows[1][5] == "the reference"


def test_the_charts_are_valid(board):
    specs = charts_of(board())
    assert list(specs) == ["lifts", "ranks", "against"]
    assert list(charts_of(board(3))) == ["cells"]
    for spec in specs.values():
        alt.LayerChart.from_dict(spec) if "layer" in spec else alt.Chart.from_dict(spec)


def test_a_hostile_name_stays_text(board):
    found = board(memories=(("<script>alert(1)</script>", 0.1), ("git_history", 0.0)))
    assert "<script>alert(1)" not in page(found)
    assert "&lt;script&gt;alert(1)" in page(found)
    assert "<script>" not in FORMATS["markdown"][1](found).decode()


def test_the_page_asks_for_nothing_and_runs_only_its_own_scripts(board):
    text = page(board())
    assert "default-src &#39;none&#39;" in text
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*"', text.split("<script>")[0])


def test_what_is_synthetic_is_marked_once_at_the_head(plant):
    runs = [
        plant(outcomes_of(20, 3, lift=0.1), name=c, codebase=c, synthetic=True)
        for c in CODEBASES[:2]
    ]
    text = page(leaderboard(streams_of_runs(runs)))
    assert text.count('<span class="badge synthetic">') == 1
    assert "SYNTHETIC" in text.partition("</title>")[0]


def test_a_browser_draws_every_chart(board, tmp_path, browse):
    (path,) = write_leaderboard(board(), ("html",), tmp_path)
    seen = browse(path.as_uri())
    assert 'data-charts="drawn"' in seen.dom
    assert seen.complaints == []


def test_a_format_that_there_is_not_is_named(board, tmp_path):
    with pytest.raises(UnknownName, match="junit"):
        write_leaderboard(board(2), ("junit",), tmp_path)


def test_a_folder_that_cannot_be_written_is_two_lines(board, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write the leaderboard"):
        write_leaderboard(board(2), ("csv",), tmp_path / "file" / "x")
