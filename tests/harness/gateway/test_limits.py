"""Budgets and pace."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.gateway import RolloutId
from harness.gateway.limits import Budget, Pace, Spending
from seqswe.errors import UsageError
from tests.harness.gateway.conftest import APIS
from tests.harness.gateway.scripted_provider import CACHED, INPUT, OUTPUT, Fault

EACH = INPUT + CACHED + OUTPUT


@pytest.mark.parametrize(
    ("settings", "answered"),
    [
        ({"rollout_requests": 2}, 2),
        ({"rollout_tokens": 2 * EACH}, 2),
        ({"rollout_tokens": 2 * EACH + 1}, 3),
        ({"rollout_cost": 0.006}, 2),
    ],
)
@pytest.mark.parametrize("way", ["whole", "stream"])
def test_a_rollout_stops_at_its_own_budget(enter, provider, settings, answered, way):
    with enter(**settings) as client:
        got = [getattr(client, way)("responses").status for _ in range(5)]
    assert got == [200] * answered + [400] * (5 - answered)
    assert len(provider.asked) == answered
    assert client.session.failure[0] == "agent_out_of_budget"


def test_the_runs_budget_counts_what_earlier_sessions_spent(enter, provider):
    with enter(max_tokens=3 * EACH, spent=Spending(tokens=2 * EACH)) as client:
        assert [client.whole("chat").status for _ in range(2)] == [200, 400]
        assert client.gateway.used_up == f"{3 * EACH:,} of {3 * EACH:,} tokens"
    assert client.session.failure[0] == "run_out_of_budget"


def test_budgets_hold_under_four_rollouts_of_many_requests_at_a_time(open_gateway, enter, provider):
    """Each rollout asks with eight connections at once; one request of each may be too many."""
    provider.delay = 0.01
    gateway = open_gateway(max_tokens=20 * EACH)

    def rollout(number):
        name = RolloutId(arm="iid", seed=0, position=number, instance_id=f"house__{number}")
        with enter(gateway, rollout=name) as client:
            with ThreadPoolExecutor(8) as threads:
                list(threads.map(lambda _: client.stream("messages"), range(40)))
            return client.session

    with ThreadPoolExecutor(4) as threads:
        sessions = list(threads.map(rollout, range(4)))
    assert {s.failure[0] for s in sessions} == {"run_out_of_budget"}
    assert provider.answered <= 20 + 4
    assert gateway.spent.requests == provider.answered


def test_an_answer_that_tells_no_tokens_counts_against_budgets_all_the_same(enter, provider):
    provider.always = Fault(no_usage=True)
    with enter(rollout_tokens=500) as client:
        for _ in range(50):
            client.stream("responses", padding="x" * 400)
    assert client.session.failure[0] == "agent_out_of_budget"
    assert len(provider.asked) < 10
    assert client.session.usage.output is None


def test_a_budget_in_usd_needs_a_price(open_gateway, tmp_path):
    nothing = tmp_path / "nothing.toml"
    nothing.write_text("")
    with pytest.raises(UsageError, match="cannot hold"):
        open_gateway(prices=nothing, allow_unpriced=True, max_cost=1.0)
    with pytest.raises(UsageError, match="no price for the model 'm'"):
        open_gateway(prices=nothing)


def test_a_budget_of_nothing_is_none():
    assert Budget().used_up(Spending(cost=9e9, tokens=10**9, requests=10**9)) == ""


class Time:
    """A clock that goes on while somebody sleeps."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(asyncio, "sleep", self.sleep)

    async def sleep(self, seconds):
        self.now += seconds


def test_no_minute_has_more_requests_than_the_pace_allows(monkeypatch):
    clock = Time(monkeypatch)

    async def ask():
        pace, times = Pace(rpm=10, now=lambda: clock.now), []
        for _ in range(35):
            await pace.wait()
            times.append(clock.now)
        return times

    times = asyncio.run(ask())
    assert times[9] == 0.0
    assert times[-1] == 180.0
    for start in times:
        assert sum(start <= t < start + 60 for t in times) <= 10


def test_tokens_are_paced_by_what_was_used(monkeypatch):
    clock = Time(monkeypatch)

    async def ask():
        pace, times = Pace(tpm=1000, now=lambda: clock.now), []
        for _ in range(9):
            await pace.wait()
            times.append(clock.now)
            pace.spent(400)
        return times

    assert asyncio.run(ask()) == [0.0] * 3 + [60.0] * 3 + [120.0] * 3


def test_all_rollouts_share_the_pace_and_waiting_is_not_their_time(
    open_gateway, enter, monkeypatch
):
    monkeypatch.setattr("harness.gateway.limits.MINUTE", 1.0)
    gateway, started = open_gateway(rpm=2), time.monotonic()
    waited = []

    def rollout(number):
        name = RolloutId(arm="iid", seed=0, position=number, instance_id=f"house__{number}")
        with enter(gateway, rollout=name) as client:
            assert client.whole("chat").status == 200
            waited.append(client.session.waiting.seconds())

    threads = [threading.Thread(target=rollout, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - started >= 1.0
    assert sorted(waited)[2] >= 0.9


@pytest.mark.parametrize("api", APIS)
def test_tries_are_attempts_and_not_requests_of_the_agent(enter, provider, api):
    provider.faults = [Fault(status=500)] * 3
    with enter(rollout_requests=1) as client:
        assert client.whole(api).status == 200
    assert (client.session.usage.requests, client.session.usage.attempts) == (1, 4)
