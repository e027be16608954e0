"""A policy that learns in `SeqEnv`, on a processor and without a model: a bandit over edits.

    python -m benchmarks.bandit --train ledgerlite-injected --test sequences/marshmallow-injected \\
        --mirror DIR --sandbox local --out runs/bandit

Its actions are those of `repair`: which function of the failing trace is edited first (by its place
in the trace, so that it means something in another codebase), and by which kind of edit. Both weigh
by rewards alone: how often an edit of that place, or of that kind, ended a task with reward 1. It
trains on the tasks of one codebase, one seed a pass. What it is after each pass is held, fixed,
against the untrained policy on another codebase: same tasks, same seeds, an empty memory. The two
are paired by seed, since an edit has the same luck in both (`harness.agents.repair`). The untrained
policy is `repair` with an empty memory, edit by edit, so the i.i.d. arm of a kept run may stand for
it (`--untrained marshmallow-injected-episodic`). What --out holds already is not played again.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.agents.repair.agent import job_of, run_job
from seqswe.agent import Attempt, Usage
from seqswe.arms import BASELINE
from seqswe.comparison.result_set import OURS, ResultSet
from seqswe.env import SeqEnv, Submit
from seqswe.env.playing import SteppedSandbox
from seqswe.runs.outcomes import RESOLVED
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
    """One episode: what was tried, as `repair` answers it, and the reward."""
    env.reset(seed=seed, options={"position": position})
    tried = bandit.act(env, seed, traces)
    edit = tried["accepted"]
    ranking = (edit["path"],) if edit else ()
    usage = Usage(executions=tried["executions"])
    return tried, env.step(Submit(Attempt(ranking=ranking, usage=usage)))[1]


def rewarded(place: Path) -> dict[tuple[int, int], float]:
    """Rewards that a run directory holds, by seed and position."""
    rollouts = RunDirectory.open(place).journal().rollouts
    return {(r.seed, r.position): float(bool(r.resolved)) for r in rollouts if r.graded}


def train(args: argparse.Namespace) -> tuple[list[Bandit], FloatArray]:
    """The policy after 0, 1, ... passes over the training stream, each with a seed of its own;
    and its rewards while it learned (tasks, passes)."""
    bandit, traces = Bandit(), Traces()
    after, columns = [deepcopy(bandit)], []
    env = SeqEnv(args.train, **settings(args, args.train, "training", args.passes))
    # Its own, since a trajectory shows of a long output only the ends.
    notes = Path(args.out, f"{Path(args.train).name}-training.jsonl")
    lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
    before = [json.loads(line) for line in lines]
    for seed in range(args.passes):
        rewards = []
        for position in range(len(env.instance_ids)):
            if before:
                tried, reward = before.pop(0)
            else:
                tried, reward = play(env, bandit, position, seed, traces)
                with notes.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([tried, reward]) + "\n")
            bandit.learn(tried, reward)
            rewards.append(reward)
        after.append(deepcopy(bandit))
        columns.append(rewards)
    env.close()
    return after, np.array(columns).T


def hold(
    args: argparse.Namespace, codebase: str, bandit: Bandit, name: str, seeds: int, limit: int = 0
) -> FloatArray:
    """Rewards (tasks, seeds) of a policy that learns no more."""
    given = settings(args, codebase, name, seeds, limit)
    shared = SeqEnv(codebase, **given)
    before, traces = rewarded(_place(args, codebase, name)), Traces()

    def episode(start: tuple[int, int]) -> float:
        seed, position = start
        if start in before:
            return before[start]
        env = SeqEnv(codebase, **given, stage=shared.stage)
        return play(env, bandit, position, seed, traces)[1]

    tasks = len(shared.instance_ids)
    starts = [(seed, position) for position in range(tasks) for seed in range(seeds)]
    with ThreadPoolExecutor(args.jobs) as threads:
        rewards = np.array(list(threads.map(episode, starts))).reshape(tasks, seeds)
    shared.close()
    digest = RunDirectory.open(_place(args, codebase, name)).journal().results_digest()
    print(f"{Path(codebase).name}, {name}: {rewards.mean():.3f}, results {digest}", flush=True)
    return rewards


def untrained(
    args: argparse.Namespace, codebase: str, kept: str, seeds: int, limit: int = 0
) -> FloatArray:
    """Rewards (tasks, seeds) of the policy that has learned nothing, played or kept."""
    if not kept:
        return hold(args, codebase, Bandit(), "untrained", seeds, limit)
    run = ResultSet.read(OURS).outcomes(kept)
    if run is None or Path(str(run.settings["codebase"])).name != Path(codebase).name:
        raise SystemExit(f"docs/results holds no outcomes of {codebase} by the name of {kept}")
    return run.values(BASELINE, RESOLVED.name)[: limit or None, :seeds]


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
    parser.add_argument("--jobs", type=int, default=2, help="episodes of the test at a time")
    for name in ("--untrained", "--untrained-train"):
        parser.add_argument(name, default="", help="kept result in docs/results; else it plays")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    policies, rewards = train(args)
    print(f"learned: {policies[-1]}", flush=True)
    plain = untrained(args, args.train, args.untrained_train, args.passes)
    for seed in range(args.passes):
        part = slice(seed, seed + 1)
        print(f"{args.train}, pass {seed + 1}: {_against(rewards[:, part], plain[:, part])}")
    plain = untrained(args, args.test, args.untrained, args.seeds, args.limit)
    for passes in range(args.passes, 0, -1):  # the last one is the one that counts
        name = f"after-{passes}"
        rewards = hold(args, args.test, policies[passes], name, args.seeds, args.limit)
        print(f"{Path(args.test).name}, {name}: {_against(rewards, plain)}", flush=True)


def _against(trained: FloatArray, plain: FloatArray) -> str:
    lift = two_way(trained, plain, coupled=True)
    return (
        f"trained {100 * trained.mean():.1f} %, untrained {100 * plain.mean():.1f} %, "
        f"difference {100 * lift.estimate:+.1f} points (95 % interval {100 * lift.low:+.1f} to "
        f"{100 * lift.high:+.1f}; {lift.n} tasks, {trained.shape[1]} seeds, paired)"
    )


def _place(args: argparse.Namespace, codebase: str, name: str) -> Path:
    return Path(args.out, f"{Path(codebase).name}-{name}")


if __name__ == "__main__":
    main()
