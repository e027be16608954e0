"""A project's own metadata without an installation, asked for by the Pythons there are."""

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from harness.codebases.project import Project, project_of, version_from_tags
from harness.history.git import Clone
from tests.harness.codebases.declarations.test_hostile import mutated
from tests.harness.codebases.trees import Tree
from tests.harness.projects import commit, git

VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"


def read(files, distribution="given", version=""):
    return project_of(Tree({p: dedent(t) for p, t in files.items()}), distribution, version)


NAMES = {
    "PEP 621": ({"pyproject.toml": "[project]\nname = 'x'\n"}, "x"),
    "Poetry": ({"pyproject.toml": "[tool.poetry]\nname = 'x'\n"}, "x"),
    "flit": ({"pyproject.toml": "[tool.flit.metadata]\nmodule = 'x'\n"}, "x"),
    "flit's other name": (
        {"pyproject.toml": "[tool.flit.metadata]\nmodule = 'y'\ndist-name = 'x'\n"}, "x"),
    "setup.cfg": ({"setup.cfg": "[metadata]\nname = x\n"}, "x"),
    "setup.py": ({"setup.py": "from setuptools import setup\nN = 'x'\nsetup(name=N)\n"}, "x"),
    "none": ({}, "given"),
    "a name that is none": ({"setup.cfg": "[metadata]\nname = ../../Jinja 2\n"}, "Jinja-2"),
    "nothing of a name": ({"setup.cfg": "[metadata]\nname = ../..\n"}, "given"),
    "a long name": ({"setup.cfg": f"[metadata]\nname = {'x' * 1000}\n"}, "given"),
}  # fmt: skip


@pytest.mark.parametrize(("files", "name"), NAMES.values(), ids=NAMES)
def test_names(files, name):
    assert read(files).name == name


VERSION = {
    "PEP 621": {"pyproject.toml": "[project]\nversion = '1.2'\n"},
    "Poetry": {"pyproject.toml": "[tool.poetry]\nversion = '1.2'\n"},
    "setup.cfg": {"setup.cfg": "[metadata]\nversion = 1.2\n"},
    "setup.cfg attr": {"setup.cfg": "[metadata]\nversion = attr: x.about.RELEASE\n",
                       "src/x/about.py": "RELEASE = '1.2'\n"},
    "setup.cfg file": {"setup.cfg": "[metadata]\nversion = file: V.txt\n", "V.txt": "1.2\n"},
    "setuptools attr": {
        "pyproject.toml": "[tool.setuptools.dynamic]\nversion = {attr = 'x.__version__'}\n",
        "x/__init__.py": "from x.v import __version__\n", "x/v.py": "__version__ = '1.2'\n"},
    "setuptools file": {
        "pyproject.toml": "[tool.setuptools.dynamic]\nversion = {file = ['V']}\n", "V": "1.2"},
    "hatch": {"pyproject.toml": "[tool.hatch.version]\npath = 'x/v.py'\n",
              "x/v.py": "__version__ = '1.2'\n"},
    "setup.py": {"setup.py": "from setuptools import setup\nsetup(version='1.2')\n"},
    "setup.py by exec": {"setup.py": "from setuptools import setup\na = {}\n"
        "exec(open('x/v.py').read(), a)\nsetup(version=a['__version__'])\n",
        "x/v.py": "__version__ = '1.2'\n"},
    "setup.py by search": {"setup.py": "import re\nfrom setuptools import setup\n"
        "setup(version=re.search('x', open('x/__init__.py').read()).group(1))\n",
        "x/__init__.py": "__version__ = '1.2'\n"},
    "the package": {"x/__init__.py": "__version__ = '1.2'\n"},
    "the package in src": {"src/x/__init__.py": "", "src/x/_version.py": "version = '1.2'\n"},
    "numbers": {"x/__init__.py": "VERSION = (1, 2)\n"},
    "joined numbers": {"x/__init__.py": "VERSION = (1, 2)\n"
                                        "__version__ = '.'.join(map(str, VERSION))\n"},
    "a module": {"given.py": "__version__ = '1.2'\n"},
    "a file": {"VERSION": "1.2\n"},
    "as other tools write it": {"setup.cfg": "[metadata]\nversion = v1.2\n"},
}  # fmt: skip


