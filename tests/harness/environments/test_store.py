"""Folders of packages: what they share on disk, what they name, and that each is made once.

The first test of a session fetches two small wheels from the package index, two seconds.
"""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from harness.environments.store import SITE, EnvironmentStore, Place, _point_scripts, install
from harness.environments.uv import wheelhouse
from seqswe.errors import MissingError
from seqswe.sandbox import Environment

PYTHON = "{}.{}".format(*sys.version_info[:2])
PLACE = Place(python="/opt/env/bin/python", checkout="/testbed", project="/inbox/project")
TAG = sys.implementation.cache_tag


def environment(*lock, key="0123456789ab", **fields):
    return Environment(key=key, python=PYTHON, requirements=(), lock=lock, **fields)


def compile_here(folder, sources):
    """As a container would, with this interpreter."""
    listing = "\n".join(str(folder / source) for source in sources)
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*command, "-i", "-"], input=listing, text=True, check=False)


@pytest.fixture(scope="session")
def root(tmp_path_factory, cache):
    """Beside the cache of wheels: links do not reach over file systems."""
    return cache / "environments-of-tests"


@pytest.fixture(scope="session")
def pair(root):
    """Two environments that share a wheel, and what was compiled for each."""
    store, compiled = EnvironmentStore(root), []

    def make(wanted):
        def compile_(folder, sources):
            compiled.append(list(sources))
            compile_here(folder, sources)

        return store.site_packages(wanted, PLACE, compile_)

    first = make(environment("tabulate==0.9.0"))
    second = make(environment("tabulate==0.9.0", "iniconfig==2.0.0", key="ba9876543210"))
    return first, second, compiled


def test_a_wheel_is_on_disk_once(pair):
    one, two = (folder / "tabulate" / "__init__.py" for folder in pair[:2])
    assert one.stat().st_ino == two.stat().st_ino
    assert one.stat().st_nlink >= 3, "two environments and the cache"


def test_its_bytecode_too_and_it_is_compiled_once(pair):
    name = f"tabulate/__pycache__/__init__.{TAG}.pyc"
    assert (pair[0] / name).stat().st_ino == (pair[1] / name).stat().st_ino
    first, second = pair[2]
    assert Path("tabulate/__init__.py") in first
    assert {source.parts[0] for source in second} == {"iniconfig"}


def test_a_script_names_the_interpreter_of_the_sandbox(pair):
    script = pair[0] / "bin" / "tabulate"
    assert script.read_bytes().startswith(b"#!/opt/env/bin/python\n")
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize(
    "head",
    [
        b"#!/home/x/.venv/bin/python3.11\n",
        b"#!/bin/sh\n'''exec' '/home/my files/.venv/bin/python3' \"$0\" \"$@\"\n' '''\n",
    ],
)
def test_so_does_one_of_a_long_path(tmp_path, head):
    (tmp_path / "folder").mkdir()
    (tmp_path / "tool").write_bytes(head + b"import x\n")
    (tmp_path / "shell").write_bytes(b"#!/bin/sh\necho\n")
    _point_scripts(tmp_path, PLACE.python)
    assert (tmp_path / "tool").read_bytes() == b"#!/opt/env/bin/python\nimport x\n"
    assert (tmp_path / "shell").read_bytes() == b"#!/bin/sh\necho\n"


def no_compiler(folder, sources):
    assert sources == []


def test_the_checkout_and_the_project_come_last_on_the_path(root):
    wanted = environment(source_path="src:.")
    site = EnvironmentStore(root).site_packages(wanted, PLACE, no_compiler)
    [last] = sorted(site.glob("*.pth"))[-1:]
    assert last.read_text().splitlines() == ["/testbed/src", "/testbed", "/inbox/project"]


def test_a_source_with_dots_in_its_name_is_compiled(root):
    """No importable module, but run by its path it would be compiled each time."""
    store = EnvironmentStore(root)
    site = root / "by-hand"
    site.mkdir(parents=True)
    (site / "a.b.py").write_text("x = 1\n")
    store._bytecode(site, PYTHON, compile_here)
    assert (site / "__pycache__" / f"a.b.{TAG}.pyc").is_file()


