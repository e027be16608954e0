"""A megabyte of anything is read in a time that grows with its length, wherever text is read.

Each test ends: with a pattern that looks for its end from each of its beginnings none would.
"""

import pytest

from harness.agents.recipes.recipe import NODE, NPM, PIP
from harness.agents.recipes.transcripts import account, aider
from harness.grading import junit, suite
from harness.grading.log import normalize_log, without_controls
from harness.memory.contamination import DATED
from harness.memory.decoding import DECODERS
from harness.memory.secret import folded, plain
from memory_backends.distilled.awm_rule import ARGUMENTS
from memory_backends.shared.replies import Malformed, between, json_object
from memory_backends.stores.mcp_store import FAILURE, REFUSED
from seqswe.visible import visible

SIZE = 1_000_000


def filled(unit, end="!"):
    """A megabyte of a unit, which then ends in another way."""
    return unit * (SIZE // len(unit)) + end


@pytest.mark.parametrize(
    "unit", [" ", "a", "_", "error", "! ", "failure", "not ", "'error' ", "\n"]
)
def test_answers_of_a_memory_server(unit):
    text = filled(unit)
    FAILURE.match(text)
    REFUSED.search(text)


@pytest.mark.parametrize("unit", ["<memory>", "</memory>", "<memory></memory", "<", "{", '{"a":'])
def test_answers_of_a_memorys_model(unit):
    with pytest.raises(Malformed):
        between(filled(unit), "memory")
    with pytest.raises(Malformed):
        json_object(filled(unit))


@pytest.mark.parametrize(
    ("begin", "unit"),
    [("<<a\n", "\n"), ("<<a\n", " \n"), ("", "<<a"), ("", "<< "), ("", "'a"), ("", '"')],
)
def test_commands_of_an_agent(begin, unit):
    ARGUMENTS.sub("", begin + filled(unit))


@pytest.mark.parametrize(
    "unit", ["Tokens: 1 sent, ", "Tokens: 1", "1 cache a, ", "memory ", " memory search"]
)
def test_transcripts_of_an_agent(unit):
    text = filled(unit)
    aider.TOKENS.findall(text)
    account.MEMORY_COMMAND.findall(text)


@pytest.mark.parametrize(
    "unit",
    ["=", "= ", "===== ", "_", "___ ", ".", "1 failed, ", " in 1.1", "1 a in 1", "/a", "0x0", "\n"],
)
def test_logs_of_tests(unit):
    text = filled(unit)
    without_controls(normalize_log(text, "/testbed"), ["test_control"], 1)
    junit.COUNT.findall(text.encode())
    junit.SUMMARY.findall(text.encode())
    suite.TIME.findall(text.encode())


@pytest.mark.parametrize("unit", [" ", "\\", '"a",', 'b"\\', "a: ", "0,", "date"])
def test_what_a_memory_keeps(unit):
    text = filled(unit)
    for decoder in DECODERS:
        for _ in decoder(text):
            pass
    DATED.findall(plain(text))
    assert folded(text)
    assert visible(text)


@pytest.mark.parametrize("text", ["a@1" + ".1" * SIZE + "!", "a==" + "1" * SIZE + "!", "1" * SIZE])
def test_packages_of_a_recipe(text):
    assert not any(package.fits(text) for package in (NPM, PIP, NODE))