@pytest.mark.parametrize("files", VERSION.values(), ids=VERSION)
def test_versions(files):
    assert read(files, version="9.9").version == "1.2"


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"setup.cfg": "[metadata]\nversion = ../../1\n"},
        {"setup.cfg": f"[metadata]\nversion = {'1' * 1000}\n"},
        {"VERSION": "\0" * 100},
        {"x/__init__.py": "__version__ = version('x')\n"},
        {"x/__init__.py": "__version__ = (\n"},
        {"setup.py": "from setuptools import setup\nsetup(use_scm_version=True)\n",
         "x/__init__.py": "__version__ = '0.0.0'\n"},
        {"pyproject.toml": "[tool.hatch.version]\nsource = 'vcs'\n", "VERSION": "0.0.0"},
        {"pyproject.toml": "[tool.poetry-dynamic-versioning]\nenable = true\n"
                           "[tool.poetry]\nversion = '0.0.0'\n"},
    ],
)  # fmt: skip
def test_the_version_of_the_tag_counts_where_the_files_give_none(files):
    assert read(files, version="v1.2").version == "1.2"
    assert read(files, version="not a version").version in ("0", "0.0.0")


@pytest.mark.parametrize(
    ("tags", "version"),
    [
        (["v1.0", "v1.2"], "1.2"),
        (["release-1.0", "release-1.2"], "1.2"),
        (["tiny-1.2"], "1.2"),
        (["rel_1_2_0"], "1.2.0"),
        (["1.2rc1"], "1.2rc1"),
        (["v1.2", "nightly", "latest"], "1.2"),
        (["v1.2", "other-2.0"], "1.2"),
        (["other-2.0"], "2.0"),
        (["nightly"], ""),
        ([], ""),
    ],
)
def test_versions_of_tags(tmp_path, tags, version):
    commit(tmp_path, {"a": "0"})
    for day, tag in enumerate(tags):
        commit(tmp_path, {"a": str(day + 1)}, day=day)
        git(tmp_path, "tag", "-m", tag, tag, day=day)
    last = commit(tmp_path, {"a": "last"}, day=99)
    commit(tmp_path, {"a": "later"}, day=100)
    git(tmp_path, "tag", "v9.9")
    assert version_from_tags(Clone(tmp_path), last, "tiny") == version


def test_no_commit_has_no_tags(tmp_path):
    commit(tmp_path, {"a": "0"})
    assert version_from_tags(Clone(tmp_path), "--exec=x") == ""
    assert version_from_tags(Clone(tmp_path), "0" * 40) == ""


BOTH = {"console_scripts": {"run": "x.cli:main"}, "x.plugins": {"one": "x.one:One [extra]"}}
ENTRY_POINTS = {
    "PEP 621": {"pyproject.toml": """
        [project.scripts]
        run = "x.cli:main"
        [project.entry-points."x.plugins"]
        one = "x.one:One [extra]"
    """},
    "Poetry": {"pyproject.toml": """
        [tool.poetry.scripts]
        run = {reference = "x.cli:main", type = "console"}
        [tool.poetry.plugins."x.plugins"]
        one = "x.one:One [extra]"
    """},
    "flit": {"pyproject.toml": """
        [tool.flit.scripts]
        run = "x.cli:main"
        [tool.flit.entrypoints."x.plugins"]
        one = "x.one:One [extra]"
    """},
    "flit's file": {"pyproject.toml": "[tool.flit.metadata]\nentry-points-file = 'e.txt'\n",
        "e.txt": "[console_scripts]\nrun = x.cli:main\n[x.plugins]\none = x.one:One [extra]\n"},
    "setup.cfg": {"setup.cfg": """
        [options.entry_points]
        console_scripts =
            run = x.cli:main
        x.plugins =
            one=x.one:One [extra]
    """},
    "setup.py, a dictionary": {"setup.py": """
        from setuptools import setup
        POINTS = {"console_scripts": ["run = x.cli:main"]}
        POINTS["x.plugins"] = "one = x.one:One [extra]"
        setup(entry_points=POINTS)
    """},
    "setup.py, an ini text": {"setup.py": """
        from setuptools import setup
        setup(entry_points='''
            [console_scripts]
            run = x.cli:main
            [x.plugins]
            one = x.one:One [extra]
        ''')
    """},
}  # fmt: skip


@pytest.mark.parametrize("files", ENTRY_POINTS.values(), ids=ENTRY_POINTS)
def test_entry_points(files):
    assert read(files).entry_points == BOTH


@pytest.mark.parametrize(
    "line",
    [
        "../../evil = x:main",
        "/bin/sh = x:main",
        "a\\nb = x:main",
        "run = x:main\\nimport os",
        "run = x;import os:main",
        "run = import:main",
        "run = x:main()",
        "run = x",
        "[group] = x:main",
        " = x:main",
        "run = ",
    ],
)
def test_hostile_entry_points_become_no_script(line):
    text = f"from setuptools import setup\nsetup(entry_points={{'console_scripts': ['{line}']}})\n"
    paths = read({"setup.py": text}).files()
    assert not [path for path in paths if path.startswith("bin/")]
    assert all(".." not in path and not path.startswith("/") for path in paths)


