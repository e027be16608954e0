"""Models of any provider through LiteLLM, which answers in the shape of the OpenAI API."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from seqswe.endpoint import RETRIES
from seqswe.errors import MissingError, RolloutError, UsageError


class LiteLLM:
    """Stands in for an Endpoint; url and key may be empty, then LiteLLM finds its own.

    Raises MissingError where the extra `seqswe[litellm]` is not installed.
    """

    def __init__(self, url: str = "", *, key: str = "", seconds: float = 120.0) -> None:
        # Else it asks the network for a list of prices when it is imported.
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        try:
            import litellm
            from openai import OpenAIError
        except ImportError:
            raise MissingError(
                "a model of the form litellm:NAME needs the package 'litellm'",
                "Install it: pip install 'seqswe[litellm]'.",
            ) from None
        litellm.telemetry = False
        litellm.suppress_debug_info = True
        self._key, self._error = key, OpenAIError
        self._calls = {"chat/completions": litellm.completion, "embeddings": litellm.embedding}
        self._given = {
            "api_base": url or None,
            "api_key": key or None,
            "timeout": seconds,
            "num_retries": RETRIES,
            "drop_params": True,
        }

    def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer as a JSON object. Raises RolloutError("provider_failed")."""
        if path not in self._calls:
            raise UsageError(f"LiteLLM is not asked for {path}", "Use an endpoint's own URL.")
        try:
            answer = self._calls[path](**body, **self._given)
        except self._error as error:
            said = f"{type(error).__name__}: {error}"[:400]
            hidden = said.replace(self._key, "…") if self._key else said
            raise RolloutError("provider_failed", hidden) from None
        found: Mapping[str, Any] = answer.model_dump()
        return found
