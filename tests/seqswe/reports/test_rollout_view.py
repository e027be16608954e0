"""The rollouts in the report: the extract in the file, the page in a browser, the live server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from benchmarks.reports import make
from seqswe.analysis import analyse
from seqswe.errors import IncompleteError, MissingError
from seqswe.reports.html import HtmlReport
from seqswe.reports.rollout_view import COLUMNS, cut, detail, extract, ordered
from seqswe.reports.server import Library, LiveReport, server
from seqswe.runs.store import RunDirectory
from tests.seqswe.conftest import Browse, PlantRun, failed, leave_files, outcomes_of, rollout

HOSTILE = "</pre></script><script>document.title='owned'</script><img src=x onerror=alert(1)>"


@pytest.fixture
def run(plant: PlantRun) -> RunDirectory:
    return plant(outcomes_of(12, 2, lift=0.2), files=True)


@pytest.fixture
def port(run: RunDirectory) -> Iterator[int]:
    with server(Library([run.root])) as listening:
        thread = Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield listening.server_address[1]
        listening.shutdown()


def get(port: int, path: str, host: str = "", method: str = "GET") -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_a_detail_holds_what_the_rollout_left(run: RunDirectory) -> None:
    pair = next(iter(ordered(analyse([run]))))
    found = detail(*pair)
    assert found["issue"] == "Totals are off by a cent."
    assert found["recalled"][0]["origins"] == ["task-0"]
    assert found["steps"][0]["calls"] == ["bash: grep -rn round src"]
    assert found["steps"][0]["results"] == ["src/a.py: Totals are off by a cent."]
    assert found["steps"][-1]["message"].startswith("done")
    assert "+    return round(x, 2)" in found["patch"]
    assert "FAILED" in found["log"]
    assert json.loads(found["verdict"])["task-0"]["resolved"] in (True, False)


def test_a_rollout_without_files_opens_all_the_same(plant: PlantRun) -> None:
    run = plant(outcomes_of(12, 2, lift=0.2))
    pair = next(iter(ordered(analyse([run]))))
    assert detail(*pair)["steps"] == []
    folder = run.folder("iid", 0, 0, "task-0")
    run.write(folder, {"trajectory.json": '{"steps": [1, {"extra": 3, "message": ["x"]}]}'})
    assert detail(*pair)["issue"] == '["x"]'


def test_a_journal_cannot_point_out_of_its_run(run: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "patch.diff").write_text("secret")
    analysis = analyse([run])
    outside = rollout(instance_id="/../../../../../secret", arm="iid")
    (run.root / "rollouts" / "iid-0" / "0000-").mkdir()
    assert detail(analysis.runs[0], outside)["patch"] == ""


def test_the_extract_is_bounded_and_starts_where_the_arms_disagree(run: RunDirectory) -> None:
    analysis = analyse([run])
    whole, part = extract(analysis), extract(analysis, budget=12_000)
    assert len(whole.details) == whole.total == 48
    assert 0 < len(part.details) < 24
    arm, task, outcome = (list(COLUMNS).index(name) for name in ("arm", "task", "outcome"))
    disputed = {
        row[task]
        for row in whole.rows
        if len({other[outcome] for other in whole.rows if other[task] == row[task]}) > 1
    }
    assert {part.rows[index][task] for index in part.details} <= disputed
    assert {row[arm] for row in whole.rows} == {"iid", "sequential"}


def test_long_text_is_cut_in_the_middle() -> None:
    assert cut("a" * 50 + "b" * 50, 20) == "a" * 10 + "\n[… 80 characters left out …]\n" + "b" * 10
    assert cut("short", 20) == "short"


def test_one_rollout_opens_in_the_file(run: RunDirectory, browse: Browse, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_bytes(HtmlReport().render(analyse([run])))
    seen = browse(page.as_uri() + "#rollout=episodic/sequential/1/3")
    assert seen.complaints == []
    assert 'data-shown="episodic/sequential/1/3"' in seen.dom
    assert '<span class="add">+    return round(x, 2)' in seen.dom
    assert "It was the rounding." in seen.dom.split('<dialog id="rollout"')[1].split("</dialog>")[0]


def test_a_rollout_stands_beside_its_twin_and_keys_step_on(
    run: RunDirectory, browse: Browse, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    html = HtmlReport().render(analyse([run])).decode()
    # What a reader presses, pressed by a script of the test's own, which the policy has to let in.
    press = "for (const key of 'bj') document.dispatchEvent(new KeyboardEvent('keydown', {key}));"
    html = html.replace("script-src ", "script-src &#39;unsafe-inline&#39; ").replace(
        "sha256-", "x"
    )
    before, end, after = html.rpartition("</body>")
    page.write_text(f"{before}<script>{press}</script>{end}{after}")
    seen = browse(page.as_uri() + "#rollout=episodic/iid/0/3")
    assert 'data-shown="episodic/sequential/0/3"' in seen.dom
    shown = seen.dom.split('<dialog id="rollout"')[1].split("</dialog>")[0]
    halves = [part.split("</h3>")[0] for part in shown.split("<h3>")[1:]]
    assert [half.partition(":")[0] for half in halves] == ["sequential, seed 0", "iid, seed 0"]


def test_hostile_text_stays_text_when_opened(
    plant: PlantRun, browse: Browse, tmp_path: Path
) -> None:
    run = plant(outcomes_of(12, 1, lift=0.2), change=lambda r: replace(r, ranking=(HOSTILE,)))
    for made in run.journal().rollouts:
        leave_files(run, made, HOSTILE)
    page = tmp_path / "report.html"
    page.write_bytes(HtmlReport().render(analyse([run])))
    seen = browse(page.as_uri() + "#rollout=episodic/iid/0/1")
    shown = seen.dom.split('<dialog id="rollout"')[1].split("</dialog>")[0]
    assert "&lt;script&gt;document.title" in shown
    assert "<img" not in shown
    assert "<title>owned" not in seen.dom
    assert seen.complaints == []


def test_the_live_page_loads_a_rollout_on_demand(port: int, browse: Browse) -> None:
    seen = browse(f"http://127.0.0.1:{port}/#rollout=episodic/iid/0/2")
    assert seen.complaints == []
    assert 'data-charts="drawn"' in seen.dom
    assert '<span class="add">+    return round(x, 2)' in seen.dom


def test_the_server_answers_three_addresses_and_only_to_this_machine(port: int) -> None:
    status, page = get(port, "/")
    assert status == 200
    assert b'"live": true' in page
    assert b"It was the rounding" not in page
    status, body = get(port, "/rollout/5")
    assert (status, json.loads(body)["issue"]) == (200, "Totals are off by a cent.")
    assert get(port, "/rollout/48")[0] == 404
    assert get(port, "/rollout/-1")[0] == 404
    assert get(port, "/run.toml")[0] == 404
    assert get(port, "/../run.toml")[0] == 404
    assert get(port, "/", host="evil.example")[0] == 421
    assert get(port, "/", host=f"localhost:{port}")[0] == 200
    assert get(port, "/", method="HEAD") == (200, b"")
    assert get(port, "/", method="POST")[0] == 501


def test_the_live_page_follows_the_journal(run: RunDirectory) -> None:
    live = LiveReport([run.root])
    first = live.page()
    assert live.page() is first
    run.append(failed(rollout("iid", 0, 0)))
    assert b"INCOMPLETE" in live.page()


def test_a_taken_port_is_said(port: int, run: RunDirectory) -> None:
    with pytest.raises(MissingError, match="cannot listen"):
        server(Library([run.root]), port)


def test_a_run_with_nothing_graded_is_not_served(plant: PlantRun) -> None:
    with pytest.raises(IncompleteError):
        LiveReport([plant({"iid": np.ones((3, 1), bool)}, change=lambda _: None).root])


def test_the_benchmark_of_large_runs_makes_a_whole_one(tmp_path: Path) -> None:
    make(tmp_path / "run", tasks=12, seeds=2)
    analysis = analyse([RunDirectory.open(tmp_path / "run")])
    assert (analysis.complete, len(list(ordered(analysis)))) == (True, 48)
    found = detail(*next(ordered(analysis)))
    assert all(found[part] for part in ("issue", "steps", "patch", "log", "verdict"))


def test_a_folder_of_runs_opens_as_a_list_and_runs_beside_each_other(
    plant: PlantRun, run: RunDirectory, browse: Browse
) -> None:
    plant(outcomes_of(12, 2, lift=0.2), name="nested/other", memory="chroma", files=True)
    (run.root.parent / "broken").mkdir()
    (run.root.parent / "broken" / "run.toml").write_text("no")
    with server(Library([run.root.parent])) as listening:
        Thread(target=listening.serve_forever, daemon=True).start()
        port = listening.server_address[1]
        status, page = get(port, "/")
        text = page.decode()
        assert (status, text.count('type="checkbox"')) == (200, 2)
        assert '<a href="report?run=1">nested/other</a>' in text
        assert 'class="bad"' in text
        iid, sequential = (100 * arm.mean() for arm in outcomes_of(12, 2, lift=0.2).values())
        assert text.count(f">iid {iid:.0f} %, sequential {sequential:.0f} %<") == 2
        both = get(port, "/report?run=1&run=2")[1].decode()
        assert "chroma, episodic" in both
        assert '<a href="./">← All runs</a>' in both
        assert json.loads(get(port, "/rollout/0?run=2")[1])["facts"][0][1] == "episodic"
        assert get(port, "/report?run=9")[0] == 409
        seen = browse(f"http://127.0.0.1:{port}/")
        assert seen.complaints == []
        assert 'id="runs-count" aria-live="polite">3 runs' in seen.dom
        listening.shutdown()