def test_there_are_only_so_many_entry_points():
    lines = "\n".join(f"a{n} = 'x:main'" for n in range(5000))
    project = read({"pyproject.toml": f"[project.scripts]\n{lines}\n"})
    assert len(project.entry_points["console_scripts"]) == 1000


GENERATED = {
    "setuptools_scm": "[tool.setuptools_scm]\nversion_file = 'src/x/_version.py'\n",
    "setuptools_scm before": "[tool.setuptools_scm]\nwrite_to = 'src/x/_version.py'\n",
    "hatch-vcs": "[tool.hatch.build.hooks.vcs]\nversion-file = 'src/x/_version.py'\n",
    "pdm": "[tool.pdm.version]\nsource = 'scm'\nwrite_to = 'x/_version.py'\n",
}


@pytest.mark.parametrize("text", GENERATED.values(), ids=GENERATED)
def test_the_file_that_a_build_would_write(text):
    files = {"pyproject.toml": text, "src/x/__init__.py": ""}
    made = read(files, version="1.2.dev3+abc").generated
    assert list(made) == ["src/x/_version.py"]
    names = {}
    exec(made["src/x/_version.py"], names)
    assert names["__version__"] == names["version"] == "1.2.dev3+abc"
    assert names["version_tuple"] == (1, 2, "dev3", "abc")
    assert not read({**files, "src/x/_version.py": ""}, version="1.2").generated


def test_the_file_that_setup_py_names_and_its_template():
    text = """
    from setuptools import setup
    setup(use_scm_version={'write_to': 'x/v.py', 'write_to_template': 'v = "{version}"\\n'})
    """
    made = read({"setup.py": text, "x/__init__.py": ""}, version="1.2").generated
    assert made == {"x/v.py": 'v = "1.2"\n'}
    text = text.replace("v.py", "v.txt").replace("{version}", "{scm_version.x}{version}{tag}")
    assert read({"setup.py": text, "x/__init__.py": ""}, version="1.2").generated == {
        "x/v.txt": "1.2\n"
    }


@pytest.mark.parametrize(
    "files",
    [
        {"setup.py": "setup(vcversioner={'version_module_paths': ['x/_version.py']})"},
        {".gitignore": "*.pyc\n/x/_version.py\n"},
        {".gitignore": "x/_version.py"},
        {".gitignore": "src/x/_version.py\n", "x/__init__.py": None, "src/x/__init__.py": ""},
    ],
)
def test_the_file_that_an_older_build_would_write(files):
    tree = {name: text for name, text in {"x/__init__.py": "", **files}.items() if text is not None}
    [(path, text)] = read(tree, version="1.2").generated.items()
    assert path.removeprefix("src/") == "x/_version.py"
    assert "'1.2'" in text


def test_an_ignored_file_of_another_kind_is_not_written():
    ignored = "x/_speedups.py\n_version.py\n../x/_version.py\nx/.version.py\nno/_version.py\n"
    assert not read({"x/__init__.py": "", ".gitignore": ignored}, version="1.2").generated


@pytest.mark.parametrize(
    "path",
    ["../evil.py", "/etc/evil.py", ".git/hooks/evil.py", "x/../../evil.py", "x/.hidden.py",
     "x/evil.sh", "nowhere/v.py", "x" * 300 + ".py", "x/a b.py", "x\\n.py"],
)  # fmt: skip
def test_a_generated_file_stays_where_it_belongs(path):
    text = f'[tool.setuptools_scm]\nversion_file = "{path}"\n'
    assert not read({"pyproject.toml": text, "x/__init__.py": ""}, version="1.2").generated


def test_what_stands_where_a_generated_file_would_be_is_left_alone():
    text = GENERATED["hatch-vcs"]
    files = {"pyproject.toml": text, "src/x/__init__.py": "", "src/x/_version.py/inside": ""}
    assert not read(files, version="1.2").generated


@pytest.mark.parametrize("odd", ["\0", "\ud800", "'" * 5_000, "{version}" * 400])
def test_a_template_that_no_shell_takes_is_passed_over(odd):
    settings = {"write_to": "x/v.txt", "write_to_template": "{version}" + odd}
    tree = {"setup.py": f"setup(use_scm_version={settings!r})", "x/__init__.py": ""}
    assert read(tree, version="1.2.dev3+abcdef").generated == {"x/v.txt": "1.2.dev3+abcdef\n"}


