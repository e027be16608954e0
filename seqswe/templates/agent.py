"""An agent of one's own: it swaps operators until the issue's reproduction passes."""

import re
from collections.abc import Iterator

from seqswe.agent import Attempt, Usage
from seqswe.instance import Task
from seqswe.memory import Recall
from seqswe.sandbox import Sandbox

CODE = re.compile(r"```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
IMPORT = re.compile(r"^from (\w+) import (.+)$", re.MULTILINE)
PAIRS = ((" < ", " <= "), (" == ", " != "), (" + ", " - "), (" and ", " or "), ("0", "1"))
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
        known = [str(item.notes["file"]) for item in recall.items if "file" in item.notes]
        files = sorted(imported(code[1], sandbox), key=lambda file: file not in known)
        tried, fixed = 0, ""
        for file, edited, before in edits(sandbox, files, code[1]):
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
            ranking=tuple(dict.fromkeys([fixed, *files] if fixed else files)),
            notes={"file": fixed} if fixed else {},  # comes back in `recall` of later tasks
            usage=Usage(steps=tried, executions=tried),
            message=f"fixed {fixed}" if fixed else "no edit helped",
        )


def imported(code: str, sandbox: Sandbox) -> list[str]:
    """The files of the checkout that a test imports by `from package import module`."""
    there = sandbox.run(["git", "ls-files", "*.py"]).text.split()
    wanted = [
        f"{m[1]}/{name.strip()}.py" for m in IMPORT.finditer(code) for name in m[2].split(",")
    ]
    return [file for file in dict.fromkeys(wanted) if file in there]


def edits(sandbox: Sandbox, files: list[str], code: str) -> Iterator[tuple[str, bytes, bytes]]:
    """A file, its content with one operator swapped in a function that `code` calls, and as is."""
    called = set(re.findall(r"(\w+)\(", code))
    for file in files:
        text = sandbox.read(file).decode()
        for function in re.finditer(r"^def (\w+).*?(?=^\S|\Z)", text, re.DOTALL | re.MULTILINE):
            if function[1] not in called:
                continue
            for one, other in (*PAIRS, *((b, a) for a, b in PAIRS)):
                for found in re.finditer(re.escape(one), function[0]):
                    start, end = (function.start() + place for place in found.span())
                    yield file, (text[:start] + other + text[end:]).encode(), text.encode()
