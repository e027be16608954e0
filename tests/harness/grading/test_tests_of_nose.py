"""Tests written for nose: its names of what runs before and after tests hold where it is there."""

import os
import subprocess
import sys

import pytest

from harness.grading import suite
from seqswe.manifests.manifest import TestSettings
from tests.harness.projects import commit

TESTS = """
class TestPlain:
    @classmethod
    def setupClass(cls):
        cls.whole = 1

    def setUp(self):
        self.each = 2

    def tearDown(self):
        print("torn down")

    def test_sum(self):
        assert self.whole + self.each == 3

class TestBelow(TestPlain):
    @classmethod
    def setupClass(cls):
        cls.whole = 7

    def setUp(self):
        TestPlain.setUp(self)
        self.each += 8

    def test_sum(self):
        assert (self.whole, self.each) == (7, 10)

class TestUndecorated:
    def setUpClass(cls):
        cls.name = cls.__name__

    def test_name(self):
        assert self.name == "TestUndecorated"

class TestStatic:
    @staticmethod
    def setUpClass():
        TestStatic.ready = True

    def test_ready(self):
        assert self.ready
"""
SETTINGS = TestSettings(arguments=("-s",))


@pytest.fixture
def run(tmp_path):
    """Run the tests of a checkout, with nose in the environment or without it."""
    commit(tmp_path / "checkout", {"test_plain.py": TESTS})

    def with_(nose):
        site = tmp_path / "site"
        site.mkdir()
        if nose:
            (site / "nose.py").write_text("")
        boot = f"import sys; sys.path.append({str(site)!r})\n"
        (site / "sitecustomize.py").write_text(boot)
        python = os.path.dirname(sys.executable)
        env = os.environ | {"PATH": f"{python}:{os.environ['PATH']}"}
        script = suite.once(SETTINGS, ["test_plain.py"])
        # Not by PYTHONPATH alone: the script takes that for the sources of the checkout.
        script = script.replace("python -c", f"PYTHONPATH={site} python -c")
        done = subprocess.run(
            ["sh", "-c", script], cwd=tmp_path / "checkout", env=env, capture_output=True, text=True
        )
        return done.returncode, done.stderr

    return with_


def test_its_names_hold_where_it_is_installed(run):
    code, log = run(nose=True)
    assert code == 0, log
    assert "torn down" in log


def test_they_are_plain_methods_elsewhere(run):
    code, log = run(nose=False)
    assert code == 1
    assert "has no attribute 'whole'" in log or "has no attribute 'each'" in log
