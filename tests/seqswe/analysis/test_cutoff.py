"""The date split of a run: which tasks are on which side, and what is taken off."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from seqswe.analysis import analyse
from seqswe.analysis.cutoff import cutoff, with_cutoff
from seqswe.cli import main
from seqswe.errors import UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.runs.outcomes import HIT_AT_1, RESOLVED, SECONDS

TASKS, OLD = 14, 8


@pytest.fixture
def dated(ledgerlite):
    """The demo's first tasks, as long as they are dated."""
    return [r.instance_id for r in ledgerlite.instances[:TASKS]]


@pytest.fixture
def day(ledgerlite):
    """The day of the last old task."""
    dates = [r.created_at.date() for r in ledgerlite.instances]
    assert dates[OLD] > dates[OLD - 1]
    return dates[OLD - 1]


@pytest.fixture
def runs(plant, ledgerlite):
    """`runs(values, name)`: a run over the demo's tasks whose i.i.d. arm has these results."""
    ids = [r.instance_id for r in ledgerlite.instances[:TASKS]]

    def make(values, name="run", change=lambda found: found):
        def named(found):
            return change(replace(found, instance_id=ids[found.position]))

        outcomes = {"iid": np.asarray(values, dtype=bool).reshape(TASKS, -1)}
        run = plant(outcomes, name=name, codebase="ledgerlite")
        lines = [named(r) for r in run.journal().rollouts]
        return replace_ids(run, ids, [line for line in lines if line])

    return make


def replace_ids(run, ids, rollouts):
    from seqswe.runs.store import RunDirectory, RunInfo
    from tests.seqswe.conftest import _write

    info = replace(run.info, instance_ids=tuple(ids))
    assert isinstance(info, RunInfo)
    made = RunDirectory.create(run.root.with_name(run.root.name + "-dated"), info)
    _write(made, rollouts)
    return made


OLD_ONES = np.arange(TASKS) < OLD


def test_the_day_itself_is_before_and_sides_are_differenced(runs, day):
    analysis = analyse([runs(OLD_ONES)])
    found = cutoff(analysis.runs[0], RESOLVED, day)
    assert (found.split.before, found.split.after) == (OLD, TASKS - OLD)
    assert found.split.raw == pytest.approx(1.0)
    assert found.dropped == 0


def test_what_the_control_finds_as_easy_is_taken_off(runs, day):
    run, control = runs(OLD_ONES, "run"), runs(OLD_ONES, "control")
    found = cutoff(analyse([run]).runs[0], RESOLVED, day, control)
    assert found.split.raw == pytest.approx(1.0)
    assert found.split.explained == pytest.approx(1.0)
    assert found.split.estimate == pytest.approx(0.0)
    assert "hit at 1 of localizer" in found.sentence


def test_a_task_without_a_value_is_on_neither_side(runs, day):
    from tests.seqswe.conftest import failed

    run = runs(OLD_ONES, change=lambda r: failed(r) if r.position == 0 else r)
    found = cutoff(analyse([run]).runs[0], RESOLVED, day)
    assert (found.split.before, found.dropped) == (OLD - 1, 1)
    assert "1 tasks have no value" in found.sentence


def test_knowledge_is_told_from_difficulty(runs, day):
    run, even = runs(OLD_ONES, "run"), runs(np.arange(TASKS) % 2 == 0, "even")
    found = cutoff(analyse([run]).runs[0], RESOLVED, day, even)
    assert found.split.low > 0
    assert "may know these tasks" in found.sentence
    less = cutoff(analyse([runs(~OLD_ONES, "less")]).runs[0], RESOLVED, day, even)
    assert "lower in the" in less.sentence
    assert "no sign" in less.sentence


def test_too_few_tasks_on_one_side_are_refused(runs, ledgerlite):
    run = analyse([runs(OLD_ONES)]).runs[0]
    with pytest.raises(UsageError, match="0 up to 1999-01-01 and 14 later"):
        cutoff(run, RESOLVED, date(1999, 1, 1))
    with pytest.raises(UsageError, match="14 up to 2999-01-01 and 0 later"):
        cutoff(run, RESOLVED, date(2999, 1, 1))


def test_an_amount_cannot_be_split(runs, day):
    with pytest.raises(UsageError, match="is no share"):
        cutoff(analyse([runs(OLD_ONES)]).runs[0], SECONDS, day)


def test_tasks_without_a_date_are_refused(plant, day):
    run = plant({"iid": np.ones((TASKS, 1), dtype=bool)}, codebase="ledgerlite")
    with pytest.raises(UsageError, match="has no task task-0"):
        cutoff(analyse([run]).runs[0], HIT_AT_1, day)


def test_a_run_without_the_baseline_is_refused(plant, day):
    run = plant({"sequential": np.ones((TASKS, 1), dtype=bool)}, codebase="ledgerlite")
    with pytest.raises(UsageError, match="0 up to"):
        cutoff(analyse([run]).runs[0], RESOLVED, day)


def test_the_report_says_it(runs, day, tmp_path, capsys):
    run = runs(OLD_ONES)
    control = runs(np.arange(TASKS) % 2 == 0, "control")
    sentence = with_cutoff(analyse([run]), day, control).sentences[-1]
    given = ["--cutoff", str(day), "--difficulty", str(control.root)]
    with pytest.raises(SystemExit) as ended:
        main(["report", str(run.root), *given, "--format", "json", "--out", str(tmp_path / "out")])
    assert not ended.value.code
    assert sentence in capsys.readouterr().out
    assert manifests.load("ledgerlite")
