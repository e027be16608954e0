"""`SeqEnv` with gymnasium's base class and spaces; the extra `gym` brings gymnasium.

    gymnasium.make("harness.adapters.gym:SeqSWE-v0", codebase="ledgerlite")

Its own spaces, because gymnasium's `Text` refuses blanks, line ends and letters such as é.
"""

from __future__ import annotations

from typing import Any

import gymnasium
from gymnasium import spaces
from gymnasium.envs.registration import register

from seqswe.env import SeqEnv

LINES = ("submit", "run git status --short", "note nothing yet")
"""What a sample of an action is; any other line is one as well."""


class AnyText(spaces.Space[str]):
    """All texts."""

    def __init__(self, samples: tuple[str, ...] = ("",)) -> None:
        super().__init__((), str)
        self._samples = samples

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """One of a few texts."""
        return self._samples[int(self.np_random.integers(len(self._samples)))]

    def contains(self, x: Any) -> bool:
        """Whether it is a text."""
        return isinstance(x, str)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AnyText) and self._samples == other._samples


class Recalled(spaces.Space[tuple[dict[str, Any], ...]]):
    """What a memory may recall: items with a `text` and their `origins`."""

    def __init__(self) -> None:
        super().__init__((), None)

    def sample(self, mask: Any = None, probability: Any = None) -> tuple[dict[str, Any], ...]:
        """Nothing recalled."""
        return ()

    def contains(self, x: Any) -> bool:
        """Whether it is a tuple of items."""
        return isinstance(x, tuple) and all(
            isinstance(item, dict) and item.keys() == {"text", "origins"} for item in x
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recalled)


class GymSeqEnv(gymnasium.Env[dict[str, Any], str]):
    """`SeqEnv` for gymnasium; takes the same arguments. An action is a line of text."""

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  (gymnasium's own way)

    def __init__(self, *, codebase: str, render_mode: None = None, **settings: Any) -> None:
        self.render_mode = render_mode
        self.seqenv = SeqEnv(codebase, **settings)
        self.action_space = AnyText(LINES)
        self.observation_space = spaces.Dict(
            {
                "issue": AnyText(),
                "instance_id": AnyText(),
                "position": spaces.Discrete(len(self.seqenv.instance_ids)),
                "recall": Recalled(),
                "output": AnyText(),
                "budget": spaces.Discrete(self.seqenv.budget + 1),
            }
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode, as `SeqEnv.reset` does."""
        super().reset(seed=seed)
        return self.seqenv.reset(seed=seed, options=options)

    def step(self, action: str) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Do what the line says, as `SeqEnv.step` does."""
        return self.seqenv.step(action)

    def close(self) -> None:
        """Close the sandboxes."""
        self.seqenv.close()


register(id="SeqSWE-v0", entry_point="harness.adapters.gym:GymSeqEnv")
