"""Outcome tables as an analysis, as streams to pool, and as a side of the gate."""

import json

import numpy as np
import pytest

from seqswe.analysis.build import analyse
from seqswe.analysis.leaderboard import leaderboard
from seqswe.analysis.tables import analyse_table, safe_ids, streams_of_tables
from seqswe.cli import main
from seqswe.comparison.baseline import read
from seqswe.comparison.compare import Finding, compare
from seqswe.comparison.tables import arm_name
from seqswe.errors import IncompleteError, UsageError
from seqswe.manifests.outcome_tables import read_outcome_table
from seqswe.reports.html import page
from seqswe.reports.json_report import as_json
from seqswe.reports.markdown import markdown
from seqswe.runs.outcomes import RESOLVED
from seqswe.runs.scored import SCORE
from tests.seqswe.conftest import outcomes_of

TASKS = 24


def write(path, outcomes, extra=lambda arm, task: ""):
    """A table of {arm: values (tasks, seeds)}."""
    header = "task,position,arm,seed,outcome" + (",cost,tokens" if extra("iid", 0) else "")
    lines = [header]
    for arm, values in outcomes.items():
        lines += [
            f"task-{task},{task},{arm},{seed},{'' if np.isnan(v) else float(v)}{extra(arm, task)}"
            for (task, seed), v in np.ndenumerate(np.asarray(values, dtype=float))
        ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def table(tmp_path):
    def make(outcomes, name="t.csv", **more):
        return read_outcome_table(write(tmp_path / name, outcomes, **more))

    return make


def test_a_table_says_what_the_same_run_says(table, plant):
    outcomes = outcomes_of(TASKS, 3, lift=0.2)
    from_table = analyse_table(table(outcomes))
    from_run = analyse([plant(outcomes, agent="elsewhere:Agent")])  # which declares nothing
    one, other = from_table.headlines()[0], from_run.headlines()[0]
    assert one.lift == other.lift
    assert one.curve.low.tolist() == other.curve.low.tolist()
    assert from_table.headline_outcome is RESOLVED


def test_scores_between_0_and_1_are_compared_as_scores(table):
    outcomes = {arm: v * 0.5 for arm, v in outcomes_of(TASKS, 3, lift=0.2).items()}
    found = analyse_table(table(outcomes))
    assert found.headline_outcome is SCORE
    lift = outcomes["sequential"].mean() - outcomes["iid"].mean()
    assert found.headlines()[0].estimate == pytest.approx(lift)
    assert "Resolved" not in markdown(found)
    assert found.sentences[-1].startswith("The table's outcomes lie between 0 and 1")


def test_cost_and_tokens_are_compared_by_ratio(table):
    def extra(arm, task):
        return f",{0.02 if arm == 'iid' else 0.01},{1000 + task}"

    found = analyse_table(table(outcomes_of(TASKS, 3, lift=0.2), extra=extra))
    cost = next(c for c in found.contrasts if c.outcome.name == "cost")
    assert cost.estimate == pytest.approx(-0.5)
    assert {e.outcome.name for e in found.efficiencies} == {"cost", "tokens"}


def test_every_other_arm_is_a_run_of_its_own_and_holm_counts_them(table):
    outcomes = outcomes_of(TASKS, 3, lift=0.3)
    outcomes["other"] = outcomes.pop("sequential")
    outcomes["third"] = outcomes["other"]
    found = analyse_table(table(outcomes))
    assert [run.label for run in found.runs] == ["other", "third"]
    first = found.headlines()[0]
    assert first.p == pytest.approx(min(1.0, 2 * first.lift.overall.p))


def test_the_baseline_may_have_any_name(table):
    outcomes = {"no memory": np.eye(TASKS, 3), "Memory": np.ones((TASKS, 3))}
    found = analyse_table(table(outcomes), "no memory")
    assert found.headlines()[0].name == "Memory − no memory"
    with pytest.raises(UsageError, match="has no arm 'iid'") as raised:
        analyse_table(table(outcomes))
    assert "--baseline-arm" in raised.value.hint


def test_a_table_of_one_arm_has_no_lift(table):
    with pytest.raises(UsageError, match="holds only the arm 'iid'"):
        analyse_table(table({"iid": np.ones((TASKS, 3))}))


def test_gaps_are_said(table):
    outcomes = {arm: v.astype(float) for arm, v in outcomes_of(TASKS, 3, lift=0.2).items()}
    outcomes["sequential"][3, 1] = np.nan
    found = analyse_table(table(outcomes))
    assert not found.complete
    assert found.warnings[0].startswith("INCOMPLETE: 1 of 144 cells")
    outcomes["sequential"][1:] = np.nan
    with pytest.raises(IncompleteError, match="no two tasks"):
        analyse_table(table(outcomes))


def test_what_is_missing_is_told_by_arm_with_the_lift_if_it_had_failed(table):
    """An agent whose crashes leave empty cells looks better than it is."""
    rng = np.random.default_rng(3)
    base = (rng.random((60, 3)) < 0.5).astype(float)
    crashing = np.where((base == 0.0) & (rng.random((60, 3)) < 0.6), np.nan, base)
    found = analyse_table(table({"iid": base, "sequential": crashing}))
    (primary,) = found.headlines()
    assert primary.estimate > 0.1
    lost = int(np.isnan(crashing).sum())
    assert found.warnings[0].endswith(
        f"sequential lacks {lost} of 180 and iid 0 of 180: were they all failures, the lift would "
        "be 0.0 points."
    )
    assert "dropped" not in found.warnings[0]
    assert "With fewer than three seeds behind a task the noise" in found.sentences[0]


def test_a_lift_of_everything_from_the_first_task_on_does_not_grow(table):
    """Its slope is 0 but for rounding, without any noise beside it."""
    found = analyse_table(table({"iid": np.zeros((40, 3)), "sequential": np.ones((40, 3))}))
    assert found.sentences[0].startswith("GAIN: ")
    assert "That the lift grows is not shown" in found.sentences[0]
    told = {item.name: item for item in found.secondary}
    assert (told["slope"].estimate, told["slope"].low, told["slope"].high) == (0.0, None, None)


@pytest.mark.parametrize("seeds", [(1, 1), (5, 1), (1, 5)])
def test_one_run_of_an_arm_tells_nothing_of_further_runs(table, seeds):
    rng = np.random.default_rng(5)
    runs = {"iid": rng.random((60, seeds[0])) < 0.3, "sequential": rng.random((60, seeds[1])) < 0.6}
    found = analyse_table(table(runs))
    assert found.sentences[0].startswith("SINGLE-RUN ")
    assert "further runs" not in found.sentences[0]
    assert as_json(found)["contrasts"][0]["stream_interval"] is None


@pytest.mark.parametrize("seed", range(4))
def test_no_share_of_any_table_leaves_what_a_share_can_be(table, seed):
    """Tables of a few tasks, of rates near 0 and 1, with luck of runs."""
    rng = np.random.default_rng(seed)
    rate, luck = rng.choice([0.0, 0.03, 0.5, 0.97, 1.0], 2), rng.normal(0.0, 0.3, 3)
    tasks = int(rng.integers(10, 40))
    runs = {
        arm: rng.random((tasks, 3)) < r + luck
        for arm, r in zip(("iid", "sequential"), rate, strict=True)
    }
    for item in analyse_table(table(runs)).secondary:
        if item.unit == "share":
            assert item.low is None or 0.0 <= item.low <= item.estimate <= item.high <= 1.0
        assert item.low is None or item.low < item.high


def test_a_report_of_a_table_names_no_setting_of_a_run(table):
    found = analyse_table(table(outcomes_of(TASKS, 3, lift=0.2)))
    assert "Sandbox" not in markdown(found)
    assert "The outcome table: sequential" in markdown(found)
    run = as_json(found)["runs"][0]
    assert run["table"]["name"] == "t.csv"
    assert "settings" not in run
    assert 'data-chart="lift-0"' in page(found)


def test_the_digest_is_of_the_file(table):
    first = table(outcomes_of(TASKS, 3, lift=0.2))
    assert first.digest != table(outcomes_of(TASKS, 3, lift=0.2, seed=8)).digest
    assert analyse_table(first).runs[0].results_digest == first.digest


def test_many_tables_pool_as_many_codebases(table):
    tables = [
        table(outcomes_of(TASKS, 3, lift=0.3, seed=seed), f"stream{seed}.csv") for seed in range(5)
    ]
    found = leaderboard(streams_of_tables(tables))
    assert found.codebases == tuple(f"stream{seed}" for seed in range(5))
    assert found.rows[0].memory == "sequential"
    lifts = [analyse_table(t).headlines()[0].estimate for t in tables]
    assert found.rows[0].lift.estimate == pytest.approx(np.mean(lifts))


def test_two_tables_of_one_name_are_refused(table, tmp_path):
    (tmp_path / "x").mkdir()
    outcomes = outcomes_of(TASKS, 3, lift=0.1)
    with pytest.raises(UsageError, match="two tables are called 't'"):
        streams_of_tables([table(outcomes), table(outcomes, "x/t.csv")])


def test_the_gate_takes_tables(tmp_path):
    good = {"iid": np.eye(60, 5), "Mem": np.ones((60, 5))}
    bad = good | {"Mem": (np.arange(300).reshape(60, 5) % 2).astype(float)}
    base, head = (write(tmp_path / f"{n}.csv", o) for n, o in (("base", good), ("head", bad)))
    found = compare(read(base), read(head))
    assert found.main.arm == "mem"
    assert found.main.finding is Finding.REGRESSION
    assert compare(read(base), read(base)).identical
    with pytest.raises(SystemExit) as ended:
        main(["compare", str(base), str(head), "--fail-on", "regression"])
    assert ended.value.code == 1


def test_a_table_of_scores_may_be_kept_as_a_baseline(tmp_path, capsys):
    scores = {"iid": np.full((30, 3), 0.25), "mem": np.full((30, 3), 0.75)}
    path = write(tmp_path / "s.csv", scores)
    with pytest.raises(SystemExit):
        main(["baseline", str(path)])
    kept = tmp_path / "kept.json"
    kept.write_text(capsys.readouterr().out)
    found = compare(read(kept), read(path))
    assert found.main.outcome is SCORE
    assert found.identical


def test_the_gate_takes_no_table_with_gaps(tmp_path):
    path = write(tmp_path / "t.csv", {"iid": np.array([[1.0], [np.nan]])})
    with pytest.raises(IncompleteError, match="1 cells hold no outcome"):
        read(path)


def test_arms_that_only_signs_tell_apart_are_no_gate(tmp_path):
    path = write(tmp_path / "t.csv", {"Mem 1": np.ones((3, 1)), "mem_1": np.ones((3, 1))})
    with pytest.raises(UsageError, match="too much alike"):
        read(path)


@pytest.mark.parametrize(
    ("name", "plain"), [("Mem_2 b", "mem-2-b"), ("4o", "arm-4o"), ("---", "arm"), ("iid", "iid")]
)
def test_a_gates_arms_have_plain_names(name, plain):
    assert arm_name(name) == plain


def test_names_of_tasks_become_ids_without_a_twin():
    ids = safe_ids(["a/b#1", "a_b_1", "../x", "é", "A_B_1", "x" * 300])
    assert len({i.lower() for i in ids}) == 6
    assert all(".." not in i and "/" not in i and len(i) <= 200 for i in ids)


def test_the_command_writes_the_usual_files(tmp_path, capsys):
    path = write(tmp_path / "t.csv", outcomes_of(TASKS, 3, lift=0.3))
    with pytest.raises(SystemExit) as ended:
        main(["report", "--outcomes", str(path)])
    assert ended.value.code == 0
    assert json.loads((tmp_path / "report.json").read_text())["complete"]
    assert (tmp_path / "report.html").exists()
    assert "sequential − iid" in capsys.readouterr().out


def test_one_table_has_no_reference(tmp_path, capsys):
    path = write(tmp_path / "t.csv", outcomes_of(TASKS, 3, lift=0.3))
    with pytest.raises(SystemExit) as ended:
        main(["report", "--outcomes", str(path), "--reference", "iid"])
    assert ended.value.code == 2
    assert "--reference is for a leaderboard" in capsys.readouterr().err


def test_many_tables_make_a_leaderboard(tmp_path, capsys):
    words = ["report", "--out", str(tmp_path), "--format", "text"]
    for seed in range(5):
        path = write(tmp_path / f"s{seed}.csv", outcomes_of(TASKS, 3, lift=0.3, seed=seed))
        words += ["--outcomes", str(path)]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    assert "1 memory on 5 codebases" in capsys.readouterr().out
    assert (tmp_path / "leaderboard.txt").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing to report on"),
        (["run", "--outcomes", "t.csv"], "cannot be reported together"),
        (["--outcomes", "none.csv"], "cannot read"),
        (["run", "--baseline-arm", "none"], "--baseline-arm is for outcome tables"),
    ],
)
def test_what_cannot_be_reported_is_two_lines(words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["report", *words])
    assert ended.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert said in lines[0]


def test_runs_over_many_codebases_make_a_leaderboard(plant, tmp_path, capsys):
    runs = [
        plant(outcomes_of(12, 3, lift=0.3, seed=n), name=f"r{n}", codebase=f"c{n}")
        for n in range(2)
    ]
    words = ["report", *(str(run.root) for run in runs), "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--format", "csv", "--format", "json"])
    assert ended.value.code == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "leaderboard.csv", "leaderboard.json",
    ]  # fmt: skip
    assert "Nothing is pooled" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main([*words, "--reference", "none"])
    assert ended.value.code == 2
