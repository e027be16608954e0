"""Models of any provider through LiteLLM, which answers in the shape of the OpenAI API."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from seqswe.errors import MissingError, RolloutError, UsageError
from seqswe.models.endpoint import HOLE, PASSING, RETRIES, RefusedRequest, without
from seqswe.models.scrub import SHORTEST, Scrubber

SECRET = ("_KEY", "_TOKEN")
"""Endings of the names of variables that hold secrets."""


class LiteLLM:
    """Stands in for an Endpoint; if url or key are empty, LiteLLM finds its own.

    Raises MissingError if the extra `seqswe[litellm]` is not installed.
    """

    def __init__(self, url: str = "", *, key: str = "", seconds: float = 120.0) -> None:
        # Else LiteLLM asks the network for a list of prices when it is imported.
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        try:
            import litellm
        except ImportError:
            raise MissingError(
                "a model of the form litellm:NAME needs the package 'litellm'",
                "Install it: pip install 'seqswe[litellm]'.",
            ) from None
        litellm.telemetry = False
        litellm.suppress_debug_info = True
        self._key = key
        self._calls = {"chat/completions": litellm.completion, "embeddings": litellm.embedding}
        self._settings = {
            "api_base": url or None,
            "api_key": key or None,
            "timeout": seconds,
            "num_retries": RETRIES,
            "drop_params": True,
        }

    def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the answer as a JSON object. Raises RolloutError("provider_failed")."""
        if path not in self._calls:
            raise UsageError(f"LiteLLM is not asked for {path}", "Use an endpoint's own URL.")
        try:
            answer = self._calls[path](**body, **self._settings).model_dump()
        except Exception as error:  # noqa: BLE001  (each provider has its own)
            reason = hidden(f"{type(error).__name__}: {error}", self._key)
            status = getattr(error, "status_code", None)
            if isinstance(status, int) and 400 <= status < 500 and status not in PASSING:
                raise RefusedRequest(reason[:400]) from None
            raise RolloutError("provider_failed", reason[:400]) from None
        kept: Mapping[str, Any] = without(answer, Scrubber(secrets(self._key), HOLE))
        return kept


def hidden(text: str, key: str = "") -> str:
    """Hide the key in a text, and every key of the environment."""
    return Scrubber(secrets(key), HOLE, shortest=1).text(text)


def secrets(key: str = "") -> list[str]:
    """The key, and every key of the environment, where LiteLLM looks for its own.

    The longest first: one may begin with another.
    """
    named = {v.strip() for n, v in os.environ.items() if n.upper().endswith(SECRET)}
    # Words shorter than any key would make holes in the text.
    found = {key, *(value for value in named if len(value) >= SHORTEST)} - {""}
    return sorted(found, key=len, reverse=True)
