"""An agent of one's own: it swaps operators until the issue's reproduction passes."""

import re
from collections.abc import Iterator

from seqswe.agent import Attempt, Usage
from seqswe.instance import Task
from seqswe.memory import Recall
from seqswe.sandbox import Sandbox

CODE = re.compile(r"```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
FRAME = re.compile(r"^(\w[\w/.-]*\.py):\d+: in ", re.MULTILINE)
PAIRS = ((" < ", " <= "), (" > ", " >= "), (" == ", " != "), (" + ", " - "), (" and ", " or "))
TEST = "test_of_the_issue.py"


class Swapper:
    """Tries at most `budget` edits, first in the files that the memory knows faults of."""

    def __init__(self, *, seed: int, budget: int = 20) -> None:
        self.budget = budget

    def solve(self, task: Task, recall: Recall, sandbox: Sandbox) -> Attempt:
        """Edit the checkout: what differs from the base commit afterwards is the patch."""
        code = CODE.search(task.problem_statement)
        if code is None:
            return Attempt(message="the issue has no reproduction")
        sandbox.write(TEST, code[1].encode())
        output = sandbox.run(["python", "-m", "pytest", "-q", "--tb=short", TEST]).text
        named = [str(item.notes["file"]) for item in recall.items if "file" in item.notes]
        traced = [file for file in dict.fromkeys(FRAME.findall(output)) if file != TEST]
        files = [file for file in dict.fromkeys(named) if file in traced] + traced
        tried, fixed = 0, ""
        for file, edited, before in edits(sandbox, list(dict.fromkeys(files))):
            if tried == self.budget:
                break
            tried += 1
            sandbox.write(file, edited)
            if sandbox.run(["python", "-m", "pytest", "-q", TEST]).ok:
                fixed = file
                break
            sandbox.write(file, before)
        sandbox.run(["rm", "-f", TEST])
        return Attempt(
            ranking=tuple(dict.fromkeys([*([fixed] if fixed else []), *files])),
            notes={"file": fixed} if fixed else {},  # comes back in `recall` of later tasks
            usage=Usage(steps=tried + 1, executions=tried + 1),
            message=f"fixed {fixed}" if fixed else "no edit helped",
        )


def edits(sandbox: Sandbox, files: list[str]) -> Iterator[tuple[str, bytes, bytes]]:
    """A file, its content with one operator swapped, and its content as it was."""
    for file in files:
        text = sandbox.read(file).decode()
        for one, other in (*PAIRS, *((b, a) for a, b in PAIRS)):
            for found in re.finditer(re.escape(one), text):
                edited = text[: found.start()] + other + text[found.end() :]
                yield file, edited.encode(), text.encode()
