"""Pages of the site that are made: the front page from README, commands and settings from the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from seqswe.experiment import Experiment

ROOT = Path(__file__).parents[1]
COMMANDS = """# Commands

Made from the commands themselves: `seqswe COMMAND --help` says the same.

::: mkdocs-click
    :module: seqswe.cli
    :command: cli
    :prog_name: seqswe
    :depth: 1
    :style: table
"""


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made."""
    pages = {
        "index.md": front_page(),
        "reference/commands.md": COMMANDS,
        "reference/settings.md": settings(),
    }
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Name files outside of docs/ without a link: the site does not hold them."""
    return re.sub(r"\[([^\]]+)\]\(\.\./(?!docs/)[^)]+\)", r"\1", markdown)


def front_page() -> str:
    """README, with links as they are within docs/."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"(\]\(|src=\"|srcset=\")docs/", r"\1", text)
    return text.replace("[`action.yml`](action.yml)", "`action.yml`")


def settings() -> str:
    """One line for each setting of an experiment."""
    lines = [
        "# Settings",
        "",
        "Every setting is an option of `seqswe run` (`--jobs`), an environment variable (`SEQSWE_JOBS`) and a key of an",
        "`experiment.toml` (`jobs`, for `--config`). A flag beats the environment, which beats the file.",
        "",
        "| setting | default | what it is |",
        "|---|---|---|",
    ]
    default = Experiment()
    for field in fields(Experiment):
        value = getattr(default, field.name)
        shown = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        help_text = " ".join(str(field.metadata.get("help", "")).split()).replace("|", "\\|")
        lines.append(f"| `{field.name}` | {f'`{shown}`' if shown else ''} | {help_text} |")
    return "\n".join(lines) + "\n"
