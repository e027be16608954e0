"""A sandbox of ours as mini's environment: every action is one command of bash in the checkout."""

from __future__ import annotations

import shlex
from typing import Any

from harness.agents.mini import library
from seqswe.sandbox import Completed, Sandbox

SUBMIT = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
MERGED = "exec 2>&1\n"
"""Output and errors come in their order, as mini's own environments hand them over."""
SYSTEM = {"system": "Linux", "release": "", "version": "", "machine": ""}
"""What its template tells of the machine. Nothing that differs between machines: a recorded run
must replay on another. Never this process's variables, which its own environment would tell."""


class SandboxEnvironment:
    """See `minisweagent.Environment`."""

    def __init__(self, sandbox: Sandbox, seconds: float) -> None:
        self._sandbox, self._seconds = sandbox, seconds
        self.config: dict[str, Any] = {}
        self._variables: dict[str, str] = dict(library.config()["environment"].get("env", {}))

    def execute(self, action: dict[str, Any], cwd: str = "") -> dict[str, Any]:
        """Run an action. Raises `Submitted`, and RolloutError as the sandbox does."""
        command = MERGED + str(action.get("command", ""))
        if cwd:
            command = f"cd -- {shlex.quote(cwd)} || exit\n{command}"
        done = self._sandbox.run(
            ["bash", "-c", command], timeout=self._seconds, env=self._variables
        )
        output = self._output(done)
        self._check_submitted(output)
        return output

    def _output(self, done: Completed) -> dict[str, Any]:
        text = done.text + done.stderr.decode("utf-8", "replace")
        if done.timed_out:
            # Without the seconds that it took, which differ from run to run.
            said = f"the command did not end within {self._seconds:g} seconds"
            return {"output": text, "returncode": -1, "exception_info": said}
        return {"output": text, "returncode": done.exit_code, "exception_info": ""}

    def _check_submitted(self, output: dict[str, Any]) -> None:
        lines = output["output"].lstrip().splitlines(keepends=True)
        if lines and lines[0].strip() == SUBMIT and output["returncode"] == 0:
            rest = "".join(lines[1:])
            extra = {"exit_status": "Submitted", "submission": rest}
            raise library.module("exceptions").Submitted(
                {"role": "exit", "content": rest, "extra": extra}
            )

    def get_template_vars(self, **given: Any) -> dict[str, Any]:
        """What its templates may use."""
        return {**SYSTEM, "cwd": self._sandbox.root, **given}

    def serialize(self) -> dict[str, Any]:
        """For its trajectory."""
        return {"info": {"config": {"environment_type": "seqswe sandbox"}}}
