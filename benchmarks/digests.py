"""Every results digest that README and docs quote: which they are, and whether they come out.

    python -m benchmarks.digests list                       (`make digests`)
    python -m benchmarks.digests check RUNS/demo            is it what was expected? (`make demo`)
    python -m benchmarks.digests keep RUNS/demo             it is what is expected from now on
    python -m benchmarks.digests remake sqlglot --mirror DIR --runs RUNS

They are kept in docs/digests.toml. A digest covers what was asked and what came out: sequence,
settings, whole version of Python, versions of packages, verdicts, patches, usage. Nothing of the
machine is in it, so the same Python and packages give the same digest anywhere.
"""

from __future__ import annotations

import shlex
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import click

from seqswe.comparison.baseline import Baseline, of_file, of_run
from seqswe.runs.store import RunDirectory

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "docs" / "digests.toml"
EXPECTED = ROOT / ".ci" / "baseline.json"
"""The outcomes of the demo, for when its digest is another one."""
QUOTED = 12
"""Digits of a digest that are quoted."""
SHOWN = 10
"""Outcomes that are named where they differ."""


@dataclass(frozen=True, kw_only=True)
class Digest:
    """One digest, and how it comes about."""

    name: str
    results: str
    """`sha256:` and all digits, or as many as were quoted before it was last made."""
    command: str
    first: str = ""
    """A command that makes the sequence."""
    python: str = ""
    """Whole version of the Python that it was made with, if that is known."""

    @property
    def quoted(self) -> str:
        """As it stands in a page."""
        return self.results[: len("sha256:") + QUOTED]

    def is_of(self, results: str) -> bool:
        """Whether a run has this digest."""
        return results.startswith(self.results)


def digests() -> Mapping[str, Digest]:
    """The digests that are kept, by name."""
    data = tomllib.loads(KEPT.read_text(encoding="utf-8"))
    return {name: Digest(name=name, **values) for name, values in data.items()}


def pages() -> list[Path]:
    """Where digests are quoted."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def places(quoted: str) -> Iterator[str]:
    """`README.md:63` for every line that quotes a digest."""
    for page in pages():
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            if quoted in line:
                yield f"{page.relative_to(ROOT)}:{number}"


@click.group()
def main() -> None:
    """Results digests of README and docs."""


@main.command("list")
def list_() -> None:
    """Print every digest, where it is quoted, and the commands that make it."""
    for digest in digests().values():
        click.echo(f"{digest.quoted}  {digest.name}  ({', '.join(places(digest.quoted)) or '-'})")
        for command in filter(None, (digest.first, digest.command)):
            click.echo(f"    {command}")


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
def check(run: Path) -> None:
    """Say whether a run of the demo has the expected digest, or which outcomes differ."""
    for line in compared(of_run(RunDirectory.open(run)), run):
        click.echo(line)


def compared(made: Baseline, run: Path) -> Iterator[str]:
    """The answer of `check`, line by line."""
    expected = _demo(made)
    if expected.is_of(made.results_digest):
        yield f"The results digest is the expected one: {made.results_digest}"
        return
    yield f"The results digest is {made.results_digest}, and {expected.results} was expected."
    differences = list(_differences(of_file(EXPECTED), made))
    if not differences:
        here = ", ".join(sorted(_pythons(run))) or "unknown"
        yield (
            "Every outcome is the expected one. What differs is what they were made with (Python "
            f"{here} here, {expected.python or 'unknown'} there; packages; SeqSWE) or a patch."
        )
        return
    yield f"{len(differences)} outcomes differ from those in {EXPECTED.relative_to(ROOT)}:"
    yield from (f"  {line}" for line in islice(differences, SHOWN))
    if len(differences) > SHOWN:
        yield f"  and {len(differences) - SHOWN} more"


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
def keep(run: Path) -> None:
    """Make the digest of a demo run the expected one, here and wherever it is quoted."""
    made = of_run(RunDirectory.open(run))
    replace_everywhere(_demo(made), made.results_digest, _pythons(run))


@main.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--mirror", default="", help="Folder of bare clones.")
@click.option("--runs", default="runs", show_default=True, help="Folder for runs and sequences.")
def remake(names: tuple[str, ...], mirror: str, runs: str) -> None:
    """Run the commands of some digests, and write the new ones wherever the old ones were."""
    for digest in [digests()[name] for name in names]:
        sequence = _words(digest.first, mirror, runs)
        if sequence and not Path(sequence[-1]).exists():
            subprocess.run(sequence, check=True)
        command = _words(digest.command, mirror, runs)
        out = Path(command[-1])
        subprocess.run(["seqswe", "resume", str(out)] if out.exists() else command, check=True)
        made = RunDirectory.open(out).journal().results_digest()
        replace_everywhere(digest, made, _pythons(out))
        click.echo(f"{digest.name}: {digest.results} -> {made}")


def replace_everywhere(digest: Digest, made: str, pythons: set[str]) -> None:
    """Write a new digest over the old one, in docs/digests.toml and in the pages."""
    new = made[: len(digest.quoted)]
    for page in pages():
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace(digest.quoted, new), encoding="utf-8")
    head, _, rest = KEPT.read_text(encoding="utf-8").partition(f"[{digest.name}]\n")
    entry, blank, others = rest.partition("\n\n")
    lines = [line for line in entry.splitlines() if not line.startswith(("results", "python"))]
    lines = [f'results = "{made}"', f'python = "{" ".join(sorted(pythons))}"', *lines]
    KEPT.write_text(
        f"{head}[{digest.name}]\n" + "\n".join(lines) + (blank + others if blank else "\n"),
        encoding="utf-8",
    )


def _demo(made: Baseline) -> Digest:
    return digests()[f"demo-{made.settings['sandbox']}"]


def _pythons(run: Path) -> set[str]:
    """Whole versions of Python that a run was made with."""
    machine = RunDirectory.open(run).info.machine.values()
    return {about["python"] for about in machine if "python" in about}


def _words(command: str, mirror: str, runs: str) -> list[str]:
    words = shlex.split(command)
    return [word.replace("RUNS", runs).replace("DIR", mirror) for word in words]


def _differences(expected: Baseline, made: Baseline) -> Iterator[str]:
    if expected.sequence_digest != made.sequence_digest:
        yield "the sequence of tasks is another one"
        return
    for arm, outcomes in expected.arms.items():
        for name, seeds in outcomes.items():
            here = made.arms.get(arm, {}).get(name, [])
            for seed, values in enumerate(seeds):
                for task, value in enumerate(values):
                    found = here[seed][task] if seed < len(here) else None
                    if found != value:
                        which = made.instance_ids[task]
                        yield f"{arm}, seed {seed}, {which}: {name} {found}, not {value}"


if __name__ == "__main__":
    main()
