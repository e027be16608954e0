"""Outcome tables: what anybody's sequential run came to, a row for each task, arm and seed.

CSV (commas, semicolons or tabs), JSON lines, or Parquet with pyarrow. docs/formats.md says what
the columns hold.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from seqswe.errors import MissingError
from seqswe.manifests.read import BOM, damaged, is_there, parse_json, read_bytes
from seqswe.visible import one_line

REQUIRED = ("task", "position", "arm", "seed", "outcome")
AMOUNTS = ("cost", "tokens")
"""Columns that a table may have beside the required ones; any other is passed over."""
SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
DELIMITERS = ",;\t"
MAX_BYTES = 200_000_000
MAX_CELLS = 5_000_000
"""Tasks × arms × seeds."""
MAX_NAME = 200
"""Characters of a task's, an arm's or a seed's name."""
MAX_AMOUNT = 1e15
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
EXAMPLE = "task,position,arm,seed,outcome"
HEADER = f"The first line names the columns: {EXAMPLE}; cost and tokens may follow."
Column = NDArray[np.float64]
Key = tuple[str, str, str]
Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeTable:
    """A table as checked arrays: tasks in order of position down, seeds across.

    `arms` holds for each arm and column (`outcome`, `cost`, `tokens`) the values (tasks, seeds),
    NaN where the table has none. `outcome` lies in [0, 1], `cost` and `tokens` are zero or more.
    """

    name: str
    path: Path
    digest: str
    tasks: tuple[str, ...]
    seeds: Mapping[str, tuple[str, ...]]
    arms: Mapping[str, Mapping[str, Column]]
    passed_over: tuple[str, ...]
    """Columns that mean nothing here."""

    @property
    def binary(self) -> bool:
        """Whether every outcome is 0 or 1: resolved or not."""
        values = np.concatenate([arm["outcome"].ravel() for arm in self.arms.values()])
        return bool(np.isin(values[np.isfinite(values)], (0.0, 1.0)).all())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    where: str
    task: str
    position: int
    arm: str
    seed: str
    values: Mapping[str, float]


def is_table(path: Path) -> bool:
    """Whether a file's name says that it is an outcome table."""
    return path.suffix.lower() in SUFFIXES


def read_outcome_table(path: Path) -> OutcomeTable:
    """Read and check a table. Raises ManifestError for its faults, MissingError for pyarrow."""
    data = _bytes(path)
    columns, records = _records(path, data)
    rows = [_row(fields, where) for where, fields in records]
    if not rows:
        raise damaged(f"{path} holds no rows", f"Give a row for each task, arm and seed: {EXAMPLE}")
    return OutcomeTable(
        name=path.stem,
        path=path,
        digest=f"sha256:{sha256(data).hexdigest()}",
        passed_over=tuple(c for c in columns if c not in (*REQUIRED, *AMOUNTS)),
        **_arranged(path, rows),
    )


def _bytes(path: Path) -> bytes:
    if path.suffix.lower() not in SUFFIXES:
        raise damaged(
            f"{path} is no outcome table: its name ends in {path.suffix or 'nothing'!r:.20}",
            f"Give a file that ends in {', '.join(SUFFIXES)}.",
        )
    if is_there(path) and path.is_file() and path.stat().st_size > MAX_BYTES:
        raise damaged(
            f"{path} is larger than {MAX_BYTES:,} bytes",
            "Leave out columns that are not needed, or make a table for each stream of tasks.",
        )
    data = read_bytes(path, MAX_BYTES, f"Give an outcome table: {EXAMPLE}")
    if not data.strip():
        raise damaged(f"{path} is empty", HEADER)
    return data


