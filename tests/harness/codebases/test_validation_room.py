"""Environments that lack something are repaired, and those that are broken are given up.

The first test of a session fetches pytest and two small wheels from the package index; a proof
takes two to four seconds, a refused candidate one.
"""

from dataclasses import replace
from threading import Event

import pytest

from harness.codebases.validate import Validation
from harness.codebases.validation_journal import ValidationJournal
from harness.codebases.validation_room import ENOUGH, ValidationRoom, _names
from harness.commands.validate import _validate_all
from harness.environments import EnvironmentStore
from harness.environments.locks import locked, resolution_of
from harness.environments.store import Place
from harness.history import Checkouts
from harness.sandboxes.docker import DockerProvider
from harness.sandboxes.local import LocalProvider
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import PythonSettings
from seqswe.sandbox import Environment
from tests.harness.projects import SETTINGS, Tiny, commit

OLD = "from tiny.a import f\ndef test_old(): assert f()\n"
PLACE = Place(python="python3", checkout="/testbed", project="/inbox/project")


class Folders(LocalProvider):
    """Local sandboxes with dated packages: the folder of the store is put on their path."""

    def resolve(self, environment):
        return resolution_of(environment)

    def packages(self, environment):
        return EnvironmentStore().site_packages(locked(environment), PLACE, lambda *_: None)

    def open(self, spec):
        packages = "../" * 30 + str(self.packages(spec.environment))[1:]  # from wherever it lies
        paths = f"{spec.environment.source_path}:{packages}"
        environment = replace(spec.environment, requirements=(), lock=(), source_path=paths)
        return super().open(replace(spec, environment=environment))


@pytest.fixture
def folders():
    provider = Folders()
    yield provider
    provider.close()


@pytest.fixture
def codebase(tmp_path):
    """A tiny codebase with a fix each day; each fix's test module imports what is given."""

    def make(*imports, python=SETTINGS.version):
        clone = tmp_path / "clone"
        commit(clone, {"tiny/__init__.py": "", "tiny/a.py": "def f(): return 1\n"})
        commit(clone, {"tests/test_a.py": OLD}, "A test")
        for n, module in enumerate(imports, 2):
            line = f"import {module}\n" if module else ""
            test = f"{line}from tiny.a import f\ndef test_f(): assert f() == {n}\n"
            commit(clone, {"tiny/a.py": f"def f(): return {n}\n", "tests/test_a.py": test}, day=n)
        settings = PythonSettings(version=python, dated=True, distribution="tiny")
        tiny = Tiny(tmp_path, None, python=settings)
        tiny.manifest = replace(tiny.manifest, environments=tiny.mined.environments)
        assert len(tiny.mined.records) == len(imports)
        assert len(tiny.mined.environments) == 1
        return tiny

    return make


@pytest.fixture
def open_room(tmp_path):
    """Opens a room for a tiny codebase, and closes it."""
    opened = []

    def make(tiny, provider, **fields):
        scratch = tmp_path / f"scratch-{len(opened)}"
        scratch.mkdir()
        bases = [record.base_commit for record in tiny.mined.records]
        fields = {"manifest": tiny.manifest, **fields}
        room = ValidationRoom(
            clone=tiny.clone,
            checkouts=Checkouts(tiny.clone, bases, tmp_path / "history"),
            provider=provider,
            scratch=scratch,
            issues={},
            **fields,
        )
        opened.append(room)
        return room

    yield make
    for room in opened:
        room.close()


def test_what_is_declared_nowhere_is_added_with_the_reason(codebase, open_room, folders):
    tiny, kept = codebase("toolz"), []
    [record] = tiny.mined.records
    room = open_room(tiny, folders, keep=kept.append)
    before = room.state(record.environment)
    found = room.prove(record)
    assert found.problem == ""
    assert found.record.FAIL_TO_PASS == ("tests/test_a.py::test_f",)
    environment = room.environment(record.environment)
    assert environment.changes == ("toolz is added: module toolz is missing",)
    assert "toolz" in environment.requirements
    assert any(pin.startswith("toolz==") for pin in environment.lock)
    assert found.state == room.state(record.environment) != before
    assert kept[-1] == (environment,), "written down when it happens"


