"""The page for vendors: its folder of files passes the entrance test."""

import re
from pathlib import Path
from typing import ClassVar

import pytest

from seqswe.testing import MemoryContract

PAGE = Path(__file__).parents[2] / "docs" / "enter.md"
FOLDER = re.findall(r"(?ms)^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"))[0]


class TestFolder(MemoryContract):
    keeps_notes: ClassVar[bool] = False
    budget: ClassVar[str] = ""
    many: ClassVar[int] = 200

    @pytest.fixture(autouse=True)
    def of_the_page(self, tmp_path_factory, monkeypatch):
        place = tmp_path_factory.mktemp("page") / "folder.py"
        place.write_text(FOLDER)
        monkeypatch.setattr(type(self), "memory", f"{place}:Folder")
