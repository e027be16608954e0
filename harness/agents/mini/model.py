"""The gateway as mini's model: one request for each step, with one tool, `bash`."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from harness.agents.mini import library
from seqswe.agent import AgentModel, ModelAnswer
from seqswe.errors import ManifestError, RolloutError
from seqswe.manifests.read import parse_json

PATH = "/v1/chat/completions"


class GatewayModel:
    """See `minisweagent.Model`. Retries are the gateway's: an error that comes back is final."""

    def __init__(self, model: AgentModel, settings: Mapping[str, Any]) -> None:
        """settings: further fields of each request, such as `temperature`."""
        self._model, self._settings = model, dict(settings)
        self.config: dict[str, Any] = {"model_name": model.name}
        self._templates = library.config()["model"]
        self._calls = library.module("models.utils.actions_toolcall")

    def query(self, messages: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        """Ask for the next step. Raises RolloutError for an error, FormatError for no call."""
        body = {
            "model": self._model.name,
            "messages": [{k: v for k, v in m.items() if k != "extra"} for m in messages],
            "tools": [self._calls.BASH_TOOL],
            **self._settings,
        }
        response = _parsed(self._model.post(PATH, body))
        choice = _first(response)
        message = {
            name: value
            for name, value in choice["message"].items()
            if name in ("role", "content", "tool_calls", "reasoning_content") and value is not None
        }
        message.setdefault("content", "")
        extra = {"cost": 0.0, "response": response}
        try:
            extra["actions"] = self._actions(message, str(choice.get("finish_reason")))
        except library.module("exceptions").FormatError as error:
            error.messages[0].setdefault("extra", {}).update(extra)
            raise
        return {**message, "extra": extra}

    def _actions(self, message: Mapping[str, Any], reason: str) -> Any:
        calls = [
            SimpleNamespace(id=call.get("id", ""), function=SimpleNamespace(**_function(call)))
            for call in message.get("tool_calls", ())
        ]
        return self._calls.parse_toolcall_actions(
            calls,
            format_error_template=self._templates["format_error_template"],
            template_kwargs={"finish_reason": reason},
        )

    def format_message(self, **fields: Any) -> dict[str, Any]:
        """A message as it is."""
        return fields

    def format_observation_messages(
        self,
        message: dict[str, Any],
        outputs: list[dict[str, Any]],
        template_vars: dict[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """What actions gave, as messages. Without times, which differ from run to run."""
        made: list[dict[str, Any]] = self._calls.format_toolcall_observation_messages(
            actions=message.get("extra", {}).get("actions", []),
            outputs=outputs,
            observation_template=self._templates["observation_template"],
            template_vars=template_vars,
        )
        for each in made:
            each["extra"].pop("timestamp", None)
        return made

    def get_template_vars(self, **given: Any) -> dict[str, Any]:
        """What its templates may use."""
        return {**self.config, **given}

    def serialize(self) -> dict[str, Any]:
        """For its trajectory."""
        return {"info": {"config": {"model": self.config, "model_type": "seqswe gateway"}}}


def _parsed(answer: ModelAnswer) -> dict[str, Any]:
    if answer.status >= 400:
        said = answer.body[:300].decode("utf-8", "replace")
        raise RolloutError("agent_crashed", f"the model's answer was {answer.status}: {said}")
    try:
        value = parse_json(answer.body, "the model's answer", "")
    except ManifestError as error:
        raise RolloutError("agent_crashed", error.message) from None
    if not isinstance(value, dict):
        raise RolloutError("agent_crashed", "the model's answer is no object")
    return value


def _first(response: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = response.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        raise RolloutError("agent_crashed", "the model's answer holds no message")
    return choice


def _function(call: Any) -> dict[str, str]:
    function = call.get("function") if isinstance(call, dict) else None
    given = function if isinstance(function, dict) else {}
    return {"name": str(given.get("name", "")), "arguments": str(given.get("arguments", ""))}
