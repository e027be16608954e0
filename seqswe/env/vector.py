"""Several environments side by side, each in a sandbox of its own."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from seqswe.env.actions import Action
from seqswe.env.environment import Observation, SeqEnv, Step
from seqswe.errors import UsageError


class SeqVecEnv:
    """Environments that are reset and stepped together. Nothing is reset by itself."""

    def __init__(self, envs: Sequence[SeqEnv], starts: Sequence[tuple[int, int]]) -> None:
        """starts: seed and position of each."""
        self.envs, self._starts = tuple(envs), tuple(starts)
        self._threads = ThreadPoolExecutor(len(self.envs), thread_name_prefix="vec-env")

    def __len__(self) -> int:
        return len(self.envs)

    def reset(self, *, memory: str | None = None) -> list[tuple[Observation, dict[str, Any]]]:
        """Begin each at its seed and position, from `memory` as `SeqEnv.reset` takes it."""
        chosen = {} if memory is None else {"memory": memory}

        def one(env: SeqEnv, start: tuple[int, int]) -> tuple[Observation, dict[str, Any]]:
            return env.reset(seed=start[0], options={"position": start[1], **chosen})

        return list(self._threads.map(one, self.envs, self._starts))

    def step(self, actions: Sequence[Action | str | None]) -> list[Step | None]:
        """Step each by its action; None leaves one alone, such as one that is over."""
        if len(actions) != len(self.envs):
            raise UsageError(
                f"{len(actions)} actions for {len(self.envs)} environments", "Give one for each."
            )

        def one(env: SeqEnv, action: Action | str | None) -> Step | None:
            return None if action is None else env.step(action)

        return list(self._threads.map(one, self.envs, actions))

    def close(self) -> None:
        """Close all of them. Safe to call twice."""
        for env in self.envs[::-1]:  # the first one holds what the others share
            env.close()
        self._threads.shutdown()


def make_vec(
    codebase: str,
    *,
    positions: Sequence[int] = (0,),
    seeds: Sequence[int] = (0,),
    out: Path | str | None = None,
    **settings: Any,
) -> SeqVecEnv:
    """One environment for every seed and position; they share a stage and a run directory.

    Raises as `SeqEnv` does.
    """
    starts = [(seed, position) for seed in seeds for position in positions]
    if not starts:
        raise UsageError("there are no positions or no seeds", "Give one of each, at least.")
    first = SeqEnv(codebase, out=out, **settings)
    others = [SeqEnv(codebase, stage=first.stage, **settings) for _ in starts[1:]]
    return SeqVecEnv([first, *others], starts)
