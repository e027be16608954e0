"""What a project says it needs, read from its files at a commit; nothing of it is executed.

Imports `history` for the files. Start at `read.py`, which asks every reader: `pyproject.py`,
`setup_files.py`, `requirement_files.py` and `runners.py` (tox and nox).
"""

from harness.codebases.declarations.read import Declaration, declaration_of
from harness.codebases.declarations.remember import Remembered

__all__ = ["Declaration", "Remembered", "declaration_of"]
