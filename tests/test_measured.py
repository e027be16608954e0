"""No number of the pages is written by hand: it is a run's, a measurement's, or a constant."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from benchmarks import measured, results
from seqswe.cli import cli
from seqswe.errors import ManifestError, UnknownName

NUMBER = r"[+−-]?(?:\d[\d,]*)?\.?\d+"
WORDS = "seconds? min minutes? hours? days? bytes points? times tokens"
UNIT = rf"(?:%|(?:[nmµ]?s|h|[kKMGT]?i?B|{WORDS.replace(' ', '|')})\b)"
FIGURE = re.compile(
    rf"(?<![\w.,])(?:{NUMBER} to )?{NUMBER}\s?{UNIT}"  # 1.2 s, 3 to 5 GB, +14.4 points, 37.8 %
    rf"|×\s?\d*\.\d+"  # ×3.2
    rf"|\({NUMBER} to {NUMBER}\)"  # (−0.1 to +0.2)
    rf"|[+−]\d*\.\d+"  # +0.118
    rf"|p [=<] \d*\.\d+"  # p = 0.007
    rf"|(?<![\w.,])0?\.\d\d\d(?![.\d])"  # 0.395
    rf"|(?<![\w.,])\d[\d,]* of (?:the first )?\d[\d,]*"  # 42 of 180
)
"""How what was measured looks."""
NOT_BY_HAND = (
    r"(?ms)^```.*?^```",
    r"(?s)<!-- results: .*?<!-- end of results -->",
    r"<!-- result: .*?<!-- end -->",
    r"`[^`\n]*`",
)
MADE = {"cards.md": "", "calibration.md": "## In short"}
"""Pages that another script makes, from this line on."""
LEVELS = ("95 %", "80 % power", "90 % quantile", "contrast at 2.5 %", "share 5 %")
CONSTANTS = {
    "agents.md": (
        *("more than 120,000 bytes", "at most 2 MB", "4 MB are kept", "at most 32 MB"),
        *("at most 64 MB", "more than 64 MB", "60 s at most"),
        *("requests of 20 kB", "request of 1 MB"),  # what the benchmark sends
    ),
    "calibration.md": (  # what is planted, and the kernel
        *("wider than ±100 points", "luck of their own, 5 points", "lift of up to 30 points"),
        *("level from 30 % of the tasks on", "15 % of the sequence wide"),
    ),
    "candle.md": ("resolved at 40 %",),  # what `seqswe plan` assumes
    "formats.md": (
        *("more than 8 MB", "more than 1 MB", "takes 1 MB", "read again (8 MB)", "At most 200 MB"),
        "−0.2 is a fifth less",
    ),
    "memories.md": (
        *("60 s at most", "above 3 %", "at most 400 tokens", "within 3 seconds"),
        *("Codex reads 32 KiB", "up to 8,000 bytes", "at most 32 MB", "state 1 GB", "1 MB texts"),
    ),
    "planning.md": (  # what is assumed of an agent
        *("Beta(.327, .491): 40 % resolved", "standard deviation of 2.35 points"),
        "variance of .008",
    ),
    "pretraining.md": ("a drift of 25 points",),  # planted
    "published.md": ("over 4 MB",),
    "results.md": ("works for 5 s",),  # what the benchmark's agent waits
    "rules.md": (
        *("more than 256 MB", "more than 32 MB", "more than 300 seconds", "more than 300 bytes"),
    ),
    "sandboxes.md": ("for 120 s", "at most 1 GB", "after every 2 s", "gives up after 300 s"),
    "scale.md": ("aim was 90 s and 2 GB", "rollouts in 5 s is not reached", "At 5 minutes and"),
    "suites.md": ("by 5 points (standard deviation)",),  # what `seqswe plan` assumes
}
"""Limits, aims and assumptions that pages name, with the words around them: none was measured."""


def figures(text: str, constants: tuple[str, ...] = ()) -> Iterator[tuple[int, str]]:
    """Line and text of all that looks like a measurement, is in no marker, and is no constant."""
    for pattern in NOT_BY_HAND:
        text = re.sub(pattern, blank, text)
    for known in (*LEVELS, *constants):
        text = re.sub(spaced(known), blank, text)
    for match in FIGURE.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match[0]


def blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def spaced(words: str) -> str:
    return r"(?<![\w.,])" + r"\s+".join(map(re.escape, words.split()))


@pytest.mark.parametrize("page", results.pages(), ids=lambda page: page.name)
def test_no_number_is_written_by_hand(page: Path):
    """Put it into measured.toml, or quote the run; a limit of the code goes into CONSTANTS."""
    text = page.read_text(encoding="utf-8")
    made = MADE.get(page.name)
    by_hand = text if made is None else text[: text.index(made)]
    constants = CONSTANTS.get(page.name, ())
    assert [f"{page.name}:{line}: {it}" for line, it in figures(by_hand, constants)] == []
    gone = [words for words in constants if not re.search(spaced(words), by_hand)]
    assert not gone, "constants that the page does not name any more"


@pytest.mark.parametrize(
    "sentence",
    [
        *("It takes 1.2 s.", "added in 3 ms", "holds 0.26\nGB", "×3.2 sooner", "after 12 minutes"),
        *("a lift of +14.4 points", "resolved 37.95 %", "(0.4 to 1.2)", "it has +0.118 over it"),
        *("| 0.395 |", "an MRR of .395", "p = 0.007", "42 of 180 resolved", "2.4 times as much"),
        "1,300 tokens",
        "<!-- result: lift x y -->+1.0<!-- end --> in 7 s",
    ],
)
def test_a_measurement_by_hand_is_seen(sentence):
    assert len(list(figures(sentence))) == 1


@pytest.mark.parametrize(
    "sentence",
    [
        *("Python 3.11 and 0.26.0", "60 tasks, 3 seeds", "the 95 % interval", "`--timeout 60 s`"),
        *("<!-- result: measured x y -->1.2 s<!-- end -->", "```\nsleep 3 s\n```\n"),
        "<!-- results: measured x -->\n| 1.2 s |\n<!-- end of results -->\n",
    ],
)
def test_what_is_none_is_not(sentence):
    assert list(figures(sentence)) == []


def test_every_measurement_is_quoted():
    texts = [page.read_text(encoding="utf-8") for page in results.pages()]
    tables = {m[2].strip() for t in texts for m in results.TABLE.findall(t) if m[1] == "measured"}
    phrases = {m[2].strip() for t in texts for m in results.PHRASE.findall(t) if m[1] == "measured"}
    entries = measured.measurements().values()
    assert {entry.name for entry in entries if entry.table} == tables
    assert {f"{entry.name} {key}" for entry in entries for key in entry.values} == phrases


def test_no_marker_begins_a_line():
    """There a comment would begin a block of HTML, in which nothing is Markdown."""
    for page in results.pages():
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"(?m)^[\s>]*(?:[*-] |\d+\. )?<!-- result: ", text), page


COMMANDS = [entry.command for entry in measured.measurements().values() if entry.command]


@pytest.mark.parametrize("command", sorted(set(COMMANDS)))
def test_a_command_is_one_of_this_project(command):
    program, *words = shlex.split(command)
    if program == "make":
        makefile = (results.ROOT / "Makefile").read_text(encoding="utf-8")
        assert re.search(rf"(?m)^{words[0]}:", makefile)
    elif program == "python":
        assert words[0] == "-m"
        assert (results.ROOT / (words[1].replace(".", "/") + ".py")).is_file()
    else:
        assert program == "seqswe"
        name, taken, rest = cli.resolve_command(click.Context(cli), words)
        assert taken is not None
        try:
            taken.make_context(name, list(rest)).close()
        except (click.BadParameter, ManifestError) as error:
            if not re.search("does not exist|No such file", str(error)):  # placeholders are nowhere
                raise


ENTRY = '[it]\ncommand = "make demo"\ndate = "2026-11-28"\nvalues.time = "2 s"\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "measured.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_entry_is_read(tmp_path):
    found = measured.measurements(written(tmp_path, ENTRY))
    assert found["it"].values == {"time": "2 s"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("command", "comand"), "unknown field 'comand'"),
        (("2026-11-28", "yesterday"), "a day"),
        (('command = "make demo"\n', ""), "neither 'command' nor 'how'"),
        (('values.time = "2 s"\n', ""), "neither 'table' nor 'values'"),
        (('"2 s"', "2"), "a text"),
    ],
)
def test_a_wrong_entry_is_refused(tmp_path, changed, said):
    path = written(tmp_path, ENTRY.replace(*changed))
    with pytest.raises(ManifestError) as refused:
        measured.measurements(path)
    assert said in refused.value.message
    assert f"{path.name}: [it]" in refused.value.message
    assert refused.value.hint


def test_what_is_not_there_is_named():
    with pytest.raises(UnknownName, match="nothing"):
        measured.table("nothing")
    with pytest.raises(UnknownName, match="demo never"):
        measured.phrase("demo", "never")
    with pytest.raises(UnknownName, match="median"):
        results.written("<!-- result: median demo-docker -->1<!-- end -->")
