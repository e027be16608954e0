"""Files that were written to make the reader hang, grow or fall: it ends soon, and says what."""

import random
import time

import pytest

from harness.codebases.declarations import declaration_of
from harness.codebases.declarations.read import Declaration
from tests.harness.codebases.trees import Tree

SETUP = "from setuptools import setup\n"
SECONDS = 20
"""Of the processor: far more than any of these takes; without bounds they take hours."""

HOSTILE = {
    "itself": "a = a + a\nsetup(install_requires=a)",
    "itself many times": "a = ['x']\n" + "a = a + a\n" * 200 + "setup(install_requires=a)",
    "text doubled": "a = 'x'\n" + "a = a + a\n" * 200 + "setup(install_requires=[a])",
    "text in f-strings": "a = 'x' * 9\n" + "a = f'{a}{a}{a}{a}'\n" * 99 + "setup(name=a)",
    "names in a circle": "a = b + b\nb = c + c\nc = a + a\nsetup(install_requires=a)",
    "names in a chain": "".join(f"a{n} = a{n + 1} + a{n + 1}\n" for n in range(500))
    + "setup(install_requires=a0)",
    "function calling itself": "def f(x):\n    return f(x) + f(x)\nsetup(install_requires=f(1))",
    "functions calling one another": "def f():\n    return g() + g()\n"
    "def g():\n    return f() + f()\nsetup(install_requires=f())",
    "loops in loops": "a = ['x'] * 9\nb = 'x y z w'.split()\nsetup(install_requires=["
    "p for p in b" + "".join(f" for q{n} in b" for n in range(30)) + "])",
    "dictionary of itself": "a = {}\n" + "a['x'] = [a, a]\n" * 200 + "setup(extras_require=a)",
    "**itself": "a = {'x': 1}\n" + "a.update(**a)\n" * 200 + "setup(**a)",
    "wide format": "setup(name='%9999999999d' % 1, install_requires=['{:>99999999999}'.format(1)])",
    "replace": "a = 'x' * 9\nb = 'xxxxxxxxxx'\n" + "b = b.replace('x', b)\n" * 30 + "setup(name=b)",
    "join": "a = 'x'\n" + "a = a.join([a, a, a, a])\n" * 40 + "setup(name=a)",
    "power": "setup(name=9 ** 9 ** 9 ** 9, version=str(10 ** 10 ** 10))",
    "shift": "setup(name=1 << 10 ** 12)",
    "huge number": "setup(name=f'{0x" + "f" * 100_000 + "}')",
    "deep brackets": "setup(install_requires=" + "[" * 5000 + "]" * 5000 + ")",
    "deep sum": "setup(install_requires=" + "['a'] + " * 20_000 + "[])",
    "deep minus": "setup(name=" + "-" * 50_000 + "1)",
    "deep attribute": "setup(name=a" + ".b" * 20_000 + ")",
    "deep call": "setup(name=a" + "()" * 20_000 + ")",
    "deep elif": "if a:\n    pass\n" + "elif a:\n    pass\n" * 20_000 + "setup(name='x')",
    "deep subscripts": "setup(name=a" + "[0]" * 20_000 + ")",
    "many files": "".join(f"setup(install_requires=open('r{n}.txt'))\n" for n in range(5000)),
    "many setups": "a = ['x'] + ['y']\n" + "setup(install_requires=a)\n" * 5_000,
    "null": "setup(name='x')\0",
    "long line": "setup(name='" + "x" * 900_000 + "')",
    "spaces": "print" + " " * 100_000 + "\n(" + "\nexcept " + " " * 100_000,
    "commas": "except " + "a, " * 100_000 + "(",
    "exec of itself": "exec(open('setup.py').read())\nsetup(name=b)",
    "import of itself": "import setup as s\nsetup(name=s.name, install_requires=s.needs)",
}


def declared(files):
    started = time.process_time()
    found = declaration_of(Tree(files), "3.11")
    assert time.process_time() - started < SECONDS
    assert isinstance(found, Declaration)
    return found


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_setup_py(text):
    found = declared({"setup.py": SETUP + text, "requirements.txt": "r\n"})
    assert "r" in found.requirements
    assert len(repr(found)) < 2_000_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "a = " + "{a=" * 50_000,
        "a." * 50_000 + "b = 1",
        "[a]\n" * 20_000,
        "=" * 900_000,
        "\0" * 100_000,
        "\ufffd" * 100_000,
        "[options]\ninstall_requires = " + ";" * 100_000,
        "[options]\ninstall_requires =" + "\n  (" * 100_000,
        "[testenv]\ndeps = " + "{" * 300_000 + "," * 300_000 + ": a",
        "-r requirements.txt\n" * 30_000,
        "\\\n" * 300_000,
        "a " * 400_000,
        " #" * 400_000,
        "a --" * 200_000,
        "(" * 100_000,
        "a[" * 100_000,
    ],
    ids=lambda text: repr(text[:12]),
)
@pytest.mark.parametrize(
    "path", ["pyproject.toml", "setup.cfg", "setup.py", "requirements.txt", "tox.ini", "noxfile.py"]
)
def test_any_hostile_file(path, text):
    declared({path: text})


SEEDS = {
    "setup.py": SETUP + "X = {'a': ['b']}\nX['c'] = [f'{v}>=1' for v in 'd e'.split()]\n"
    "def f(n='r'):\n    with open(n + '.txt') as g:\n        return g.read().splitlines()\n"
    "setup(name='x', install_requires=f() + ['a>=%s' % 1], extras_require=X, **dict(y=1))\n",
    "pyproject.toml": "[project]\nname = 'x'\ndependencies = ['a>=1', 'b; os_name == \"nt\"']\n"
    "[tool.poetry.dependencies]\npython = '^3.8'\nc = {version = '~1.2', extras = ['d']}\n"
    "[dependency-groups]\ntest = ['t', {include-group = 'dev'}]\ndev = ['u']\n",
    "setup.cfg": "[metadata]\nname = x\n[options]\ninstall_requires =\n    a>=1\n    b; x\n"
    "[options.extras_require]\ntest = file: r.txt\n",
    "requirements-test.txt": "-r r.txt\na==1 \\\n  --hash=sha256:00\n-e .[test]\n",
    "r.txt": "r>=1,<2; python_version < '3.9'\n",
    "tox.ini": "[testenv]\ndeps =\n    py{27,39}: a\n    -r r.txt\nextras = test\n",
    "noxfile.py": "def tests(session):\n    session.install('-r', 'r.txt', *X, 'a')\n",
}


def mutated(text, chance):
    """A text with pieces cut out, doubled, swapped with others, or replaced by odd characters."""
    for _ in range(chance.randrange(1, 6)):
        start, end = sorted(chance.choices(range(len(text) + 1), k=2))
        piece = text[start : start + min(end - start, 40)]
        odd = chance.choice("\0\n\r\t []{}()'\"\\#;:,=*%^~|@$\ufffd\ufeff0é") * chance.randrange(
            1, 4
        )
        new = chance.choice(["", piece * 2, piece[::-1], odd, chance.choice(list(SEEDS.values()))])
        text = text[:start] + new + text[start + len(piece) :]
    return text


@pytest.mark.parametrize("seed", range(40))
def test_random_mutations_of_honest_files_end_nothing(seed):
    chance = random.Random(seed)
    for _ in range(10):
        files = {p: mutated(t, chance) if chance.random() < 0.6 else t for p, t in SEEDS.items()}
        found = declared(files)
        assert all(text.isprintable() for text in found.unread)
