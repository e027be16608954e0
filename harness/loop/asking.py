"""A rollout's conversation with the user, if there is one, and nothing if there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from harness.loop.context import RunContext
from harness.loop.sandbox_pool import SandboxRequest
from harness.loop.user_model import UserModel
from harness.users.desk import Do
from harness.users.facts import FailingRun
from harness.users.mailbox import mailbox
from harness.users.session import AnsweringSandbox, AskSession
from seqswe.agent import Attempt, Usage
from seqswe.arms import Cell
from seqswe.instance import Task
from seqswe.memory import Recall
from seqswe.runs.feedback import RELEASED
from seqswe.runs.rollout import Asked
from seqswe.runs.trajectory import Recording
from seqswe.sandbox import Limits, Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What a rollout's agent is given of the user."""

    session: AskSession | None = None
    model: UserModel | None = None
    """The user's model, if it asks one."""
    inside: bool = False
    """Whether the agent runs within the sandbox."""
    withheld: bool = False
    """Whether the memory may not be told what the user said: an answer is feedback."""

    @contextmanager
    def opened(self, sandbox: Sandbox, recall: Recall) -> Iterator[Recall]:
        """Let an agent that runs inside ask, for this block; yields what it is given.

        Raises RolloutError if an answer could not be found out, whatever the agent made of that.
        """
        if self.session is None:
            yield recall
            return
        recall = self.session.introduced(recall)
        with ExitStack() as stack:
            if self.model:
                stack.enter_context(self.model.opened())
            if self.inside:
                path = recall.env.get("PATH", "")
                env = stack.enter_context(mailbox(sandbox, self.session, path))
                recall = replace(recall, env={**recall.env, **env})
            yield recall
        if self.session.failure:
            raise self.session.failure

    def recording(self, sandbox: Sandbox, limits: Limits, env: Mapping[str, str]) -> Recording:
        """The sandbox as an agent gets it, with `ask` as a command for one on the host."""
        if self.session is None:
            return Recording(sandbox, limits, env)
        return AnsweringSandbox(sandbox, limits, env, self.session)

    def told_steps(self, transcript: str) -> str:
        """The steps as the memory is told them."""
        if self.session is None or not self.withheld:
            return transcript
        return self.session.without_answers(transcript)

    def told_attempt(self, attempt: Attempt) -> Attempt:
        """What the agent says of its work as the memory is told it: its ranking without files that
        only the user may have put there."""
        if self.session is None or not self.withheld:
            return attempt
        named = self.session.asked.files
        return replace(attempt, ranking=tuple(p for p in attempt.ranking if p not in named))

    @property
    def asked(self) -> Asked | None:
        """What the journal says of it."""
        return self.session.asked if self.session else None

    @property
    def usage(self) -> Usage | None:
        """What the user's model took; None if the user asks none."""
        return self.model.usage if self.model else None


def conversation(context: RunContext, cell: Cell, task: Task) -> Conversation:
    """The conversation of a rollout. What a fact takes to find out is done in a sandbox apart."""
    if context.user is None:
        return Conversation()

    def in_sandbox(do: Do) -> FailingRun:
        request = SandboxRequest(cell, task.position, for_agent=False)
        with context.sandboxes.take(request) as opened:
            return do(opened.sandbox)

    model = context.model.of_user(cell, task)
    session = context.user.session(cell.seed, task, in_sandbox, model)
    withheld = context.experiment.feedback not in RELEASED["test_output"]
    inside = context.plugins.agent.facts.inside
    return Conversation(session=session, model=model, inside=inside, withheld=withheld)
