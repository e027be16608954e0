"""Python agents that ask a model: one by the gateway, one by a way of its own."""

import json

from harness.sandboxes.local import LocalProvider
from seqswe.agent import Attempt


class Asking:
    """A loop as every agent with a model has it: ask, run, tell."""

    apis = ("chat",)

    def __init__(self, *, seed, model):
        self.model = model

    def solve(self, task, recall, sandbox):
        said = [{"role": "user", "content": task.problem_statement}]
        while True:
            body = {"model": self.model.name, "messages": said}
            answer = self.model.post("/v1/chat/completions", body)
            if answer.status != 200:
                raise RuntimeError(answer.body.decode())
            message = json.loads(answer.body)["choices"][0]["message"]
            said.append(message)
            for call in message.get("tool_calls", []):
                command = json.loads(call["function"]["arguments"])["command"]
                said.append({"role": "tool", "content": sandbox.run(command).text})
            if not message.get("tool_calls"):
                return Attempt(message=message["content"])


class Elsewhere(LocalProvider):
    """A sandbox from which no gateway is reached."""

    reaches_models = False


class Own:
    """Is told the model's name, and asks it as it likes."""

    def __init__(self, *, seed, model=""):
        self.model = model

    def solve(self, task, recall, sandbox):
        sandbox.write(self.model, b"asked\n")
        return Attempt()
