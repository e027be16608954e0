"""Which plug-ins of pytest a folder of distributions holds."""

import sys

import pytest

from harness.codebases.pytest_plugins import pytest_plugins_of


@pytest.fixture
def install(tmp_path):
    """`install("pytest-mock", "[pytest11]\\nmock = pytest_mock\\n")` in the folder it returns."""

    def make(name, entry_points, metadata=None):
        folder = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        (folder / "METADATA").write_bytes(text.encode() if metadata is None else metadata)
        (folder / "entry_points.txt").write_bytes(
            entry_points if isinstance(entry_points, bytes) else entry_points.encode()
        )
        return tmp_path

    return make


def test_plug_ins_are_named_as_pytest_takes_them(install):
    install("pytest-mock", "[pytest11]\npytest_mock = pytest_mock\n")
    install("hypothesis", "[pytest11]\nhypothesispytest = _hypothesis_pytestplugin\n")
    install("pytest-timeout", "[pytest11]\ntimeout = pytest_timeout\n")
    install("click", "[console_scripts]\nclick = click:main\n")
    folder = install("odd", "[pytest11]\nodd-one = odd.module:Plugin\n")
    assert pytest_plugins_of(folder) == (
        "_hypothesis_pytestplugin", "odd-one", "pytest_mock", "pytest_timeout",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["pytest-xdist", "pytest_cov", "Pytest.Randomly"])
def test_what_only_reorders_or_reports_is_left_out(install, name):
    assert pytest_plugins_of(install(name, "[pytest11]\nx = x.plugin\n")) == ()


def test_others_may_be_left_out(install):
    folder = install("pytest-xdist", "[pytest11]\nxdist = xdist.plugin\n")
    install("pytest-mock", "[pytest11]\npytest_mock = pytest_mock\n")
    assert pytest_plugins_of(folder, leave_out=["pytest_mock"]) == ("xdist.plugin",)


@pytest.mark.parametrize(
    "text",
    ["[pytest11]\nx = ../../evil\n", "[pytest11]\n-x = 3\n", "[pytest11\n", "x = y\n", b"\xff\xfe",
     "[pytest11]\nx\n", ""],
)  # fmt: skip
def test_broken_entry_points_end_nothing(install, text):
    install("pytest-mock", "[pytest11]\npytest_mock = pytest_mock\n")
    plugins = pytest_plugins_of(install("broken", text))
    assert "pytest_mock" in plugins
    assert set(plugins) <= {"pytest_mock", "x"}


def test_a_folder_without_metadata_and_none_at_all(install, tmp_path):
    assert pytest_plugins_of(tmp_path / "nothing") == ()
    folder = install("nameless", "[pytest11]\nx = x\n", metadata=b"\xff\xff")
    assert pytest_plugins_of(folder) in (("x",), ())


def test_nothing_is_imported(install, tmp_path):
    folder = install("loud", "[pytest11]\nloud = loud_plugin_of_a_test\n")
    (tmp_path / "loud_plugin_of_a_test.py").write_text("raise SystemExit\n")
    assert pytest_plugins_of(folder) == ("loud_plugin_of_a_test",)
    assert "loud_plugin_of_a_test" not in sys.modules
