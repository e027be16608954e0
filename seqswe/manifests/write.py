"""Files that are written whole or not at all, whenever the process is killed."""

from __future__ import annotations

import os
from pathlib import Path
from threading import get_ident


def write_whole(path: Path, data: bytes | str) -> None:
    """Put a file in its place, or what it held before stays; a text is written as UTF-8.

    Its folder is made if there is none. Two writers never meet: the one that ends last stays.
    Not synced to the disk: what must outlive a loss of power is not for this. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}")
    partial.write_bytes(data if isinstance(data, bytes) else data.encode())
    partial.replace(path)
