"""`seqswe history`: runs of one thing over time, and where their level changed."""

from __future__ import annotations

from pathlib import Path

import click

from seqswe.cli.compare import ALLOW_CRASHES, write
from seqswe.cli.echo import echo

PATH = click.Path(path_type=Path)


@click.command("history")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=PATH)
@click.option("--arm", default="", help="Arm to test. Default: sequential.")
@click.option("--outcome", default="", help="Default: resolved, or reciprocal_rank (see docs).")
@click.option("--allow-crashes", is_flag=True, help=ALLOW_CRASHES)
@click.option("--html", type=PATH, help="Draw it: write one HTML page here.")
@click.option("--markdown", type=PATH, help="Write Markdown here.")
@click.option("--json", "json_", type=PATH, help="Write JSON here.")
def history(
    runs: tuple[Path, ...],
    arm: str,
    outcome: str,
    *,
    allow_crashes: bool,
    html: Path | None,
    markdown: Path | None,
    json_: Path | None,
) -> None:
    """Show RUNs over time, such as one a week, and mark where the level changed.

    Each RUN is a run directory, a folder that holds some, or a file that `seqswe baseline` wrote.
    They must be finished, of one agent, and over the same sequence; the day that each began
    orders them. What differs in their settings is told beside a mark.
    """
    from seqswe.comparison.history import history as made_of
    from seqswe.comparison.history import read_entries
    from seqswe.reports import history as words
    from seqswe.reports.json_report import strict

    made = made_of(read_entries(runs), arm, outcome, allow_crashes=allow_crashes)
    for line in (*words.sentences(made), *words.remarks(made)):
        echo(line)
    echo()
    echo(words.history_text(made))
    if markdown:
        write(markdown, words.history_markdown(made).encode())
    if json_:
        write(json_, (strict(words.history_json(made), indent=1) + "\n").encode())
    if html:
        from seqswe.reports.history_page import page

        write(html, page(made).encode("utf-8", "replace"))