def test_environments_that_differ_in_anything_have_two_names(root):
    name = EnvironmentStore(root).name
    base = environment("a==1")
    others = [
        name(environment("a==2"), PLACE),
        name(environment("a==1", source_path="src"), PLACE),
        name(environment("a==1", distribution="x"), PLACE),
        name(base, Place(python="/usr/bin/python3", checkout="/testbed", project="/p")),
    ]
    assert len({name(base, PLACE), *others}) == 5


ASK = """
    import sys, time
    from pathlib import Path
    from harness.environments.store import EnvironmentStore
    from tests.harness.environments.test_store import PLACE, environment

    def compile_(folder, sources):
        with open(sys.argv[2], "a") as log:
            log.write("made\\n")
        time.sleep(float(sys.argv[3]))

    print(EnvironmentStore(Path(sys.argv[1])).site_packages(environment(), PLACE, compile_))
"""


def ask(root, log, seconds):
    command = [sys.executable, "-c", textwrap.dedent(ASK), str(root), str(log), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def wait_for(what: Callable[[], bool]):
    for _ in range(200):
        if what():
            return
        subprocess.run(["sleep", "0.05"], check=True)
    pytest.fail("nothing happened")


def test_a_folder_is_made_once_if_two_processes_ask_for_it(tmp_path):
    log = tmp_path / "log"
    asking = [ask(tmp_path / "store", log, 1) for _ in range(2)]
    answers = {process.communicate(timeout=60)[0] for process in asking}
    assert log.read_text() == "made\n"
    assert len(answers) == 1
    assert Path(answers.pop().strip()).is_dir()


def test_a_killed_build_leaves_nothing_that_counts(tmp_path):
    root, log = tmp_path / "store", tmp_path / "log"
    killed = ask(root, log, 60)
    wait_for(log.exists)
    killed.kill()
    killed.communicate()
    store = EnvironmentStore(root)
    folder = root / store.name(environment(), PLACE)
    assert not folder.exists()
    site = store.site_packages(environment(), PLACE, no_compiler)
    assert site == folder / SITE
    assert [path.name for path in root.glob(f".{folder.name}.*/")] == [], "nor a half one"
    assert store.remove_all() == 1


def test_wheels_that_cannot_be_had_leave_no_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(MissingError) as raised:
        EnvironmentStore(tmp_path).site_packages(environment("toolz==0.12.0"), PLACE, no_compiler)
    assert "cannot be installed" in raised.value.message
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def headers(said):
    return "".join(f"{name}: {value}\n" for name, value in said.items())


def wheel_of(name, version):
    """A wheel with one module."""
    data, about = BytesIO(), f"{name}-{version}.dist-info"
    with ZipFile(data, "w") as archive:
        archive.writestr(f"{name}.py", "here = True\n")
        said = {"Metadata-Version": "2.1", "Name": name, "Version": version}
        archive.writestr(f"{about}/METADATA", headers(said))
        said = {"Wheel-Version": "1.0", "Root-Is-Purelib": "true", "Tag": "py3-none-any"}
        archive.writestr(f"{about}/WHEEL", headers(said))
        archive.writestr(f"{about}/RECORD", "")
    return data.getvalue()


def test_a_lock_may_name_what_has_no_wheel_and_it_is_built(tmp_path, monkeypatch):
    """Whoever made the lock had built it; on another machine nobody has."""
    monkeypatch.setenv("SEQSWE_CACHE", str(tmp_path / "cache"))
    asked = []

    def build(name, *, python, cutoff, version=""):
        asked.append((name, python, cutoff, version))
        place = wheelhouse(python, cutoff) / f"{name}-{version}-py3-none-any.whl"
        place.write_bytes(wheel_of(name, version))
        return True

    install(("docopt==0.6.2",), "3.11", tmp_path / "site", "2024-06-30", build)
    assert (tmp_path / "site" / "docopt.py").is_file()
    assert asked == [("docopt", "3.11", "2024-06-30", "0.6.2")]


def test_what_cannot_be_built_is_asked_for_once(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQSWE_CACHE", str(tmp_path / "cache"))
    asked = []
    for able in (False, True):  # it cannot be built, or what was built is of no use

        def build(name, *, python, cutoff, version="", able=able):
            asked.append(name)
            return able

        with pytest.raises(MissingError, match=r"cannot be installed: .*docopt"):
            install(("docopt==0.6.2",), "3.11", tmp_path / "site", "", build)
    assert asked == ["docopt", "docopt"]
