"""Draws docs/architecture.svg: the rooms by floor, and the way of one rollout through them.

    python docs/draw_architecture.py          # writes the picture
    python docs/draw_architecture.py --check  # exits with 1 if it is not the one in the folder

Floors are read from the import-linter contracts in pyproject.toml and what a room is for from its
docstring, so the picture cannot tell another story than the code.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path
from textwrap import wrap
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "architecture.svg"
WIDTH, LEFT, RIGHT, GAP = 1180, 172, 20, 8
LINE, LETTER = 13.0, 6.7
"""Height of a line and width of a letter of small text."""
INK, PAPER, WAY = "#1d2733", "#ffffff", "#c2410c"
FILL = {"harness": "#e7eef7", "seqswe": "#eef5e9", "memory_backends": "#f7efe2"}

ROLLOUT = (
    (
        "harness.loop",
        "schedule.py takes the next rollout: a task, an arm, a seed, a memory snapshot",
    ),
    ("harness.memory", "memories.py restores the memory; it recalls what helps with the task"),
    (
        "harness.history",
        "checkout.py lays out what the base reaches; leak_audit.py proves it",
    ),
    ("harness.sandboxes", "container.py starts a container with that checkout and nothing else"),
    ("harness.delivery", "deliver.py hands the recall over: prompt, file, folder or a server"),
    ("harness.agents", "the agent edits files; recorded, limited, in that container"),
    (
        "harness.grading",
        "collect.py takes the patch; patch.py filters it; grade.py runs the tests afresh",
    ),
    (
        "harness.memory",
        "the memory learns what the feedback policy allows; contamination.py searches it",
    ),
    ("seqswe.runs", "snapshots.py keeps the memory, store.py appends the rollout to the journal"),
)
"""What happens in one rollout, and in which room."""


def floors(package: str) -> list[list[str]]:
    """The rooms of a package from the top floor down, as its contract says."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in settings["tool"]["importlinter"]["contracts"]:
        layers = [[room.strip() for room in layer.split("|")] for layer in contract["layers"]]
        if all(room.startswith(f"{package}.") for layer in layers for room in layer):
            return layers
    raise LookupError(f"no contract is about the floors of {package}")


def purpose(room: str) -> str:
    """The first sentence of a room's docstring."""
    place = ROOT / room.replace(".", "/")
    source = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return text.split("\n\n")[0].replace("\n", " ").rstrip(".")


def draw() -> str:
    """The picture as SVG text."""
    svg = ET.Element("svg", xmlns="http://www.w3.org/2000/svg", width=str(WIDTH))
    svg.set("font-family", "system-ui, sans-serif")
    body = ET.SubElement(svg, "g")
    centres: dict[str, tuple[float, float]] = {}
    y = 44.0
    _text(body, 16, 26, "Rooms import only what lies on a lower floor", size=17, bold=True)
    for package in ("harness", "memory_backends", "seqswe"):
        for number, rooms in enumerate(floors(package)):
            if number == 0:
                _text(body, 16, y + 20, package, size=15, bold=True)
            y += _floor(body, package, rooms, y, centres) + GAP
        y += GAP
    y = _way(body, centres, y + 10)
    svg.set("height", f"{y:.0f}")
    svg.set("viewBox", f"0 0 {WIDTH} {y:.0f}")
    ET.SubElement(svg, "title").text = "The rooms of SeqSWE and the way of one rollout"
    svg.insert(0, ET.Element("rect", width="100%", height="100%", fill=PAPER))
    ET.indent(svg)
    return ET.tostring(svg, encoding="unicode") + "\n"


def _floor(
    body: ET.Element,
    package: str,
    rooms: list[str],
    y: float,
    centres: dict[str, tuple[float, float]],
) -> float:
    """Draw the rooms of a floor side by side; returns its height."""
    width = (WIDTH - LEFT - RIGHT - GAP * (len(rooms) - 1)) / len(rooms)
    texts = {room: wrap(purpose(room), int((width - 16) / LETTER)) for room in rooms}
    height = 30 + LINE * max(map(len, texts.values()))
    for number, room in enumerate(rooms):
        x = LEFT + number * (width + GAP)
        box = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{width:.1f}", "height": f"{height:.1f}"}
        ET.SubElement(body, "rect", **box, rx="6", fill=FILL[package], stroke="#9aa7b5")
        _text(body, x + 10, y + 18, room.partition(".")[2], size=13, bold=True)
        for line, text in enumerate(texts[room]):
            _text(body, x + 10, y + 34 + LINE * line, text, size=11)
        centres[room] = (x + width - 16, y + 15)
    return height


def _way(body: ET.Element, centres: dict[str, tuple[float, float]], y: float) -> float:
    """The steps of a rollout: numbers in the rooms, and the list below. Returns the lower edge."""
    _text(body, 16, y + 20, "One rollout", size=15, bold=True)
    seen: dict[str, int] = {}
    for number, (room, text) in enumerate(ROLLOUT, 1):
        x, middle = centres[room]
        _number(body, x - 26 * seen.get(room, 0), middle, number)
        seen[room] = seen.get(room, 0) + 1
        y += 24
        _number(body, LEFT + 10, y - 4, number)
        _text(body, LEFT + 30, y, f"{room.partition('.')[2]}: {text}", size=13)
    return y + 24


def _number(body: ET.Element, x: float, y: float, number: int) -> None:
    ET.SubElement(body, "circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="9.5", fill=WAY)
    label = _text(body, x, y + 4, str(number), size=12, bold=True, ink=PAPER)
    label.set("text-anchor", "middle")


def _text(
    body: ET.Element,
    x: float,
    y: float,
    text: str,
    *,
    size: int,
    bold: bool = False,
    ink: str = INK,
) -> ET.Element:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "font-size": str(size), "fill": ink}
    element = ET.SubElement(body, "text", **place)
    if bold:
        element.set("font-weight", "600")
    element.text = text
    return element


def main(arguments: list[str]) -> int:
    """Write or check the picture; returns the exit code."""
    if "--check" in arguments:
        return int(not PICTURE.exists() or PICTURE.read_text(encoding="utf-8") != draw())
    PICTURE.write_text(draw(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
