"""Every report of planted runs: right numbers, escaped text, and pages that open in a browser."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from html import unescape
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import altair as alt
import numpy as np
import pytest
from click.testing import CliRunner

from seqswe.agent import Usage
from seqswe.analysis import Analysis, analyse
from seqswe.analysis.standing import run_standings
from seqswe.analysis.words import change, plain
from seqswe.cli.report import report
from seqswe.errors import SeqSWEError, UnknownName
from seqswe.plugins import build
from seqswe.reports import Report
from seqswe.reports.charts import charts_of, curves_of, lift_chart, told_points
from seqswe.reports.csv_report import CsvReport
from seqswe.reports.html import HtmlReport
from seqswe.reports.json_report import JsonReport
from seqswe.reports.junit import JUnitReport
from seqswe.reports.markdown import MarkdownReport
from seqswe.reports.static import PngReport, SvgReport
from seqswe.runs.outcomes import BUILT_IN
from seqswe.runs.rollout import Rollout
from tests.seqswe.conftest import Browse, PlantRun, failed, outcomes_of

MAKERS = (JsonReport, MarkdownReport, HtmlReport, CsvReport, JUnitReport)
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>|`*_[a](http://evil.example)"


@pytest.fixture
def analysis(plant: PlantRun) -> Analysis:
    return analyse([plant(outcomes_of(60, 3, lift=0.2))])


def markup(analysis: Analysis) -> str:
    """The page without its own scripts, which may well say `<img` somewhere."""
    text = HtmlReport().render(analysis).decode()
    return re.sub("<script>.*?</script>", "", text, flags=re.S)


@pytest.fixture
def hostile(plant: PlantRun) -> Analysis:
    """A run whose every free text tries to be markup."""

    def change(found: Rollout) -> Rollout:
        return failed(found, cause=HOSTILE, detail=HOSTILE) if found.position == 1 else found

    made = outcomes_of(30, 3, lift=0.2)
    return analyse([plant(made, change=change, agent=HOSTILE, memory=HOSTILE, synthetic=True)])


@pytest.mark.parametrize("maker", MAKERS)
def test_every_built_in_fits_the_protocol(maker: type, analysis: Analysis) -> None:
    made = maker()
    assert isinstance(made, Report)
    assert made.suffix.startswith(".")
    assert made.render(analysis) == made.render(analysis)


def test_what_a_model_as_user_took_is_told_where_there_is_one(plant: PlantRun) -> None:
    def change(found: Rollout) -> Rollout:
        taken = Usage(prompt_tokens=30, completion_tokens=10, cost_usd=0.25)
        return replace(found, user_usage=taken)

    made = {"iid": np.ones((12, 3)), "sequential": np.ones((12, 3))}
    user = {"user": "a:B", "user_model": "small"}
    with_one = MarkdownReport().render(analyse([plant(made, change=change, **user)])).decode()
    assert "| Tokens of the user's model (tokens) | sequential against iid | 40 | 40 |" in with_one
    assert "| Cost of the user's model (USD) | sequential against iid | 0.25 | 0.25 |" in with_one
    assert "| Model of the user | small |" in with_one
    without = MarkdownReport().render(analyse([plant(made, name="without")])).decode()
    assert "user" not in without.casefold()


FORMATS = ["json", "markdown", "html", "csv", "junit", "svg", "svg-dark", "png"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_built_in_is_an_entry_point(name: str) -> None:
    assert isinstance(build("report", name), Report)


def test_json_holds_the_arms_and_contrasts(analysis: Analysis) -> None:
    made = outcomes_of(60, 3, lift=0.2)
    data = json.loads(JsonReport().render(analysis))
    assert (data["schema"], data["schema_version"]) == ("seqswe.report", 2)
    assert data["complete"] is True
    arms = {arm["arm"]: arm for arm in data["arms"]}
    assert (arms["iid"]["n"], arms["iid"]["graded"]) == (180, 180)
    assert arms["iid"]["resolved"] == made["iid"].sum()
    (primary,) = data["headline"]["contrasts"]
    assert primary == data["contrasts"][0]
    assert primary["outcome"] == "resolved"
    assert primary["estimate"] == pytest.approx(made["sequential"].mean() - made["iid"].mean())
    assert primary["interval"][0] < primary["estimate"] < primary["interval"][1]
    assert primary["p"] < 0.05
    assert primary["verdict"] == "LEARNING"
    assert len(primary["curve"]["low"]) == len(primary["curve"]["position"])
    assert data["runs"][0]["results_digest"].startswith("sha256:")


def test_json_names_no_folder_of_the_machine(analysis: Analysis, tmp_path: Path) -> None:
    assert str(tmp_path) not in JsonReport().render(analysis).decode()


def test_csv_has_a_line_per_rollout(analysis: Analysis) -> None:
    rows = list(csv.DictReader(StringIO(CsvReport().render(analysis).decode())))
    assert len(rows) == 360
    assert set(BUILT_IN) < set(rows[0])
    resolved = [float(r["resolved"]) for r in rows if r["arm"] == "iid"]
    assert sum(resolved) == outcomes_of(60, 3, lift=0.2)["iid"].sum()


def test_csv_cells_are_no_formulas(plant: PlantRun) -> None:
    def change(found: Rollout) -> Rollout:
        return failed(found, cause="=cmd|' /C calc'!A0") if found.position == 0 else found

    run = plant(outcomes_of(10, 1, lift=0.1), change=change)
    rows = list(csv.DictReader(StringIO(CsvReport().render(analyse([run])).decode())))
    assert rows[0]["failure"].startswith("'=")


def test_junit_counts_what_it_holds(hostile: Analysis) -> None:
    (suite,) = ElementTree.fromstring(JUnitReport().render(hostile))
    cases = suite.findall("testcase")
    assert suite.get("tests") == str(len(cases)) == "2"
    assert suite.get("errors") == str(len(suite.findall("testcase/error"))) == "1"
    assert "synthetic" in suite.get("name", "")


def test_junit_fails_where_the_memory_does_harm(plant: PlantRun) -> None:
    made = outcomes_of(150, 5, lift=0.2)
    run = plant({"iid": made["sequential"], "sequential": made["iid"]})
    (suite,) = ElementTree.fromstring(JUnitReport().render(analyse([run])))
    assert suite.get("failures") == "1"


def test_markdown_says_the_finding_and_both_denominators(analysis: Analysis) -> None:
    text = MarkdownReport().render(analysis).decode()
    assert "LEARNING: Resolved" in text
    assert "| Resolved / graded | Resolved / all |" in text
    assert analysis.runs[0].results_digest in text


def test_markdown_of_hostile_text_is_text(hostile: Analysis) -> None:
    text = MarkdownReport().render(hostile).decode()
    assert "<script" not in text
    assert "<img" not in text
    assert not re.search(r"(?<!\\)\]\(", text)
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if "alert" in line}
    assert widths - {0} == {3, 7}  # settings and failures: no cell was split


def test_html_of_hostile_text_is_text(hostile: Analysis) -> None:
    text = markup(hostile)
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_what_is_synthetic_is_marked_once_at_the_head(hostile: Analysis) -> None:
    text = markup(hostile)
    assert "synthetic" in re.search("<h1.*?</h1>", text).group()
    assert text.count("badge synthetic") == 1
    assert "SYNTHETIC" in re.search("<title>.*</title>", text).group()
    markdown = MarkdownReport().render(hostile).decode()
    headings = [line for line in markdown.splitlines() if line.startswith("#")]
    assert ["SYNTHETIC" in line for line in headings] == [True] + [False] * (len(headings) - 1)
    assert json.loads(JsonReport().render(hostile))["synthetic"] is True


def test_every_cell_names_its_column_where_a_narrow_screen_stacks_them(analysis: Analysis) -> None:
    text = markup(analysis)
    (arms,) = re.findall(
        r'<table role="table" class="stacks">(?:(?!</table>).)*>Resolved / all<.*?</table>',
        text,
        re.S,
    )
    heads, labels = (
        re.findall(r"<th [^>]*>(.*?)</th>", arms),
        re.findall('data-label="(.*?)"', arms),
    )
    assert labels == heads * 2


def test_html_asks_no_server_for_anything(analysis: Analysis) -> None:
    text = markup(analysis)
    assert "default-src 'none'" in unescape(text)
    addresses = re.findall(r"""(?:src|href)\s*=\s*["']?([^"'>\s]+)""", text)
    assert all(address.startswith("#") for address in addresses)
    assert "://" not in text


def test_html_opens_in_a_browser(plant: PlantRun, browse: Browse, tmp_path: Path) -> None:
    # One page for all that a browser must show: two runs, one of them with a hostile name.
    runs = [
        plant(outcomes_of(30, 3, lift=lift), name=name, memory=memory)
        for name, memory, lift in (("a", "episodic", 0.1), ("b", HOSTILE, 0.2))
    ]
    page = tmp_path / "two.html"
    page.write_bytes(HtmlReport().render(analyse(runs)))
    seen = browse(page.as_uri() + "#all")
    assert seen.complaints == []
    assert 'data-charts="drawn"' in seen.dom
    assert seen.dom.count('class="marks"') == seen.dom.count("data-chart=") > 10


def test_where_a_band_excludes_nothing_no_lift_is_drawn(analysis: Analysis) -> None:
    contrast = analysis.headlines()[0]
    curve = contrast.curve
    assert curve is not None
    low, high = curve.estimate - 0.1, curve.estimate + 0.1
    low[:2], high[:2], high[-1] = -1.2, 1.1, np.inf
    short = replace(curve, low=low, high=high)
    told = told_points(replace(contrast, curve=short), short)
    assert [task for task, *_ in told] == curve.position[2:-1].tolist()
    empty = replace(curve, low=low - 2, high=high + 2)
    assert lift_chart(replace(contrast, curve=empty)) is None


@pytest.mark.parametrize("tasks", [2, 5])
def test_short_sequences_have_no_curve_and_say_so(plant: PlantRun, tasks: int) -> None:
    analysis = analyse([plant(outcomes_of(tasks, 3, lift=0.0))])
    for maker in MAKERS:
        assert maker().render(analysis)
    assert analysis.headlines()[0].curve is None
    text = markup(analysis)
    assert f"{tasks} tasks are too few for a learning curve: one is drawn from 10 tasks on." in text
    assert "local-linear" not in text
    axis = re.findall(r'"values": (\[[\d, ]+\])', HtmlReport().render(analysis).decode())
    assert {tuple(json.loads(values)) for values in axis} == {tuple(range(1, tasks + 1))}


def test_the_head_says_what_was_run_and_its_numbers_first(analysis: Analysis) -> None:
    text = markup(analysis)
    head = text.partition("<main>")[0]
    for name, said in (("Agent", "localizer"), ("Memory", "episodic"), ("Tasks", "60")):
        assert f"<dt>{name}</dt><dd>{said}</dd>" in head
    (primary,) = analysis.headlines()
    assert f"<strong>{change(primary, primary.estimate)}</strong>" in head
    assert text.index('data-chart="lift-0"') < text.index('data-chart="arms-0"')


def test_every_chart_says_what_it_shows(analysis: Analysis) -> None:
    text = markup(analysis)
    said = re.findall(r'<p class="unseen">(.*?)</p>', text)
    assert len(said) == text.count("data-chart=") > 8
    assert all(any(c.isdigit() for c in words) for words in said)
    assert any(re.match(r"Resolved, sequential − iid: .* at task 1, highest ", w) for w in said)


def test_several_runs_are_laid_over_each_other_and_ranked(plant: PlantRun) -> None:
    lifts = {"bad": 0.0, "good": 0.45, "same": 0.45}
    runs = [plant(outcomes_of(80, 3, lift=lift), name=m, memory=m) for m, lift in lifts.items()]
    analysis = analyse(runs)
    ranks = {s.contrast.run: s.ranks for s in run_standings(analysis)}
    assert ranks == {"good": (1, 2), "same": (1, 2), "bad": (3, 3)}
    text = markup(analysis)
    assert text.index('data-chart="lifts"') < text.index('data-chart="lift-0"')
    assert json.loads(JsonReport().render(analysis))["standings"][-1] == {
        "run": "bad",
        "ranks": [3, 3],
    }
    assert "1 to 2" in MarkdownReport().render(analysis).decode()


def test_a_number_without_an_end_is_no_power_of_ten(analysis: Analysis) -> None:
    (cost, *_) = [c for c in analysis.contrasts if c.scale == "ratio"]
    assert change(cost, 5e18) == "+∞ %"
    assert change(cost, -0.123) == "−12.3 %"
    assert plain(12_345_678.9, 1) == "12,345,679"


def test_the_command_writes_three_files_and_says_where(plant: PlantRun) -> None:
    run = plant(outcomes_of(30, 3, lift=0.2))
    result = CliRunner().invoke(report, [str(run.root)])
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith(("LEARNING", "GAIN", "INCONCLUSIVE"))
    assert any(line.startswith("results sha256:") for line in lines)
    assert lines[-1] == str(run.root / "report.html")
    assert {p.name for p in run.root.glob("report.*")} == {
        "report.json",
        "report.md",
        "report.html",
    }


def test_the_command_warns_of_missing_rollouts(plant: PlantRun, tmp_path: Path) -> None:
    run = plant(outcomes_of(30, 3, lift=0.2), change=lambda r: failed(r) if r.position == 0 else r)
    out = tmp_path / "out"
    result = CliRunner().invoke(report, [str(run.root), "--format", "csv", "--out", str(out)])
    assert "INCOMPLETE" in result.stderr
    assert [p.name for p in out.iterdir()] == ["report.csv"]


@pytest.mark.parametrize("seeds", [1, 3])
def test_an_unknown_format_names_the_closest(plant: PlantRun, seeds: int) -> None:
    run = plant({"iid": np.ones((10, seeds), bool)})
    result = CliRunner().invoke(report, [str(run.root), "--format", "htm"])
    assert isinstance(result.exception, UnknownName)
    assert "html" in result.exception.hint
    missing = CliRunner().invoke(report, [str(run.root / "nothing")])
    assert isinstance(missing.exception, SeqSWEError)


def test_pictures_are_pictures_and_say_what_they_are(plant: PlantRun) -> None:
    analysis = analyse([plant(outcomes_of(30, 3, lift=0.2), synthetic=True)])
    svg = SvgReport().render(analysis).decode()
    assert svg.count("SYNTHETIC · ledgerlite · ") >= 2
    assert PngReport().render(analysis).startswith(b"\x89PNG")


def test_charts_are_valid_vega_lite(analysis: Analysis) -> None:
    found = [*charts_of(analysis, "episodic").values()]
    found += [spec for _, spec in curves_of(analysis, "episodic").values()]
    assert len(found) > 8
    for spec in found:
        alt.Chart.from_dict(spec, validate=True) if "mark" in spec else alt.LayerChart.from_dict(
            spec
        )
