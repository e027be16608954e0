"""Plug-ins by name: one resolver for every extension point, and what their packages bring.

Imports `errors` alone. Start at `resolver.py`; `packages.py` knows extras and licences.
"""

from seqswe.plugins.resolver import (
    KINDS,
    RECIPE,
    Kind,
    build,
    check,
    installed,
    is_known,
    options,
    parameters,
    plural,
    require,
    resolve,
)

__all__ = [
    "KINDS",
    "RECIPE",
    "Kind",
    "build",
    "check",
    "installed",
    "is_known",
    "options",
    "parameters",
    "plural",
    "require",
    "resolve",
]