def _records(path: Path, data: bytes) -> tuple[list[str], Iterator[tuple[str, Fields]]]:
    """The names of the columns, and each row's fields with the place where it stands."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _of_parquet(path, data)
    if suffix in (".jsonl", ".ndjson"):
        return _of_json_lines(path, data)
    return _of_csv(path, data)


def _of_csv(path: Path, data: bytes) -> tuple[list[str], Iterator[tuple[str, Fields]]]:
    text = _text(path, data)
    first = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines = _parsed(path, reader)
    header = [name.strip().lower() for name in next(lines, ("", []))[1]]
    _check_columns(path, header)
    return header, _fields(lines, header)


def _text(path: Path, data: bytes) -> str:
    # A spreadsheet puts a byte order mark before UTF-8; what follows it is sound.
    try:
        return data.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        kind = "UTF-16" if data.startswith(UTF_16) else f"not UTF-8 (byte {error.start})"
        raise damaged(f"{path} is {kind}", "Save it as CSV in UTF-8.") from None


def _parsed(path: Path, reader: Any) -> Iterator[tuple[str, list[str]]]:
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise damaged(
                f"{path}, line {reader.line_num}: no CSV: {error}", "Correct it."
            ) from None
        if any(cell.strip() for cell in cells):
            yield f"{path}, line {reader.line_num}", cells


def _fields(
    lines: Iterable[tuple[str, list[str]]], header: list[str]
) -> Iterator[tuple[str, Fields]]:
    for where, cells in lines:
        if len(cells) != len(header):
            raise damaged(
                f"{where}: {len(cells)} cells, and the first line names {len(header)} columns",
                'Put quotation marks around a cell that holds a separator: "a,b".',
            )
        yield where, dict(zip(header, cells, strict=True))


def _of_json_lines(path: Path, data: bytes) -> tuple[list[str], Iterator[tuple[str, Fields]]]:
    hint = 'Write an object a line: {"task": "a", "position": 1, "arm": "iid", …}'
    records = []
    for number, line in enumerate(data.removeprefix(BOM).splitlines(), 1):
        if line.strip():
            where = f"{path}, line {number}"
            value = parse_json(line, where, hint)
            if not isinstance(value, dict):
                raise damaged(f"{where}: not an object", hint)
            records.append((where, {str(k).strip().lower(): v for k, v in value.items()}))
    columns = list(dict.fromkeys(name for _, fields in records for name in fields))
    _check_columns(path, columns)
    return columns, iter(records)


def _of_parquet(path: Path, data: bytes) -> tuple[list[str], Iterator[tuple[str, Fields]]]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingError(
            f"reading {path.name} needs pyarrow", "pip install 'seqswe[parquet]', or give CSV."
        ) from None
    try:
        table = parquet.read_table(io.BytesIO(data))
    except (pyarrow.ArrowException, OSError) as error:
        raise damaged(
            f"{path}: not Parquet: {one_line(str(error), 120)}", "Write it anew."
        ) from None
    columns = [str(name).strip().lower() for name in table.column_names]
    _check_columns(path, columns)
    kept = [i for i, name in enumerate(columns) if name in (*REQUIRED, *AMOUNTS)]
    lists = {columns[i]: table.column(i).to_pylist() for i in kept}
    rows = zip(*lists.values(), strict=True)
    return columns, (
        (f"{path}, row {number}", dict(zip(lists, row, strict=True)))
        for number, row in enumerate(rows, 1)
    )


def _check_columns(path: Path, columns: list[str]) -> None:
    twice = [name for name in dict.fromkeys(columns) if columns.count(name) > 1 and name]
    if twice:
        raise damaged(f"{path}: the column {twice[0]!r:.80} stands twice", "Leave one out.")
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        has = one_line(", ".join(columns), 120)
        raise damaged(f"{path}: no column {', '.join(missing)} (it has {has})", HEADER)


def _row(fields: Fields, where: str) -> _Row:
    values = {"outcome": _number(fields, "outcome", where)}
    for name in AMOUNTS:
        values[name] = _number(fields, name, where)
    _check_range(values, where)
    return _Row(
        where=where,
        task=_name(fields, "task", where),
        position=_position(fields, where),
        arm=_name(fields, "arm", where),
        seed=_name(fields, "seed", where),
        values=values,
    )


def _name(fields: Fields, column: str, where: str) -> str:
    value = fields.get(column)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None or isinstance(value, bool | float) else str(value).strip()
    if not text or len(text) > MAX_NAME:
        raise damaged(
            f"{where}: {column} must be a name of 1 to {MAX_NAME} characters, not {value!r:.60}",
            "Correct it.",
        )
    return text


def _position(fields: Fields, where: str) -> int:
    value = fields.get("position")
    try:
        number = float(value) if isinstance(value, int | float | str) else -1.0
    except ValueError:
        number = -1.0
    if isinstance(value, bool) or not 0 <= number <= 1e9 or not number.is_integer():
        raise damaged(
            f"{where}: position must be a whole number from 0, not {value!r:.60}",
            "Number the tasks in the order in which they were worked on, alike in all arms.",
        )
    return int(number)


def _number(fields: Fields, column: str, where: str) -> float:
    """A number; NaN for an empty cell, which is a rollout without a result."""
    value = fields.get(column)
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return float("nan")
        value = {"true": True, "false": False}.get(text.lower(), text)
    if value is None:
        return float("nan")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        _not_a_number(value, column, where)
    if not isfinite(number):
        raise damaged(
            f"{where}: {column} is {number}", "Leave the cell empty where there is no result."
        )
    return number


def _not_a_number(value: Any, column: str, where: str) -> NoReturn:
    comma = isinstance(value, str) and "," in value
    raise damaged(
        f"{where}: {column} is no number: {value!r:.60}",
        "Write a point in place of the comma: 0.5."
        if comma
        else "Give a number, or true or false.",
    )


def _check_range(values: Mapping[str, float], where: str) -> None:
    outcome = values["outcome"]
    # NaN, an empty cell, is neither.
    if outcome < 0.0 or outcome > 1.0:
        raise damaged(
            f"{where}: outcome {outcome:g} lies outside 0 to 1",
            "Give 1 for resolved and 0 for not, or a score divided by its largest possible value.",
        )
    for name in AMOUNTS:
        if values[name] < 0.0 or values[name] > MAX_AMOUNT:
            raise damaged(
                f"{where}: {name} {values[name]:g} lies outside 0 to {MAX_AMOUNT:g}", "Correct it."
            )


def _arranged(path: Path, rows: list[_Row]) -> dict[str, Any]:
    """Tasks, seeds and arms of the rows, each row in its own cell."""
    places = _places(rows)
    tasks = tuple(sorted(places, key=lambda task: places[task][0]))
    if len(tasks) < 2:
        raise damaged(f"{path} holds one task only", "A stream needs two tasks or more.")
    seeds: dict[str, set[str]] = {}
    for row in rows:
        seeds.setdefault(row.arm, set()).add(row.seed)
    if len(tasks) * sum(map(len, seeds.values())) > MAX_CELLS:
        raise damaged(
            f"{path}: {len(tasks):,} tasks and {sum(map(len, seeds.values())):,} runs are more "
            f"than {MAX_CELLS:,} cells",
            "Make a table for each stream of tasks; `seed` numbers the repetitions of an arm.",
        )
    ordered = {arm: tuple(sorted(names, key=_seed_order)) for arm, names in seeds.items()}
    return {"tasks": tasks, "seeds": ordered, "arms": _filled(rows, tasks, ordered)}


def _places(rows: Iterable[_Row]) -> dict[str, tuple[int, str]]:
    """Position and first mention of each task. Raises ManifestError where rows disagree."""
    places: dict[str, tuple[int, str]] = {}
    tasks: dict[int, str] = {}
    for row in rows:
        position, _ = places.setdefault(row.task, (row.position, row.where))
        if position != row.position:
            raise damaged(
                f"{row.where}: task {row.task!r:.60} stands at position {row.position}, "
                f"and at {position} in another row",
                "A task has one position, the same in every arm and seed.",
            )
        other = tasks.setdefault(row.position, row.task)
        if other != row.task:
            raise damaged(
                f"{row.where}: the tasks {other!r:.60} and {row.task!r:.60} both stand at "
                f"position {row.position}",
                "Give every task a position of its own.",
            )
    return places


def _filled(
    rows: Iterable[_Row], tasks: tuple[str, ...], seeds: Mapping[str, tuple[str, ...]]
) -> dict[str, dict[str, Column]]:
    down = {task: place for place, task in enumerate(tasks)}
    across = {arm: {seed: i for i, seed in enumerate(names)} for arm, names in seeds.items()}
    arms = {
        arm: {name: np.full((len(tasks), len(names)), np.nan) for name in ("outcome", *AMOUNTS)}
        for arm, names in seeds.items()
    }
    seen: dict[Key, str] = {}
    for row in rows:
        key = (row.task, row.arm, row.seed)
        if (first := seen.setdefault(key, row.where)) != row.where:
            raise damaged(
                f"{row.where}: task {row.task!r:.40}, arm {row.arm!r:.40}, seed {row.seed!r:.20} "
                f"stands in {first.rpartition(', ')[2]} too",
                "Leave one out, or give repetitions seeds of their own.",
            )
        place = down[row.task], across[row.arm][row.seed]
        for name, value in row.values.items():
            arms[row.arm][name][place] = value
    return arms


def _seed_order(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isascii() and name.isdigit() else (1 << 62, name)
