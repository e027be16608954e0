"""Sandboxes on machines without mounts keep the contract: here one of real files and processes."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from harness.history.leak_audit import audit
from harness.sandboxes.cleanup import make_folder
from harness.sandboxes.uploaded import UploadingProvider
from seqswe.errors import LeakError, MissingError
from seqswe.manifests import manifest_files as manifests
from seqswe.testing import SandboxContract


class Folder:
    """A machine that is a folder of this one, reached by single calls and copies."""

    alone = False

    def __init__(self):
        self.base = str(make_folder(Path(tempfile.gettempdir()), "seqswe-folder-"))

    def execute(self, command, seconds):
        env = {"PATH": os.environ["PATH"]}
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
        done = subprocess.run(command, env=env, timeout=seconds, text=True, check=False, **pipes)
        return done.returncode, done.stdout

    def upload(self, source, target):
        shutil.copy(source, target)

    def stop(self):
        shutil.rmtree(self.base, ignore_errors=True)


class Folders(UploadingProvider):
    kind = "folder"

    def start(self, environment, spec):
        return Folder()


class TestUploaded(SandboxContract):
    sandbox = f"{__name__}:Folders"
    environment = manifests.load("ledgerlite").environments[0]


@pytest.fixture
def provider():
    provider = Folders()
    yield provider
    provider.close()


def test_what_was_uploaded_is_what_the_commit_reaches_and_nothing_is_mounted(
    provider, lay, history
):
    spec = lay(position=3)
    box = provider.open(spec)
    shutil.rmtree(spec.checkout.objects)
    assert audit(box, spec, history.reachable).objects == spec.checkout.count
    assert box.run("python -m pytest -q -x --co").ok
    assert box.run("pytest --version").ok


def test_the_audit_finds_a_later_object_among_those_that_were_uploaded(provider, lay, history):
    early, late = lay(position=0), lay(position=5)
    leaking = replace(early, checkout=replace(early.checkout, objects=late.checkout.objects))
    box = provider.open(replace(leaking, checkout=replace(leaking.checkout, tree="")))
    with pytest.raises(LeakError, match="extra"):
        audit(box, early, history.reachable)


def test_a_machine_without_the_python_is_refused_with_what_to_bring(provider):
    environment = replace(TestUploaded.environment, python="3.99")
    with pytest.raises(MissingError, match=r"no sandbox of Python 3\.99.*: 3\.") as caught:
        provider._version(environment)
    assert "image with that Python" in caught.value.hint
