"""How long a run takes and what it costs, going by the runs that are there."""

from dataclasses import replace

import pytest

from seqswe.agent import Usage
from seqswe.experiment import Experiment, make_plan
from seqswe.runs.estimates import estimates, quantile
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunDirectory, RunInfo

IDS = tuple(f"a-{n}" for n in range(11))


@pytest.fixture
def past(tmp_path):
    """A run of 11 tasks in one arm, that took 10 to 20 seconds and cost 0.1 to 0.2 USD each."""
    experiment = Experiment(arm=("sequential",), seeds=1, model="m")
    info = RunInfo(experiment=experiment, instance_ids=IDS, sequence_digest="")
    store = RunDirectory.create(tmp_path / "past", info)
    for position, name in enumerate(IDS):
        store.append(
            Rollout(
                arm="sequential",
                seed=0,
                position=position,
                instance_id=name,
                key="k",
                resolved=True,
                usage=Usage(cost_usd=0.1 + position / 100),
                timing={"total": 10.0 + position, "agent": 1.0},
            )
        )
    return store


def test_bounds_of_time_and_cost(past):
    plan = make_plan(replace(past.info.experiment, arm=("iid",), seeds=4, jobs=2), IDS)
    assert estimates([past.root], plan) == [
        "time: 4 min to 7 min with 2 jobs (from 11 rollouts of 1 earlier run, 10th to 90th "
        "percentile)",
        "cost: $4.84 to $8.36 (from 11 rollouts of 1 earlier run, 10th to 90th percentile)",
    ]


def test_a_chain_cannot_be_shared_out(past):
    plan = make_plan(replace(past.info.experiment, jobs=50), IDS)
    assert estimates([past.root], plan)[0].startswith("time: 2 min to 3 min with 50 jobs")


def test_other_runs_say_nothing(past, tmp_path):
    plan = make_plan(replace(past.info.experiment, agent="gold", max_cost=2.0), IDS)
    time, cost = estimates([past.root, tmp_path / "none"], plan)
    assert time.startswith("time: not known; no earlier run")
    assert cost.startswith("cost: $2 (--max-cost)")


def test_a_quantile_is_linear_between_two():
    assert quantile([4.0, 1.0, 2.0], 0.75) == 3.0
