"""One rollout's conversation with the user: what was asked, what it cost, what may be learned."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Lock

from seqswe.errors import RolloutError, SeqSWEError
from seqswe.instance import Task
from seqswe.memory import Recall
from seqswe.runs.rollout import Asked
from seqswe.runs.trajectory import Recording
from seqswe.sandbox import Completed, Limits, Sandbox
from seqswe.user import ASK_BUDGET, OUT_OF_SCOPE, PRICES, Fact, Facts, User, mark_of

QUESTION = re.compile(r"\s*ask(?:\s+[\w.:/-]+){0,3}\s*")
"""A command that is a question and nothing else."""
HINT = (
    "You can ask the user who reported the issue: `ask KIND`. All answers together may cost "
    f"{{budget}}; kinds and their prices: {', '.join(f'{k} {p}' for k, p in PRICES.items())}. "
    f"What begins with {OUT_OF_SCOPE} is no answer, and free."
)
USAGE = f"{OUT_OF_SCOPE}: ask KIND [ARGUMENT], such as `ask file`."


class AskSession:
    """Asks, charges and counts. Safe between threads: an agent may ask from several places."""

    def __init__(self, user: User, task: Task, facts: Facts, budget: int) -> None:
        self._user, self._task, self._facts = user, task, facts
        self._lock = Lock()
        self._told: dict[tuple[str, str], Fact] = {}
        self._budget, self._spent, self._refused = budget, 0, 0
        self.answers: list[str] = []
        self.failure: RolloutError | None = None
        """Why an answer could not be found out: whoever asked cannot be asked for it."""

    def ask(self, kind: str, argument: str = "") -> str:
        """The answer, in words. What was told once is told again at no price.

        Raises RolloutError if it could not be found out.
        """
        with self._lock:
            fact = self._told.get((kind, argument))
            if fact is None:
                try:
                    fact = self._answered(kind, argument)
                except RolloutError as error:
                    self.failure = error
                    raise
                left = self._budget - self._spent
                if fact is None or fact.price > left:
                    self._refused += 1
                    why = "there is no such fact" if fact is None else f"it costs {fact.price}"
                    return f"{OUT_OF_SCOPE}: {why}, {left} of {self._budget} are left."
                self._spent += fact.price
                self._told[kind, argument] = fact
            mark = mark_of(self._task.instance_id, fact.kind)
            answer = f"{fact.text}\n[{mark}, {self._budget - self._spent} left]"
            self.answers += answer.split("\n")
            return answer

    def _answered(self, kind: str, argument: str) -> Fact | None:
        try:
            return self._user.answer(self._task, kind, argument, self._facts)
        except RolloutError as error:  # as where the failing test could not be run
            if error.cause != "agent_out_of_budget":
                raise
            return None  # the user's model may be asked no more: nothing more is told
        except SeqSWEError:
            raise
        except Exception as error:
            # It must not be taken for the agent's own failure.
            reason = f"the user raised {type(error).__name__}: {error}"[:500]
            raise RolloutError("harness_failed", reason) from error

    @property
    def asked(self) -> Asked:
        """What the journal says of it."""
        kinds = [fact.kind for fact in self._told.values()]
        files = dict.fromkeys(path for fact in self._told.values() for path in fact.files)
        return Asked(
            budget=self._budget,
            spent=self._spent,
            answered={kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
            refused=self._refused,
            files=tuple(files),
        )

    def introduced(self, recall: Recall) -> Recall:
        """The recall, with a variable and a sentence that say that there is a user."""
        hint = f"{recall.hint}\n\n{HINT.format(budget=self._budget)}".lstrip()
        return replace(recall, hint=hint, env={**recall.env, ASK_BUDGET: str(self._budget)})

    def without_answers(self, text: str) -> str:
        """A text without the lines of the answers: what a memory may be told of the steps."""
        known = {line.strip() for line in self.answers if line.strip()}
        lines = text.splitlines(keepends=True)
        return "".join(line for line in lines if line.strip() not in known)


class AnsweringSandbox(Recording):
    """A sandbox in which `ask` is answered by the harness, for agents that run on the host."""

    def __init__(
        self, sandbox: Sandbox, limits: Limits, env: Mapping[str, str], session: AskSession
    ) -> None:
        super().__init__(sandbox, limits, env)
        self._session = session

    def run(
        self,
        command: Sequence[str] | str,
        *,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> Completed:
        """Answer a question, which is a step as well; run anything else."""
        words = _question(command)
        if words is None:
            return super().run(command, timeout=timeout, env=env, stdin=stdin)
        answer = self._session.ask(words[0], " ".join(words[1:])) if words else USAGE
        done = Completed(exit_code=0, stdout=answer.encode("utf-8", "replace") + b"\n")
        self.steps.append((command if isinstance(command, str) else " ".join(command), done))
        return done


def _question(command: Sequence[str] | str) -> list[str] | None:
    """The words after `ask`; None for a command that is no question, or more than one."""
    if isinstance(command, str):
        return command.split()[1:] if QUESTION.fullmatch(command) else None
    return list(command[1:]) if command and command[0] == "ask" else None
