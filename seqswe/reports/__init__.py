"""Reports: an analysis in, one file's bytes out.

Imports `analysis` and `comparison`; register more under `seqswe.report`. Start at `html.py`;
`tables.py` and `charts.py` are what the formats have in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from seqswe.analysis import Analysis


@runtime_checkable
class Report(Protocol):
    """Writes an analysis down in one format. Built as `Factory()`; `seqswe.report` registers it."""

    @property
    def suffix(self) -> str:
        """What the file's name ends with, dot included: `.html`."""
        ...

    def render(self, analysis: Analysis) -> bytes:
        """The whole file. Text that comes from runs must be escaped: it is not trusted."""
        ...
