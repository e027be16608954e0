"""Which older Python still has what code imports of the standard library and newer ones lack."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from harness.codebases.environment import PYTHONS

COLLECTIONS = """
    ByteString Callable Container Hashable ItemsView Iterable Iterator KeysView Mapping MappingView
    MutableMapping MutableSequence MutableSet Sequence Set Sized ValuesView
"""
LAST: Mapping[str, str] = {
    "3.7": """
        cgi.escape cgi.parse_qs cgi.parse_qsl macpath platform.dist platform.linux_distribution
        platform.popen time.clock
    """,
    "3.8": """
        _dummy_thread base64.decodestring base64.encodestring dummy_threading fractions.gcd
        plistlib.readPlist plistlib.readPlistFromBytes plistlib.writePlist sys.getcheckinterval
        sys.setcheckinterval
    """,
    "3.9": " ".join([f"collections.{name}" for name in COLLECTIONS.split()])
    + " formatter parser symbol",
    "3.10": "asyncio.coroutine binhex inspect.formatargspec inspect.getargspec",
    "3.11": """
        asynchat asyncore configparser.SafeConfigParser distutils imp locale.format
        pkgutil.ImpImporter smtpd ssl.match_hostname ssl.wrap_socket
    """,
    "3.12": """
        aifc audioop cgi cgitb chunk crypt imghdr lib2to3 locale.resetlocale mailcap nntplib pipes
        re.template sndhdr spwd sunau telnetlib unittest.findTestCases unittest.makeSuite uu xdrlib
    """,
}
"""Names of the standard library by the last Python that has them, as its "What's New" tells."""
LAST_WITH = {name: python for python, names in LAST.items() for name in names.split()}
GONE = re.compile(
    r"cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'"
    r"|module '(?P<of>[\w.]+)' has no attribute '(?P<attribute>\w+)'"
    r"|No module named '?(?P<whole>[\w.]+)'?"
)


def gone_names_in(log: str) -> tuple[str, ...]:
    """Names of the standard library of which a log says that they are not there, each once."""
    found = (
        m["whole"] or f"{m['module'] or m['of']}.{m['name'] or m['attribute']}"
        for m in GONE.finditer(log)
    )
    return tuple(dict.fromkeys(name for name in found if name in LAST_WITH))


def older_python_for(missing: Iterable[str], python: str) -> tuple[str, str]:
    """The newest Python before `python` that has each `name x` of `missing`, and the reason.

    Both are "" if none is missing, or if it is not for its age that `python` lacks them.
    """
    names = [m.removeprefix("name ") for m in missing if m.startswith("name ")]
    last = min((_number(LAST_WITH[name]) for name in names), default=())
    fit = [p for p in PYTHONS if _number(p) <= last and last < _number(python)]
    if not fit:
        return "", ""
    return fit[-1], f"Python {fit[-1]} is taken: {python} has no {', '.join(names)}"


def _number(python: str) -> tuple[int, ...]:
    return tuple(map(int, python.split(".")))
