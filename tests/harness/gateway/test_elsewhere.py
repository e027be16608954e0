"""What gateways on several machines spend is counted once, by each and by the run's driver."""

import pytest

from harness.loop.agent_model import AgentModel
from seqswe.errors import UsageError
from seqswe.experiment import Experiment
from seqswe.runs.model_requests import ModelRequests

LINES = [{"charged_cost": 0.5, "charged_tokens": 10}, {"charged_cost": 0.25, "charged_tokens": 5}]


def spent(gateway):
    return gateway.spent.cost, gateway.spent.tokens, gateway.spent.requests


def test_a_driver_counts_what_machines_tell_and_keeps_their_lines(open_gateway):
    gateway = open_gateway(max_cost=0.7)
    model = AgentModel(gateway)
    model.add(LINES[:1])
    assert not model.used_up
    model.add(LINES[1:])
    assert spent(gateway) == (0.75, 15, 2)
    assert gateway.notes == LINES
    assert model.used_up == "$0.7500 of $0.7"


def test_a_machine_counts_what_others_have_spent_once_however_often_it_is_told(open_gateway):
    gateway = open_gateway(max_tokens=100)
    model = AgentModel(gateway)
    for told in ((1.0, 60, 3), (1.0, 60, 3), (1.5, 90, 4)):
        model.spent_elsewhere(*told)
    assert spent(gateway) == (1.5, 90, 4)
    assert gateway.notes == []  # the lines are the driver's
    assert not model.used_up
    gateway.charge(0.0, 10, 1)  # its own
    assert model.used_up


def test_lines_about_requests_are_handed_over_once(tmp_path):
    requests = ModelRequests(tmp_path)
    assert requests.lines(0) == ((), 0)
    for line in LINES:
        requests.append(line)
    assert requests.lines(0) == (tuple(LINES), 2)
    assert requests.lines(1) == (tuple(LINES[1:]), 2)
    assert requests.lines(2) == ((), 2)


def test_requests_are_not_recorded_on_several_machines():
    with pytest.raises(UsageError, match="cannot be recorded with engine 'ray'"):
        Experiment(engine="ray", record="recordings")
