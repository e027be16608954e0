"""What a process of its own costs a plug-in: a fork server's start, and each use of it.

python -m benchmarks.plugins --memory episodic --agent localizer --uses 50

Side by side: the same memory built and asked in this process, and in processes of their own as an
iid rollout does it (fork, build, recall one task, end). Prints milliseconds of wall, and the part
that is not the memory's own.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import click

from harness.plugin_host.agent import HostedAgent
from harness.plugin_host.host import PluginHost
from harness.plugin_host.memory import HostedMemory
from seqswe.memory import Memory, Services, build_memory
from seqswe.testing import experiences

STORY = experiences(8)


@click.command()
@click.option("--memory", default="episodic", show_default=True)
@click.option("--agent", default="localizer", show_default=True)
@click.option("--uses", default=50, show_default=True)
def main(memory: str, agent: str, uses: int) -> None:
    """Print what hosting a memory and an agent costs."""
    started = perf_counter()
    memories = PluginHost("memory", memory)
    preloaded = memories.shared
    click.echo(f"start of the fork server of {memory}: {_milliseconds(started):.0f} ms")
    click.echo(
        f"its import is shared by all processes: {'no, ' + preloaded if preloaded else 'yes'}"
    )
    agents = PluginHost("agent", agent)
    agents.process().close()

    def hosted() -> Memory:
        return HostedMemory(memories, STORY.services(), {"history", "gold"}, 60.0)

    with TemporaryDirectory() as folder:
        # In turn, so that a drift of the machine hits all alike.
        rows: dict[str, list[float]] = {}
        for _ in range(uses):
            for name, work in {
                "memory, here": lambda: _asked(build_memory(memory, Path(folder), Services())),
                "memory, hosted": lambda: _asked(hosted()),
                "agent, hosted": lambda: HostedAgent(agents, 0, None, 60.0),
            }.items():
                rows.setdefault(name, []).append(_timed(work))
    for name, values in rows.items():
        low, *_, high = statistics.quantiles(values, n=10)
        click.echo(
            f"{name:16} median {statistics.median(values):6.1f}  p10 {low:6.1f}  p90 {high:6.1f}"
        )
    pairs = zip(rows["memory, hosted"], rows["memory, here"], strict=True)
    more = statistics.median(a - b for a, b in pairs) + statistics.median(rows["agent, hosted"])
    click.echo(f"more per iid rollout: {more:.1f} ms")


def _asked(memory: Memory) -> None:
    memory.recall(STORY.task(3))


def _timed(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return _milliseconds(started)


def _milliseconds(started: float) -> float:
    return (perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