def test_generated_files_have_a_bound():
    lines = [f"x/{'y' * 150}{n}/_version.py" for n in range(500)]
    tree = {line.replace("_version", "m"): "" for line in lines}
    made = read({**tree, ".gitignore": "\n".join(lines)}, version="1.2").generated
    assert 0 < sum(len(path) + len(text) for path, text in made.items()) < 20_000


HOSTILE = ["a = " + "[" * 50_000, "[[[", "\0" * 1000, "[project]\nname = 3\nversion = []\n"
           "scripts = 1\nentry-points = {a = 1}\n", "[tool]\npoetry = 1\nhatch = {version = 1}\n"
           "setuptools_scm = 1\npdm = {version = 2}\nflit = 3\n"]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("path", ["pyproject.toml", "setup.cfg", "setup.py", "VERSION"])
def test_hostile_files_end_nothing(path, text):
    project = read({path: text, "x/__init__.py": text})
    assert (project.name, project.version, dict(project.entry_points)) == ("given", "0", {})


@pytest.mark.parametrize("seed", range(10))
def test_random_mutations_of_honest_files_stay_within_bounds(seed):
    chance = random.Random(seed)
    honest = {"x/__init__.py": "VERSION = 1, 2\n"}
    for kind in ("PEP 621", "setup.cfg", "setup.py, an ini text"):
        honest |= ENTRY_POINTS[kind]
    honest["pyproject.toml"] += "[tool.setuptools_scm]\nversion_file = 'x/v.py'\n"
    for _ in range(20):
        project = project_of(Tree({p: mutated(dedent(t), chance) for p, t in honest.items()}), "g")
        for path in (*project.files(), *project.generated):
            assert re.fullmatch(r"[\w+-][\w.+!-]*(/[\w+-][\w.+!-]*)*", path), path


SAMPLE = Project(
    name="My.Tiny-project",
    version="1.2.dev3+abc",
    entry_points={
        "console_scripts": {"tiny-run": "tiny_module:main.run", "odd": "tiny_module"},
        "tiny.plugins": {"One": "tiny_module:main [extra]"},
    },
    packages=("tiny_module",),
)
ASK = """
import json, sys
try:
    from importlib import metadata
except ImportError:
    import importlib_metadata as metadata
points = metadata.entry_points()
group = points.select(group="tiny.plugins") if hasattr(points, "select") else points["tiny.plugins"]
said = {
    "version": metadata.version("my.tiny-project"),
    "other": metadata.version("My.Tiny_Project"),
    "name": metadata.metadata("My.Tiny-project")["Name"],
    "points": [[p.name, p.load().__name__] for p in group],
    "files": sorted(str(p) for p in metadata.files("my.tiny-project")),
}
try:
    import pkg_resources
except ImportError:
    pass
else:
    found = pkg_resources.get_distribution("My.Tiny-project")
    said["pkg_resources"] = [found.project_name, found.version]
    plugins = pkg_resources.iter_entry_points("tiny.plugins")
    said["pkg_points"] = [p.name for p in plugins]
print(json.dumps(said))
"""


def pythons():
    own = "{}.{}".format(*sys.version_info[:2])
    for version in VERSIONS:
        others = sorted(PYENV.glob(f"{version}.*/bin/python"))
        yield version, sys.executable if version == own else next(map(str, others[:1]), "")


@pytest.mark.parametrize(("version", "python"), list(pythons()), ids=VERSIONS)
def test_every_python_finds_the_metadata_and_the_scripts(tmp_path, version, python):
    if not python:
        pytest.skip(f"no Python {version} here")
    for path, text in SAMPLE.files().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "tiny_module.py").write_text(
        "class main:\n    @staticmethod\n    def run():\n        print('ran')\n        return 3\n"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONWARNINGS": "ignore"}
    asked = subprocess.run([python, "-c", ASK], env=env, capture_output=True, text=True)
    assert asked.returncode == 0, asked.stderr
    said = json.loads(asked.stdout)
    assert said["version"] == said["other"] == SAMPLE.version
    assert said["name"] == SAMPLE.name
    assert said["points"] == [["One", "main"]]
    assert set(said["files"]) == set(SAMPLE.files())
    assert said.get("pkg_resources", [SAMPLE.name, SAMPLE.version]) == [SAMPLE.name, SAMPLE.version]
    assert said.get("pkg_points", ["One"]) == ["One"]
    script = tmp_path / "bin" / "tiny-run"
    ran = subprocess.run([python, script], env=env, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (3, "ran\n"), ran.stderr
