"""`seqswe view`: the report in a browser, with every rollout at hand."""

from __future__ import annotations

from pathlib import Path

import click

from seqswe.cli.echo import echo


@click.command("view")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option(
    "--port",
    default=0,
    type=click.IntRange(0, 65535),
    show_default="a free one",
    help="Port on 127.0.0.1.",
)
@click.option("--open", "browser", is_flag=True, help="Open it in the web browser.")
def view(runs: tuple[Path, ...], port: int, browser: bool) -> None:
    """Serve the report of RUNs on loopback, read-only; rollouts load as they are opened.

    A folder that holds runs opens as a list: search it, open one run, or several beside each
    other. It follows a run that is still going on: reload the page. Ctrl-C ends it.
    """
    from seqswe.reports.server import Library, server

    with server(Library(runs), port) as listening:
        address = f"http://127.0.0.1:{listening.server_address[1]}/"
        echo(address)
        echo("Ctrl-C ends it.", err=True)
        if browser:
            click.launch(address)
        try:
            listening.serve_forever()
        except KeyboardInterrupt:
            echo("ended", err=True)
