"""Plug-ins by name: one resolver for every extension point, and what their packages bring.

Imports `errors` alone. Start at `resolver.py`; `packages.py` knows extras and licences, `places.py`
files and modules that nobody registered, `sources.py` their files by digest.
"""

from seqswe.plugins.places import make_importable, without_folder
from seqswe.plugins.resolver import (
    KINDS,
    RECIPE,
    Kind,
    build,
    check,
    files_of,
    installed,
    is_known,
    options,
    parameters,
    plural,
    require,
    resolve,
)
from seqswe.plugins.sources import sources

__all__ = [
    "KINDS",
    "RECIPE",
    "Kind",
    "build",
    "check",
    "files_of",
    "installed",
    "is_known",
    "make_importable",
    "options",
    "parameters",
    "plural",
    "require",
    "resolve",
    "sources",
    "without_folder",
]
