"""A file that is written whole: what it held before stays until then."""

from pathlib import Path

import pytest

from seqswe.manifests.write import write_whole


def test_its_folder_is_made_and_a_text_is_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "new" / "text.json"
    write_whole(path, "grün")
    assert path.read_bytes() == "grün".encode()
    write_whole(path, b"\xff")
    assert path.read_bytes() == b"\xff"
    assert list(path.parent.iterdir()) == [path], "nothing is left beside it"


def test_what_cannot_be_written_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "text.json"
    write_whole(path, "before")

    def half(partial: Path, data: bytes) -> int:
        with partial.open("wb") as out:
            out.write(data[:3])
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OSError, match="no space"):
        write_whole(path, "after")
    assert path.read_text() == "before"