def test_a_python_that_is_too_new_is_replaced_with_the_reason(codebase, open_room, folders):
    tiny = codebase("fractions; fractions.gcd")  # which left with 3.9
    [record] = tiny.mined.records
    room = open_room(tiny, folders)
    room.prove(record)  # a Python 3.8 need not be here: what counts is what it is proved in next
    environment = room.environment(record.environment)
    assert environment.python == "3.8"
    assert environment.key == record.environment
    assert environment.changes == (f"Python 3.8 is taken: {SETTINGS.version} has no fractions.gcd",)
    assert any(pin.startswith("pytest==") for pin in environment.lock)


def test_a_fix_that_adds_what_a_build_writes_is_no_task(tmp_path, open_room, folders):
    built = {"pyproject.toml": "[tool.setuptools_scm]\nwrite_to = 'tiny/_version.py'\n"}
    start = {"tiny/__init__.py": "", "tiny/a.py": "1\n", "tests/test_a.py": OLD}
    commit(tmp_path / "clone", {**built, **start})
    fix = {"tiny/a.py": "2\n", "tests/test_a.py": f"{OLD}def test_f(): pass\n"}
    commit(tmp_path / "clone", {**fix, "tiny/_version.py": "version = 1\n"}, day=1)
    settings = PythonSettings(version=SETTINGS.version, dated=True, distribution="tiny")
    tiny = Tiny(tmp_path, None, python=settings)
    tiny.manifest = replace(tiny.manifest, environments=tiny.mined.environments)
    found = open_room(tiny, folders).prove(tiny.mined.records[0])
    assert found.problem == "a build writes tiny/_version.py before gold adds it"


def test_what_was_proved_before_a_repair_is_proved_again(codebase, open_room, folders, tmp_path):
    tiny = codebase("", "toolz")
    room = open_room(tiny, folders)
    path = tmp_path / "validation.jsonl"
    with ValidationJournal(path) as journal:
        results = _validate_all(room, journal, tiny.mined.records, jobs=1, limit=0)
        assert [result.problem for result in results] == ["", ""]
        for record in tiny.mined.records:
            assert journal.known(record, room.state(record.environment)) is not None
    ids = [line.split('"instance_id": "')[1].split('"')[0] for line in path.open()]
    first, second = (record.instance_id for record in tiny.mined.records)
    assert ids == [first, second, first]


def test_so_it_is_when_enough_were_found(codebase, open_room, folders, tmp_path):
    tiny = codebase("", "toolz", "")
    room = open_room(tiny, folders)
    with ValidationJournal(tmp_path / "validation.jsonl") as journal:
        results = _validate_all(room, journal, tiny.mined.records, jobs=1, limit=2)
        assert [result.problem for result in results] == ["", ""]
        first = tiny.mined.records[0]
        assert journal.known(first, room.state(first.environment)) is not None


@pytest.mark.parametrize("limit", [0, 1])
def test_what_hangs_keeps_others_waiting_only_where_order_matters(
    codebase, open_room, folders, tmp_path, monkeypatch, limit
):
    tiny = codebase("", "", "")
    room = open_room(tiny, folders)
    first, *others = [record.instance_id for record in tiny.mined.records]
    proved, others_done = [], Event()
    prove = room.prove

    def slow(record):
        if record.instance_id == first:
            others_done.wait(30)
        result = prove(record)
        proved.append(record.instance_id)
        if set(others) <= set(proved):
            others_done.set()
        return result

    monkeypatch.setattr(room, "prove", slow)
    with ValidationJournal(tmp_path / "validation.jsonl") as journal:
        results = _validate_all(room, journal, tiny.mined.records, jobs=2, limit=limit)
    assert proved[-1] == first
    assert [r.record.instance_id for r in results] == [first, *others][: limit or None]


def test_two_repairs_at_the_same_time_lose_nothing(codebase, open_room, folders, tmp_path):
    tiny = codebase("toolz", "parameterized", "toolz, parameterized")
    room = open_room(tiny, folders)
    with ValidationJournal(tmp_path / "validation.jsonl") as journal:
        results = _validate_all(room, journal, tiny.mined.records, jobs=3, limit=0)
    assert [result.problem for result in results] == ["", "", ""]
    [environment] = room.environments.values()
    assert {"toolz", "parameterized"} <= set(environment.requirements)


