"""Programs that agents bring: installed once, checked, readable for all, and nowhere but there."""

import stat
import threading
from dataclasses import replace

import pytest

from harness.sandboxes.docker import DockerProvider
from seqswe.errors import MissingError
from seqswe.sandbox import PROGRAMS, Program

pytestmark = pytest.mark.docker
PYTHON = f"{PROGRAMS}/venv/bin/python"
SIX = Program(
    name="six",
    version="1.16.0",
    package="six==1.16.0",
    version_command=(PYTHON, "-c", "import six; print('six', six.__version__)"),
    pythons=("3.11",),
    remove=("venv/lib/python3*/site-packages/setuptools*", "venv/lib/python3*/no-such-file"),
    executable=("venv/lib/python3*/site-packages/six.py",),
)
"""A package without needs of its own stands in for an agent."""


@pytest.fixture(scope="module")
def engine():
    """A provider for all tests here."""
    try:
        provider = DockerProvider()
        provider.images.base("3.11")
    except MissingError as error:
        pytest.skip(error.message)
    yield provider
    provider.close()


@pytest.fixture(scope="module")
def folder(engine, tmp_path_factory):
    """Installed by two at a time, of which one waits."""
    engine.programs.root = tmp_path_factory.mktemp("programs")
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(engine.install(SIX, "3.11"))) for _ in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1]
    return found[0]


def test_it_is_installed_once_and_open_to_the_sandboxes_user(engine, folder):
    made = folder.stat().st_mtime_ns
    assert engine.install(SIX, "3.11") == folder
    assert folder.stat().st_mtime_ns == made
    assert engine.installed(SIX)
    assert [p.name for p in folder.parent.glob("six-*/")] == [folder.name]
    (six,) = folder.glob("venv/lib/python3*/site-packages/six.py")
    assert stat.S_IMODE(six.stat().st_mode) == 0o755, "as its recipe says"
    assert not list(folder.glob("venv/lib/python3*/site-packages/setuptools"))
    for path in folder.rglob("*"):
        if not path.is_symlink():
            assert path.stat().st_mode & 0o004, path


def test_a_sandbox_sees_it_and_cannot_change_it(engine, folder, lay):
    box = engine.open(replace(lay(), program=folder))
    assert box.run(list(SIX.version_command)).text == "six 1.16.0\n"
    assert not box.run(["touch", f"{PROGRAMS}/x"]).ok
    assert not engine.open(lay()).run(["ls", f"{PROGRAMS}/venv"]).ok, "no other sandbox has it"


WRONG = {
    "another version": (replace(SIX, version="1.15.0"), "'six 1.16.0', not 1.15.0"),
    "no such version": (replace(SIX, package="six==0.0.1"), "cannot be installed"),
    "does not start": (replace(SIX, version_command=(f"{PROGRAMS}/none",)), "none` says"),
}


@pytest.mark.parametrize(("program", "said"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_had_is_said_and_nothing_of_it_is_kept(engine, folder, program, said):
    with pytest.raises(MissingError) as caught:
        engine.install(program, "3.11")
    assert said in caught.value.message
    assert len(caught.value.message) <= 300
    kept = [path.name for path in folder.parent.iterdir() if path.is_dir()]
    assert kept == [folder.name]


def test_a_python_that_it_does_not_run_on_is_refused_before_anything_is_done(engine):
    with pytest.raises(MissingError, match=r"six runs on Python 3\.11, .* has 3\.9"):
        engine.install(SIX, "3.9")
