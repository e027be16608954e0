"""Candidate executions per second of `repair`: `python -m benchmarks.candidates [docker local]`.

The `local` sandbox is the bare interpreter: the same driver, without a container. The rate is
that of the candidates alone: two budgets are timed, and what both cost (starting Python, pytest,
the trace) falls out of the difference. Median of `--repeats`, in a fresh sandbox each.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter

from harness.agents.repair import Repair
from harness.history import History
from harness.history.git import Clone
from seqswe.instance import Task
from seqswe.manifests.manifest_files import load
from seqswe.memory import Recall
from seqswe.sandbox import Sandbox, SandboxChoice, SandboxProvider, SandboxSpec

SOURCE = """def total(items, tax, rate=1):
    found = 0
    for item in items:
        if item < 0 or item > 100:
            continue
        found = found + item * rate
    return found - tax * rate


def twice(items, tax):
    return [total(items, tax), total(items[1:], tax + 1)]
"""
ISSUE = """No edit meets this, so that the whole budget is spent.

To reproduce, save this as `test_reproduction.py` and run it:

```python
from shop import twice


def test_twice():
    assert twice([1, 2], 1) == "nothing"
```
"""
BUDGETS = (5, 85)


@contextmanager
def checkout(provider: SandboxProvider) -> Iterator[Sandbox]:
    """A fresh sandbox with a repository of one file."""
    with tempfile.TemporaryDirectory() as name:
        folder, work = Path(name), Path(name, "work")
        work.mkdir()
        (work / "shop.py").write_text(SOURCE)
        who = ["-c", "user.name=b", "-c", "user.email=b@localhost"]
        for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "x"]):
            subprocess.run(["git", "-C", str(work), *command], check=True)
        clone = Clone(work)
        head = clone.run("rev-parse", "HEAD").strip()
        history = History(clone, [head], folder / "history")
        spec = SandboxSpec(
            environment=load("ledgerlite").environments[0],
            checkout=history.checkout(head, folder / "objects"),
        )
        sandbox = provider.open(spec)
        try:
            yield sandbox
        finally:
            sandbox.close()


def seconds(provider: SandboxProvider, budget: int) -> float:
    """Wall clock of one attempt that spends the whole budget."""
    task = Task(
        instance_id="shop-1",
        repo="a/shop",
        base_commit="0" * 40,
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        problem_statement=ISSUE,
    )
    with checkout(provider) as sandbox:
        started = perf_counter()
        attempt = Repair(seed=0, budget=budget).solve(task, Recall(), sandbox)
        spent = perf_counter() - started
    assert attempt.usage.executions == budget, attempt.message
    return spent


def main() -> None:
    """Print one line per sandbox."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sandboxes", nargs="*", default=["docker", "local"])
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    print(f"{'sandbox':10}{'candidates/s':>14}{'ms each':>10}{'start s':>10}")
    for name in given.sandboxes:
        provider = SandboxChoice(sandbox=name).build()
        few, many = (median(seconds(provider, b) for _ in range(given.repeats)) for b in BUDGETS)
        each = (many - few) / (BUDGETS[1] - BUDGETS[0])
        print(f"{name:10}{1 / each:14.1f}{1000 * each:10.1f}{few - BUDGETS[0] * each:10.2f}")


if __name__ == "__main__":
    main()
