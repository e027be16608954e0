"""`seqswe list`: what a plug-in needs, whether that is installed, and under which licence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqswe.manifests import manifest_files as manifests

HOUSE = '''
from seqswe.memory import Recall


class Base:
    def __init__(self, home, *, depth=3):
        pass


class Cellar(Base):
    """Keeps everything in the cellar, which a house of any size has, under the stairs.

    Not shown.
    """

    needs = ("history", "gold")

    def __init__(self, home, *, services, damp: bool = False, **options):
        super().__init__(home, **options)
'''
METADATA = """Metadata-Version: 2.4
Name: house
Version: 1.0
License-Expression: MIT
Provides-Extra: cellar
Requires-Dist: click
Requires-Dist: no-such-package>=1 ; extra == "cellar"
"""


@pytest.fixture
def house(tmp_path):
    """A third party's package with a memory whose extra is not installed."""
    (tmp_path / "house.py").write_text(HOUSE)
    (tmp_path / "house-1.0.dist-info").mkdir()
    (tmp_path / "house-1.0.dist-info" / "METADATA").write_text(METADATA)
    points = "[seqswe.memory]\ncellar = house:Cellar\ngone = house:Gone\n"
    (tmp_path / "house-1.0.dist-info" / "entry_points.txt").write_text(points)
    return tmp_path


def listed(what, *folders):
    """Paragraphs by name."""
    path = os.pathsep.join(map(str, (*folders, Path(__file__).parents[3])))
    done = subprocess.run(
        [sys.executable, "-m", "seqswe", "list", what],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    found = {}
    for line in lines:
        if not line.startswith(" "):
            name, _, line = line.partition(" ")
            found[name] = ""
        found[name] += " " + line.strip()
    return found


def test_a_missing_extra_is_named_and_nothing_breaks(house):
    found = listed("memories", house)
    assert "install house[cellar] (no-such-package is missing)" in found["cellar"]
    assert (
        "the log before the base commit; gold data (not deployable: a control)" in found["cellar"]
    )
    assert "licence: MIT, no-such-package (see its package)" in found["cellar"]
    assert "options: damp=False, depth=3" in found["cellar"]
    assert "Not shown" not in found["cellar"]
    assert "not usable: memory 'gone': house has no 'Gone'" in found["gone"]
    assert "needs: nothing licence: Apache-2.0" in found["episodic"]


def test_every_memory_tells_its_needs_and_its_licence():
    found = listed("memories")
    assert len(found) >= 10
    for text in found.values():
        assert " needs: " in text
        assert " licence: " in text
    assert "chromadb (installed)" in found["chroma"]
    assert "a run of another codebase (source=)" in found["placebo"]


def test_arms_are_explained():
    found = listed("arms")
    assert {"iid", "sequential", "nomem", "frozen", "replay", "shuffled"} <= set(found)
    assert "DIAGNOSTIC" in found["replay-without-own"]
    assert "DIAGNOSTIC" not in found["frozen"] + found["sequential"]
    assert "frozen-NUMBER" in found["frozen"]


def test_codebases_are_counted_in_the_end(monkeypatch, tmp_path):
    monkeypatch.setenv("SEQSWE_CODEBASES", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "seqswe", "list", "codebases"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    *_, real, made = done.stdout.splitlines()
    found = [manifests.load(name) for name in manifests.names()]
    people = [len(m.instances) for m in found if not m.synthetic and not m.renamed]
    assert real == (
        f"{len(people)} codebases as people left them: {sum(people):,} instances; "
        f"{sum(n >= 100 for n in people)} codebases have 100 or more"
    )
    assert sum(people) >= 5_000
    assert sum(n >= 100 for n in people) >= 16
    assert sum(n >= 1_000 for n in people) >= 2
    others = [len(m.instances) for m in found if m.synthetic or m.renamed]
    assert made == (
        f"{len(others)} codebases that are SYNTHETIC or RENAMED: {sum(others):,} instances"
    )
