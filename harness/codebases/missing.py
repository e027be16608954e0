"""Which distribution brings a module or a fixture that an environment lacks."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping

DISTRIBUTIONS: Mapping[str, str] = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cairo": "pycairo",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "flask_cors": "flask-cors",
    "fs": "fs",
    "git": "gitpython",
    "google.protobuf": "protobuf",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "ldap": "python-ldap",
    "lxml_html_clean": "lxml-html-clean",
    "magic": "python-magic",
    "MySQLdb": "mysqlclient",
    "nacl": "pynacl",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "pkg_resources": "setuptools",
    "psycopg2": "psycopg2-binary",
    "pytest_mock": "pytest-mock",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "socks": "pysocks",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
    "zope": "zope.interface",
}
"""Distributions that are not called as what they are imported by."""
FIXTURES: Mapping[str, str] = {
    "aiohttp_client": "pytest-aiohttp",
    "anyio_backend": "anyio",
    "benchmark": "pytest-benchmark",
    "class_mocker": "pytest-mock",
    "datadir": "pytest-datadir",
    "data_regression": "pytest-regressions",
    "event_loop": "pytest-asyncio",
    "faker": "faker",
    "file_regression": "pytest-regressions",
    "freezer": "pytest-freezer",
    "fs": "pyfakefs",
    "httpbin": "pytest-httpbin",
    "httpserver": "pytest-httpserver",
    "httpx_mock": "pytest-httpx",
    "loop": "pytest-aiohttp",
    "mocker": "pytest-mock",
    "mock": "pytest-mock",
    "module_mocker": "pytest-mock",
    "monkeypatch": "pytest",
    "nursery": "pytest-trio",
    "requests_mock": "requests-mock",
    "respx_mock": "respx",
    "session_mocker": "pytest-mock",
    "shared_datadir": "pytest-datadir",
    "snapshot": "syrupy",
    "subtests": "pytest-subtests",
    "testdir": "pytest",
    "tmp_path": "pytest",
    "unused_tcp_port": "pytest-asyncio",
}
"""Distributions by the fixtures that they bring."""
OF_A_PROJECT = ("tests", "test", "conftest")
"""Modules that are a project's own, whatever it is called."""

NAME = re.compile(r"[A-Za-z0-9](?:\w*[A-Za-z0-9])?", re.ASCII)
"""Modules that a distribution may be called as."""


def distributions_for(missing: Iterable[str], own: Iterable[str]) -> dict[str, str]:
    """What to install for `module x` and `fixture x`, by distribution, with the reason.

    own: names that the project itself is imported by; what is missing of it is its own affair,
    and so is what belongs to Python. A private module is no distribution's.
    """
    mine = {name.partition(".")[0] for name in own}
    found: dict[str, str] = {}
    for entry in missing:
        kind, _, name = entry.partition(" ")
        top = name.partition(".")[0]
        if kind == "fixture":
            distribution = FIXTURES.get(name, "")
        elif kind != "module" or top in {*mine, *sys.stdlib_module_names, *OF_A_PROJECT}:
            distribution = ""
        else:
            distribution = _known(name) or (_called(top) if NAME.fullmatch(top) else "")
        if distribution and distribution != "pytest":
            found.setdefault(distribution, entry)
    return found


def _known(module: str) -> str:
    """The table's entry for a module, or for the closest package around it."""
    while module and module not in DISTRIBUTIONS:
        module = module.rpartition(".")[0]
    return DISTRIBUTIONS.get(module, "")


def _called(module: str) -> str:
    return module.replace("_", "-").lower()
