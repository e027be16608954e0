"""What axe-core finds in our pages: `python -m benchmarks.accessibility RUN [RUN...]`.

Opens the report of the runs, one rollout of it, their history where they have one, and the list of
`seqswe view` in Chromium, in a light and a dark theme, wide and narrow, and lets axe-core look at
each (fetched by npm, which has to be there). Exits with 1 on a serious or critical violation.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from seqswe.analysis import analyse
from seqswe.comparison.history import history, read_entries
from seqswe.errors import SeqSWEError
from seqswe.reports.history_page import page as history_page
from seqswe.reports.html import page as report_page
from seqswe.reports.runs_page import runs_page
from seqswe.runs.store import RunDirectory

AXE = "axe-core@4"
BAD = ("serious", "critical")
LOOK = """
document.addEventListener("DOMContentLoaded", () => setTimeout(async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  const told = found.violations.map((v) => ({
    id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map((n) => n.html.slice(0, 160)),
  }));
  const place = document.createElement("pre");
  place.id = "axe";
  place.textContent = JSON.stringify(told);
  document.body.append(place);
}, 4000));
"""
THEMES = {"light": (), "dark": ("--force-dark-mode", "--blink-settings=preferredColorScheme=0")}
WIDTHS = (1280, 500)


def pages(runs: list[Path]) -> Iterator[tuple[str, str, str]]:
    """Name, HTML and fragment of each page."""
    report = report_page(analyse([RunDirectory.open(run) for run in runs]))
    (rows,) = re.findall(r'<script type="application/json" id="rollouts">(.*?)</script>', report)
    first = json.loads(rows)["rows"][0]
    yield "report", report, ""
    yield "rollout", report, f"#rollout={first[0]}/{first[3]}/{first[4]}/{first[1]}"
    yield "list of runs", runs_page(runs), ""
    try:
        yield "history", history_page(history(read_entries(runs))), ""
    except SeqSWEError as error:
        print(f"no history: {error}")


def violations(
    file: Path, fragment: str, width: int, theme: tuple[str, ...]
) -> list[dict[str, object]]:
    """What axe-core says of a page, as Chromium shows it."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
    with TemporaryDirectory() as profile:
        done = subprocess.run(
            [
                *(chromium, "--headless", "--no-sandbox", "--disable-gpu", *theme),
                *("--disable-background-networking", f"--user-data-dir={profile}"),
                *(f"--window-size={width},1000", "--virtual-time-budget=30000", "--dump-dom"),
                file.as_uri() + fragment,
            ],
            capture_output=True,
            text=True,
            check=True,
        )
    (found,) = re.findall(r'<pre id="axe">(.*?)</pre>', done.stdout, re.S)
    told: list[dict[str, object]] = json.loads(unescape(found))
    return told


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
def main(runs: tuple[Path, ...]) -> None:
    """Print every violation by page, theme and width."""
    bad = 0
    with TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(
            ["npm", "install", "--silent", "--no-save", "--prefix", name, AXE], check=True
        )
        axe = (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()
        for title, html, fragment in pages(list(runs)):
            # The page's own policy lets no other script in.
            open_page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
            file = folder / "page.html"
            file.write_text(open_page.replace("</head>", f"<script>{axe}{LOOK}</script></head>", 1))
            for theme, switches in THEMES.items():
                for width in WIDTHS:
                    found = violations(file, fragment, width, switches)
                    serious = [v for v in found if v["impact"] in BAD]
                    bad += len(serious)
                    print(f"{title}, {theme}, {width} px: {len(found)} ({len(serious)} serious)")
                    for v in found:
                        print(f"  {v['impact']}: {v['id']}: {v['help']}\n    {v['nodes']}"[:600])
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
