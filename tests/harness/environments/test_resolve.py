"""What gives way so that requirements resolve, and that it is said.

These tests ask the package index, half a second each.
"""

import pytest

from harness.environments.resolve import NETWORK, NOWHERE, _blamed, resolve
from seqswe.errors import MissingError
from seqswe.sandbox import Environment

PYTHON = "3.11"


def names(resolution):
    return [pin.partition("==")[0] for pin in resolution.lock]


def test_what_resolves_is_left_as_declared():
    found = resolve(["pluggy==1.5.0", "iniconfig>=1"], PYTHON)
    assert "pluggy==1.5.0" in found.lock
    assert names(found) == ["iniconfig", "pluggy"]
    assert found.changed == ()


def test_a_pin_without_a_wheel_is_loosened_alone():
    found = resolve(["markupsafe==1.1.0", "pluggy==1.0.0"], PYTHON)
    assert "pluggy==1.0.0" in found.lock
    assert found.changed == ("markupsafe==1.1.0 is loosened to markupsafe>=1.1.0",)


def test_what_has_no_wheel_at_all_is_left_out_with_the_reason():
    found = resolve(["docopt", "pluggy==1.0.0"], PYTHON)
    assert found.lock == ("pluggy==1.0.0",)
    [why] = found.changed
    assert why.startswith("docopt is left out: Because all versions of docopt have no usable wheel")


def test_what_is_not_on_the_index_is_left_out_with_the_reason():
    found = resolve(["no-such-thing-of-seqswe", "pluggy==1.0.0"], PYTHON)
    assert found.lock == ("pluggy==1.0.0",)
    assert "was not found in the package registry" in found.changed[0]


def test_what_has_no_wheel_is_built_if_there_is_a_builder_and_each_is_tried_once():
    asked = []

    def build(name, *, python, cutoff):
        asked.append((name, python, cutoff))
        return False

    found = resolve(["docopt", "pluggy"], PYTHON, "2024-01-01", build=build)
    assert asked == [("docopt", PYTHON, "2024-01-01")]
    assert found.changed[0].startswith("docopt is left out")


def test_pins_that_exclude_each_other_give_way_together():
    found = resolve(["pytest==8.2.0", "pluggy==1.0.0"], PYTHON)
    assert found.changed == (
        "pytest==8.2.0 is loosened to pytest>=8.2.0",
        "pluggy==1.0.0 is loosened to pluggy>=1.0.0",
    )


def test_later_releases_are_kept_out():
    found = resolve(["pluggy", "iniconfig"], PYTHON, "2023-12-31")
    assert found.lock == ("iniconfig==2.0.0", "pluggy==1.3.0")


def test_a_pin_that_came_later_is_loosened():
    found = resolve(["pluggy==1.5.0"], PYTHON, "2023-12-31")
    assert found.lock == ("pluggy==1.3.0",)
    assert found.changed == ("pluggy==1.5.0 is loosened to pluggy",)


@pytest.mark.parametrize("own", ["Pluggy", "pluggy"])
def test_the_project_itself_is_never_installed(own):
    found = resolve(["pytest==8.2.0"], PYTHON, distribution=own)
    assert "pluggy" not in names(found)
    assert "iniconfig" in names(found), "what it needs beside it stays"


def test_without_an_index_there_are_two_short_lines(monkeypatch):
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(MissingError) as raised:
        resolve(["toolz"], PYTHON)
    assert raised.value.message.startswith("no package index answers: Failed to fetch")
    for line in (raised.value.message, raised.value.hint):
        assert "\n" not in line
        assert 0 < len(line) < 250


def test_what_is_resolved_once_is_remembered(monkeypatch):
    from harness.environments.locks import locked, resolution_of

    environment = Environment(key="0123456789ab", python=PYTHON, requirements=("pluggy==1.5",))
    first = resolution_of(environment)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    assert resolution_of(environment) == first
    assert locked(environment).lock == first.lock
    own = locked(Environment(key="0123456789ab", python=PYTHON, requirements=(), lock=("a==1",)))
    assert own.lock == ("a==1",), "a lock of its own is never resolved again"


ANYWHERE = ["pluggy", "docopt", "num2words", "pytest"]
MESSAGES = {
    "docopt": [
        "Because docopt==0.6.2 has no usable wheels and you require docopt==0.6.2, we can conclude",
        "Because all versions of docopt have no usable wheels and you require docopt, we can",
        "Because docopt was not found in the package registry and you require docopt, we can",
        "Because there are no versions of docopt and you require docopt, we can conclude that",
        "Because docopt==0.6.2 has no wheels with a matching Python version tag (e.g., `cp311`)",
    ],
    "pluggy": [
        "Because there is no version of pluggy==99 and you require pluggy==99, we can conclude",
        "Because only pluggy<=1.7.0 is available and you require pluggy>=2, we can conclude",
    ],
    "": [
        "Because pytest==8.2.0 depends on pluggy>=1.5,<2.0 and you require pytest==8.2.0, we can "
        "conclude that you require pluggy>=1.5,<2.0. And because you require pluggy==1.0.0, we",
        "Because other was not found in the package registry and something==1 depends on other",
    ],
}


@pytest.mark.parametrize(
    ("message", "blamed"), [(m, name) for name, messages in MESSAGES.items() for m in messages]
)
def test_who_is_to_blame(message, blamed):
    assert _blamed(message, ANYWHERE) == blamed


def test_who_leads_to_what_cannot_be_had_is_to_blame():
    message = (
        "Because docopt==0.6.2 has no usable wheels and only docopt<=0.6.2 is available, we can "
        "conclude that docopt>=0.6.2 cannot be used. And because num2words==0.5.9 depends on "
        "docopt>=0.6.2 and you require num2words==0.5.9, we can conclude"
    )
    assert _blamed(message, ["pluggy", "num2words"]) == "num2words"
    assert not NOWHERE.search(message)


@pytest.mark.parametrize(
    "message",
    [
        "error: Failed to fetch: `http://127.0.0.1:9/simple/toolz/`",
        "error sending request for url (http://x/simple/toolz/)",
        "dns error: failed to lookup address information",
        "tcp connect error: Connection refused (os error 111)",
        "operation timed out",
    ],
)
def test_an_index_that_does_not_answer_is_no_fault_of_a_requirement(message):
    assert NETWORK.search(message)


@pytest.mark.parametrize(
    ("pins", "changed"),
    [
        (["pytest==2.8.7"], ("pytest==2.8.7 is loosened to pytest>=2.8.7",)),
        (["pytest<4"], ("pytest<4 is loosened to pytest",)),
        (["pytest~=7.1"], ()),
    ],
)
def test_a_pytest_that_grading_cannot_use_makes_way(pins, changed):
    found = resolve(pins, PYTHON, "2023-03-31")
    assert "pytest==7.2.2" in found.lock
    assert found.changed == changed
