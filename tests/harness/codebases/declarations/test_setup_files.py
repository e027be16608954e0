"""setup.py and setup.cfg as they are written, read without running them."""

from textwrap import dedent

import pytest

from harness.codebases.declarations.setup_files import ini_list, read_setup_cfg, read_setup_py
from tests.harness.codebases.trees import Tree

FILES = {
    "requirements.txt": "# what it needs\na>=1\nb  # for b\n\n",
    "requirements/default.txt": "-r base.txt\nc\n",
    "requirements/base.txt": "d\n",
    "requirements/test.txt": "t\n",
    "pkg/version.py": "__version__ = '1.2'\nNAME = 'known'\n",
    "VERSION": "3.4\n",
}


def setup_py(text, python="3.11"):
    head = "import os, sys\nfrom setuptools import setup\n"
    return read_setup_py(head + dedent(text), Tree(FILES), python)


RUNTIME = {
    "literal": ("setup(install_requires=['a', 'b'])", ["a", "b"]),
    "tuple": ("setup(install_requires=('a', 'b'))", ["a", "b"]),
    "text of lines": ("setup(install_requires='''\n  a\n  b\n''')", ["a", "b"]),
    "name": ("NEEDS = ['a']\nsetup(install_requires=NEEDS)", ["a"]),
    "annotated name": ("NEEDS: list[str] = ['a']\nsetup(install_requires=NEEDS)", ["a"]),
    "two names at once": ("x, NEEDS = 1, ['a']\nsetup(install_requires=NEEDS)", ["a"]),
    "sum of names": ("A = ['a']\nB = ['b']\nsetup(install_requires=A + B + ['c'])",
                     ["a", "b", "c"]),
    "sum of values": ("X = {'p': ['a'], 'q': ['b']}\nsetup(install_requires=sum(X.values(), []))",
                      ["a", "b"]),
    "chain": ("from itertools import chain\nX = {'p': ['a'], 'q': ['b']}\n"
              "setup(install_requires=list(chain(*X.values())))", ["a", "b"]),
    "chain.from_iterable": ("import itertools\nX = {'p': ['a'], 'q': ['b']}\n"
        "setup(install_requires=list(itertools.chain.from_iterable(X.values())))", ["a", "b"]),
    "starred": ("A = ['a']\nsetup(install_requires=[*A, 'b'])", ["a", "b"]),
    "append and extend": ("N = ['a']\nN.append('b')\nN.extend(['c'])\nN += ['d']\n"
                          "setup(install_requires=N)", ["a", "b", "c", "d"]),
    "rebound from itself": ("N = ['a']\nN = N + ['b']\nN = sorted(N)\nsetup(install_requires=N)",
                            ["a", "b"]),
    "loop that appends": ("N = []\nfor n in ('a', 'b'):\n    N.append(n + '>=1')\n"
                          "setup(install_requires=N)", ["a>=1", "b>=1"]),
    "loop over items": ("V = {'a': '1', 'b': '2'}\nN = []\nfor k, v in V.items():\n"
                        "    N.append('%s==%s' % (k, v))\nsetup(install_requires=N)",
                        ["a==1", "b==2"]),
    "split": ("setup(install_requires='a b'.split())", ["a", "b"]),
    "percent": ("V = '1.0'\nsetup(install_requires=['a>=%s' % V])", ["a>=1.0"]),
    "format": ("V = '1.0'\nsetup(install_requires=['a>={}'.format(V), 'b>={v}'.format(v=V)])",
               ["a>=1.0", "b>=1.0"]),
    "f-string": ("V = '1.0'\nsetup(install_requires=[f'a>={V}'])", ["a>=1.0"]),
    "f-string of the unknown": ("setup(install_requires=[f'a[x]>={lowest()}'])", ["a[x]"]),
    "**kwargs": ("K = {'install_requires': ['a']}\nK['name'] = 'x'\nsetup(**K)", ["a"]),
    "**dict()": ("setup(**dict(install_requires=['a']))", ["a"]),
    "**kwargs updated": ("K = dict(name='x')\nK.update(install_requires=['a'])\nsetup(**K)", ["a"]),
    "**kwargs under a key": ("K = {}\nK['install_requires'] = ['a']\nsetup(**K)", ["a"]),
    "module": ("import setuptools\nsetuptools.setup(install_requires=['a'])", ["a"]),
    "inside main": ("def main():\n    N = ['a']\n    setup(install_requires=N)\nmain()", ["a"]),
    "guarded": ("if __name__ == '__main__':\n    setup(install_requires=['a'])", ["a"]),
    "open.readlines": ("setup(install_requires=open('requirements.txt').readlines())",
                       ["a>=1", "b"]),
    "open.read.splitlines": ("with open('requirements.txt') as f:\n    N = f.read().splitlines()\n"
                             "setup(install_requires=N)", ["a>=1", "b"]),
    "lines with a filter": ("with open('requirements.txt') as f:\n"
        "    N = [l.strip() for l in f if not l.startswith('#')]\n"
        "setup(install_requires=N)", ["a>=1", "b"]),
    "here / file": ("from pathlib import Path\nHERE = Path(__file__).parent\n"
        "setup(install_requires=(HERE / 'requirements.txt').read_text().split('\\n'))",
        ["a>=1", "b"]),
    "os.path.join": ("HERE = os.path.dirname(__file__)\n"
        "N = open(os.path.join(HERE, 'requirements', 'default.txt')).read().split('\\n')\n"
        "setup(install_requires=N)", ["c", "d"]),
    "parse_requirements": ("from pip.req import parse_requirements\n"
        "N = [str(r.req) for r in parse_requirements('requirements.txt', session=False)]\n"
        "setup(install_requires=N)", ["a>=1", "b"]),
    "a function that reads": ("def read(name):\n"
        "    with open(os.path.join('requirements', name + '.txt')) as f:\n"
        "        return f.read().splitlines()\nsetup(install_requires=read('default'))",
        ["c", "d"]),
    "a generator that reads": ("def read(name):\n"
        "    for line in open('requirements/%s.txt' % name):\n        yield line.strip()\n"
        "setup(install_requires=list(read('default')))", ["c", "d"]),
    "a function with a default": ("def need(kind='default'):\n"
        "    return [l for l in open(f'requirements/{kind}.txt')]\n"
        "setup(install_requires=need())", ["c", "d"]),
    "a function that appends": ("def need():\n    N = []\n    N.append('a')\n    return N\n"
        "setup(install_requires=need())", ["a"]),
    "an import": ("from pkg.version import NAME\nsetup(install_requires=[NAME])", ["known"]),
    "exec into a dict": ("about = {}\nexec(open('pkg/version.py').read(), about)\n"
        "setup(install_requires=[about['NAME']])", ["known"]),
    "exec": ("exec(open('pkg/version.py').read())\nsetup(install_requires=[NAME])", ["known"]),
    "by URL": ("setup(install_requires=['a @ git+https://x.invalid/a.git'])",
               ["a @ git+https://x.invalid/a.git"]),
    "comments among lines": ("setup(install_requires='a\\n# no\\nb'.split('\\n'))", ["a", "b"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), RUNTIME.values(), ids=RUNTIME)
def test_what_setup_py_needs(text, expected):
    declared = setup_py(text)
    assert sorted(declared.runtime) == sorted(expected)
    assert not declared.unread


CONDITIONS = {
    "version tuple": ("if sys.version_info < (3,):\n    N.append('old')\n", []),
    "version slice": ("if sys.version_info[:2] >= (3, 8):\n    N.append('new')\n", ["new"]),
    "major": ("if sys.version_info.major == 2:\n    N.append('old')\n", []),
    "index": ("if sys.version_info[0] == 2:\n    N.append('old')\nelse:\n    N.append('new')\n",
              ["new"]),
    "named": ("PY2 = sys.version_info[0] == 2\nif PY2:\n    N.append('old')\n", []),
    "not and or": ("if not (sys.version_info >= (3,) or x()):\n    N.append('old')\n", []),
    "platform": ("if sys.platform == 'win32' or os.name == 'nt':\n    N.append('w')\n", []),
    "startswith": ("if sys.platform.startswith('win'):\n    N.append('w')\n", []),
    "expression": ("N += ['old'] if sys.version_info < (3, 4) else ['new']\n", ["new"]),
    "unknown counts": ("if x():\n    N.append('maybe')\n", ["maybe"]),
    "standard library": ("try:\n    import json\nexcept ImportError:\n    N.append('j')\n", []),
    "other library": ("try:\n    import nothing\nexcept ImportError:\n    N.append('n')\n", ["n"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CONDITIONS.values(), ids=CONDITIONS)
def test_branches_of_another_python_or_system_are_left_out(text, expected):
    assert list(setup_py(f"N = []\n{text}setup(install_requires=N)").runtime) == expected


EXTRAS = {
    "literal": "setup(extras_require={'test': ['t'], 'docs': ['d']})",
    "set by key": "X = {}\nX['test'] = ['t']\nX['docs'] = 'd'\nsetup(extras_require=X)",
    "updated": "X = {'test': ['t']}\nX.update({'docs': ['d']})\nsetup(extras_require=X)",
    "updated by names": "X = {'test': ['t']}\nX.update(docs=['d'])\nsetup(extras_require=X)",
    "dict()": "setup(extras_require=dict(test=['t'], docs=['d']))",
    "merged": "A = {'test': ['t']}\nsetup(extras_require={**A, 'docs': ['d']})",
    "or": "setup(extras_require={'test': ['t']} | {'docs': ['d']})",
    "comprehension": "X = {'test': 't', 'docs': 'd'}\n"
    "setup(extras_require={k: [v] for k, v in X.items()})",
    "loop": "X = {}\nfor n, p in (('test', 't'), ('docs', 'd')):\n    X[n] = [p]\n"
    "setup(extras_require=X)",
    "extended by key": "X = {'test': [], 'docs': ['d']}\nX['test'] += ['t']\n"
    "setup(extras_require=X)",
    "appended by key": "X = {'test': [], 'docs': []}\nX['test'].append('t')\n"
    "X['docs'].extend(['d'])\nsetup(extras_require=X)",
    "of a file": "setup(extras_require={'test': open('requirements/test.txt').readlines(), "
    "'docs': ['d']})",
    "tests_require": "setup(tests_require=['t'], extras_require={'docs': ['d']})",
}


@pytest.mark.parametrize("text", EXTRAS.values(), ids=EXTRAS)
def test_extras_of_setup_py(text):
    declared = setup_py(text)
    assert (declared.tests, dict(declared.extras)) == (("t",), {"docs": ("d",)})
    assert not declared.unread


def test_an_extra_of_all_the_others():
    text = """
    X = {'docs': ['d'], 'more': ['m']}
    X['all'] = sorted(set(sum(X.values(), [])))
    setup(extras_require=X)
    """
    assert setup_py(text).tests == ("d", "m")


def test_extras_may_carry_a_condition():
    declared = setup_py(
        "setup(extras_require={':python_version < \"3.8\"': ['a; os_name == \"nt\"'],"
        " 'test:sys_platform == \"win32\"': ['t']})"
    )
    assert declared.runtime == ('a; ( os_name == "nt") and (python_version < "3.8")',)
    assert declared.tests == ('t; sys_platform == "win32"',)


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        ("setup(install_requires=fetch())", "install_requires of setup.py"),
        ("setup(install_requires=['a', fetch()])", "part of install_requires of setup.py"),
        ("setup(install_requires=['a'] + fetch())", "part of install_requires of setup.py"),
        ("setup(extras_require=fetch())", "extras_require of setup.py"),
        ("setup(extras_require={'docs': fetch()})", "extra docs of setup.py"),
        ("setup(", "setup.py cannot be parsed: line 3: '(' was never closed"),
    ],
)
def test_what_cannot_be_read_is_said(text, unread):
    assert setup_py(text).unread == (unread,)


def test_names_and_versions_of_python():
    declared = setup_py("NAME = 'x'\nsetup(name=NAME.lower(), python_requires='>=' + '3.8')")
    assert (declared.name, declared.python) == ("x", ">=3.8")


def test_python_2_is_read_where_it_is_only_written_otherwise():
    declared = setup_py(
        """
        import os
        print "building"
        print >>sys.stderr, "a", \\
            "b"
        try:
            os.chmod('x', 0755)
        except OSError, error:
            raise SystemExit, "no"
        exec open('pkg/version.py').read() in {}
        setup(name=ur'x', install_requires=['a'])
        """
    )
    assert (declared.runtime, declared.name, declared.unread) == (("a",), "x", ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n b>=1\n", ["a", "b>=1"]),
        ("a; b>=1", ["a", "b>=1"]),
        ('a; sys_platform == "win32"', ['a; sys_platform == "win32"']),
        ('a; python_version < "3"; b', ['a; python_version < "3"', "b"]),
        ('\na; (python_version < "3")\n', ['a; (python_version < "3")']),
        ("\na  # why\n# b\n", ["a"]),
        ("", []),
    ],
)
def test_lists_in_an_ini_file(text, expected):
    assert list(ini_list(text)) == expected


def test_what_setup_cfg_declares():
    text = """
    [metadata]
    name = x
    [options]
    python_requires = >=3.8
    install_requires =
        a>=1
        b; python_version < "3.9"
    tests-require = u
    [options.extras_require]
    test =
        t
    docs = file: requirements/default.txt, requirements/test.txt
    """
    declared = read_setup_cfg(dedent(text), Tree(FILES))
    assert (declared.name, declared.python) == ("x", ">=3.8")
    assert declared.runtime == ("a>=1", 'b; python_version < "3.9"')
    assert declared.tests == ("t", "u")
    assert declared.extras == {"docs": ("c", "d", "t")}


def test_setup_cfg_reads_files_and_says_which_are_missing():
    text = "[options]\ninstall_requires = file: requirements.txt, nothing.txt\n"
    declared = read_setup_cfg(text, Tree(FILES))
    assert declared.runtime == ("a>=1", "b")
    assert declared.unread == ("nothing.txt, which setup.cfg names",)


def test_a_broken_setup_cfg_says_so():
    assert read_setup_cfg("a = 1\n", Tree({})).unread[0].startswith("setup.cfg cannot be parsed")
