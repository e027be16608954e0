"""A policy that learns in `SeqEnv`, on a processor and without a model: a bandit over edits.

    python -m benchmarks.bandit --train ledgerlite-injected --test sequences/marshmallow-injected \\
        --mirror DIR --sandbox local --out runs/bandit

Its actions are those of `repair`: which function of the failing trace is edited first (by its place
in the trace, so that it means something in another codebase), and by which kind of edit. Both
weigh by rewards alone: how often an edit of that place, or of that kind, ended a task with reward
1. It trains on the tasks of one codebase, one seed a pass. After every pass it is held, fixed,
against the untrained policy on another codebase: same tasks, same seeds, an empty memory. The two
are paired by seed, since an edit has the same luck in both (`harness.agents.repair`).
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.agents.repair.agent import job_of, run_job
from seqswe.agent import Attempt, Usage
from seqswe.env import SeqEnv, Submit
from seqswe.env.playing import SteppedSandbox
from seqswe.runs.store import RunDirectory
from seqswe.statistics import two_way
from seqswe.statistics.arrays import FloatArray

Traces = dict[str, list[str]]
"""Functions of each task's failing trace by instance id: they are the same at every visit."""


@dataclass
class Bandit:
    """Success rates of places in the trace, and successes of kinds of edit."""

    won: Counter[int] = field(default_factory=Counter)
    seen: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    def act(self, env: SeqEnv, seed: int, traces: Traces) -> dict[str, Any]:
        """Try edits in the policy's order; returns what was tried, and the trace's functions."""
        task, sandbox = env.turn.task, SteppedSandbox(env)
        job = job_of(task, seed)
        known: dict[str, Any] = {}
        if self.seen:  # to an untrained policy every place is the same
            if task.instance_id not in traces:
                found = run_job(sandbox, job | {"budget": 0})
                traces[task.instance_id] = found["functions"]
            known = self._known(traces[task.instance_id])
        tried = run_job(sandbox, job | {"known": known})
        traces[task.instance_id] = tried["functions"]
        return tried

    def _known(self, functions: Sequence[str]) -> dict[str, Any]:
        return {
            "fixes": {name: self.won[place] for place, name in enumerate(functions)},
            "passes": {name: self.seen[place] for place, name in enumerate(functions)},
            "kinds": dict(self.kinds),
        }

    def learn(self, tried: dict[str, Any], reward: float) -> None:
        """Credit the place and the kind of the edit that was rewarded."""
        edit, functions = tried["accepted"], tried["functions"]
        if not edit:
            return
        self.seen.update(range(len(functions)))
        if reward:
            self.won[functions.index(f"{edit['path']}::{edit['function']}")] += 1
            self.kinds[edit["kind"]] += 1


def play(
    env: SeqEnv, bandit: Bandit, position: int, seed: int, traces: Traces
) -> tuple[dict[str, Any], float]:
    """One episode; returns what was tried, and its reward."""
    env.reset(seed=seed, options={"position": position})
    tried = bandit.act(env, seed, traces)
    edit = tried["accepted"]
    ranking = (edit["path"],) if edit else ()
    usage = Usage(executions=tried["executions"])
    return tried, env.step(Submit(Attempt(ranking=ranking, usage=usage)))[1]


def train(args: argparse.Namespace) -> list[Bandit]:
    """The policy after 0, 1, ... passes over the training stream, each with a seed of its own."""
    bandit, traces = Bandit(), Traces()
    after = [deepcopy(bandit)]
    env = SeqEnv(args.train, **settings(args, args.train, "training", args.passes))
    for seed in range(args.passes):
        rewards = []
        for position in range(len(env.instance_ids)):
            tried, reward = play(env, bandit, position, seed, traces)
            bandit.learn(tried, reward)
            rewards.append(reward)
        after.append(deepcopy(bandit))
        print(f"pass {seed + 1} over {args.train}: {np.mean(rewards):.3f} of {len(rewards)}")
    env.close()
    print(f"learned: {json.dumps(asdict(bandit))}", flush=True)
    return after


def test(args: argparse.Namespace, bandit: Bandit, name: str, traces: Traces) -> FloatArray:
    """Rewards (tasks, seeds) of a policy that learns no more."""
    given = settings(args, args.test, name, args.seeds, args.limit)
    shared = SeqEnv(args.test, **given)

    def stream(seed: int) -> list[float]:
        env = SeqEnv(args.test, **given, stage=shared.stage)
        positions = range(len(env.instance_ids))
        return [play(env, bandit, position, seed, traces)[1] for position in positions]

    with ThreadPoolExecutor(args.jobs) as threads:
        rewards = np.array(list(threads.map(stream, range(args.seeds)))).T
    shared.close()
    return rewards


def settings(
    args: argparse.Namespace, codebase: str, name: str, seeds: int, limit: int = 0
) -> dict[str, Any]:
    """Of an environment that writes its run directory below --out."""
    return {
        "agent_option": (f"name={name}",),
        "memory": "none",
        "feedback": "none",
        "arm": ("iid",),
        "seeds": seeds,
        "mirror": args.mirror,
        "sandbox": args.sandbox,
        "limit": limit,
        "out": _place(args, codebase, name),
    }


def main() -> None:
    """Train, and print the learning curve on the other codebase."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--train", default="ledgerlite-injected")
    parser.add_argument("--test", required=True)
    parser.add_argument("--mirror", default="")
    parser.add_argument("--sandbox", default="docker")
    parser.add_argument("--passes", type=int, default=2, help="passes over the training stream")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of the test")
    parser.add_argument("--limit", type=int, default=0, help="tasks of the test; 0: all")
    parser.add_argument("--jobs", type=int, default=2, help="seeds of the test at a time")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    policies, traces = train(args), Traces()
    untrained = None
    for passes, bandit in enumerate(policies):
        name = f"after-{passes}"
        rewards = test(args, bandit, name, traces)
        untrained = rewards if untrained is None else untrained
        digest = RunDirectory.open(_place(args, args.test, name)).journal().results_digest()
        print(
            f"{Path(args.test).name} after {passes} passes: {rewards.mean():.3f} of "
            f"{rewards.shape[0]} tasks, {args.seeds} seeds; {_against(rewards, untrained)}; "
            f"results {digest}",
            flush=True,
        )


def _against(rewards: FloatArray, untrained: FloatArray) -> str:
    if rewards is untrained:
        return "the untrained policy"
    lift = two_way(rewards, untrained, coupled=True)
    return (
        f"trained − untrained {100 * lift.estimate:+.1f} points "
        f"(95 % interval {100 * lift.low:+.1f} to {100 * lift.high:+.1f})"
    )


def _place(args: argparse.Namespace, codebase: str, name: str) -> Path:
    return Path(args.out, f"{Path(codebase).name}-{name}")


if __name__ == "__main__":
    main()
