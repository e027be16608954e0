"""A policy that learns in `SeqEnv`, on a processor and without a model: a bandit over edits.

    python -m benchmarks.bandit --train ledgerlite-injected --test sequences/marshmallow-injected \\
        --mirror DIR --out runs/bandit

Its actions are those of `repair`: which function of the failing trace is edited first (by its place
in the trace, so that it means something in another codebase), and by which kind of edit. Both
weigh by rewards alone: how often an edit of that place, or of that kind, ended a task with reward
1. It trains on the tasks of one codebase, and is then held, fixed, against the untrained policy on
another: same tasks, same seeds, an empty memory. The two are paired by seed, since an edit has the
same luck in both (`harness.agents.repair`).
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.agents.repair.agent import job_of, run_job
from seqswe.agent import Attempt
from seqswe.env import SeqEnv, Submit
from seqswe.env.playing import SteppedSandbox
from seqswe.statistics import two_way
from seqswe.statistics.arrays import FloatArray

PARTS = 3
"""Parts of the training that its learning curve shows."""


@dataclass
class Bandit:
    """Success rates of places in the trace, and successes of kinds of edit."""

    won: Counter[int] = field(default_factory=Counter)
    seen: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    def act(self, env: SeqEnv, seed: int) -> tuple[list[str], dict[str, Any]]:
        """Trace, and try edits in the policy's order; the functions, and what was tried."""
        sandbox = SteppedSandbox(env)
        job = job_of(env.turn.task, seed)
        functions: list[str] = run_job(sandbox, job | {"budget": 0})["functions"]
        known = {
            "fixes": {name: self.won[place] for place, name in enumerate(functions)},
            "passes": {name: self.seen[place] for place, name in enumerate(functions)},
            "kinds": dict(self.kinds),
        }
        return functions, run_job(sandbox, job | {"known": known})

    def learn(self, functions: list[str], tried: dict[str, Any], reward: float) -> None:
        """Credit the place and the kind of the edit that was rewarded."""
        edit = tried["accepted"]
        if not edit:
            return
        self.seen.update(range(len(functions)))
        if reward:
            name = f"{edit['path']}::{edit['function']}"
            self.won[functions.index(name)] += 1
            self.kinds[edit["kind"]] += 1


def play(env: SeqEnv, bandit: Bandit, position: int, seed: int, *, learn: bool) -> float:
    """One episode; returns its reward."""
    env.reset(seed=seed, options={"position": position})
    functions, tried = bandit.act(env, seed)
    edit = tried["accepted"]
    ranking = (edit["path"],) if edit else ()
    reward = env.step(Submit(Attempt(ranking=ranking)))[1]
    if learn:
        bandit.learn(functions, tried, reward)
    return reward


def rewards(env: SeqEnv, bandit: Bandit, seeds: int, *, learn: bool) -> FloatArray:
    """Rewards (tasks, seeds), pass by pass in the order of the stream."""
    tasks = len(env.instance_ids)
    columns = [
        [play(env, bandit, position, seed, learn=learn) for position in range(tasks)]
        for seed in range(seeds)
    ]
    return np.array(columns).T


def environment(
    args: argparse.Namespace, codebase: str, name: str, seeds: int, limit: int = 0
) -> SeqEnv:
    """An environment that writes its run directory below --out."""
    return SeqEnv(
        codebase,
        agent_option=(f"name={name}",),
        memory="none",
        feedback="none",
        arm=("iid",),
        seeds=seeds,
        mirror=args.mirror,
        sandbox=args.sandbox,
        limit=limit,
        out=Path(args.out, f"{Path(codebase).name}-{name}"),
    )


def main() -> None:
    """Train, test, and print rates, curve and difference."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--train", default="ledgerlite-injected")
    parser.add_argument("--test", required=True)
    parser.add_argument("--mirror", default="")
    parser.add_argument("--sandbox", default="docker")
    parser.add_argument("--passes", type=int, default=2, help="passes over the training stream")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of the test")
    parser.add_argument("--limit", type=int, default=0, help="tasks of the test; 0: all")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    trained, untrained = Bandit(), Bandit()
    env = environment(args, args.train, "training", args.passes)
    curve = rewards(env, trained, args.passes, learn=True).T.ravel()
    env.close()
    print(f"{args.train}, rewards while it trained: {_thirds(curve)}", flush=True)
    print(f"learned: {json.dumps({'won': trained.won, 'kinds': trained.kinds})}", flush=True)
    tested = {}
    for name, bandit in (("trained", trained), ("untrained", untrained)):
        env = environment(args, args.test, name, args.seeds, args.limit)
        tested[name] = rewards(env, bandit, args.seeds, learn=False)
        env.close()
        print(f"{args.test}, {name}: {tested[name].mean():.3f} of {tested[name].shape}", flush=True)
    lift = two_way(tested["trained"], tested["untrained"], coupled=True)
    print(
        f"trained − untrained on {Path(args.test).name}: {100 * lift.estimate:+.1f} points "
        f"(95 % interval {100 * lift.low:+.1f} to {100 * lift.high:+.1f}; "
        f"{lift.n} tasks, {args.seeds} seeds, paired)"
    )


def _thirds(values: FloatArray) -> str:
    parts = np.array_split(values, PARTS)
    return ", ".join(f"{part.mean():.3f} (N = {len(part)})" for part in parts)


if __name__ == "__main__":
    main()