def test_a_kill_loses_no_repair(codebase, open_room, folders, tmp_path):
    tiny = codebase("toolz")
    [record] = tiny.mined.records
    folder = tmp_path / "manifest"

    def keep(environments):
        manifests.save_manifest(replace(tiny.manifest, environments=environments), folder)

    with ValidationJournal(tmp_path / "validation.jsonl") as journal:
        journal.append(open_room(tiny, folders, keep=keep).prove(record))
    with ValidationJournal(tmp_path / "validation.jsonl") as journal:
        again = open_room(tiny, folders, manifest=manifests.load(str(folder)))
        assert journal.known(record, again.state(record.environment)) is not None


def test_a_broken_environment_is_given_up_and_says_so(codebase, open_room, folders, tmp_path):
    tiny = codebase(*["no_such_thing_of_seqswe"] * (ENOUGH + 2))
    room = open_room(tiny, folders)
    problems = [room.prove(record).problem for record in tiny.mined.records]
    said = (
        "with gold: 1 of 1 test modules do not import: ModuleNotFoundError: no_such_thing_of_seqswe"
    )
    key = tiny.mined.records[0].environment
    given_up = f"its environment {key} is broken: {ENOUGH} of {ENOUGH} do not import with gold"
    assert problems == [said] * ENOUGH + [given_up] * 2
    added, left_out = room.environment(key).changes
    assert added == "no-such-thing-of-seqswe is added: module no_such_thing_of_seqswe is missing"
    assert left_out.startswith("no-such-thing-of-seqswe is left out: Because no-such-thing-of")
    with ValidationJournal(tmp_path / "validation.jsonl") as journal:
        journal.append(room.prove(tiny.mined.records[-1]))
        assert journal.all() == {}, "it is tried again when its environment is better"


def test_an_environment_without_a_date_is_left_as_it_was(codebase, open_room, folders):
    tiny = codebase("toolz")
    [environment] = tiny.manifest.environments
    fixed = replace(tiny.manifest, environments=(replace(environment, cutoff=""),))
    found = open_room(tiny, folders, manifest=fixed).prove(tiny.mined.records[0])
    assert found.problem.endswith("ModuleNotFoundError: toolz")


@pytest.mark.docker
def test_a_base_image_that_was_missing_is_tried_again(codebase, open_room, docker, tmp_path):
    tiny = codebase("toolz", python="3.11")
    [record] = tiny.mined.records
    without = DockerProvider("3.11=seqswe-no-such-image:0")
    with ValidationJournal(tmp_path / "validation.jsonl") as journal:
        found = open_room(tiny, without).prove(record)
        without.close()
        assert found.problem.startswith("environment: no base image with Python 3.11")
        journal.append(found)
        assert journal.all() == {}
        room = open_room(tiny, docker)
        found = room.prove(record)
    assert found.problem == ""
    changes = room.environment(record.environment).changes
    assert changes == ("toolz is added: module toolz is missing",)


def test_what_was_repaired_meanwhile_is_only_tried_again(codebase, open_room, folders):
    tiny = codebase("toolz")
    [record] = tiny.mined.records
    room = open_room(tiny, folders)
    now = room.environment(record.environment)
    lacks = Validation(record=record, problem="no test passes", missing=("module toolz",))
    assert room._repaired(now.key, replace(lacks, state="before"), tiny.instance())
    assert room.environment(now.key) == now
    for _ in range(2):
        state = room.state(now.key)
        repaired = room._repaired(now.key, replace(lacks, state=state), tiny.instance())
    assert not repaired, "it is there now"
    assert room.environment(now.key).changes == ("toolz is added: module toolz is missing",)


def test_a_name_is_the_same_however_it_is_written():
    environment = Environment(
        key="0" * 12,
        python="3.11",
        requirements=("zope.interface>=5", 'Foo_Bar[x]; python_version > "3"'),
        lock=("zope-interface==6.0",),
        changes=("left.over is left out: it has no wheel",),
    )
    assert _names(environment) == {"zope-interface", "foo-bar", "left-over"}
