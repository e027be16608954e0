"""Schemas of the answers that memories ask for, to which some endpoints hold a model.

Every field is required and no other allowed, which is what the strict modes of providers take.
Bounds keep a model that repeats itself from running into the end of its answer.
"""

from __future__ import annotations

from seqswe.models.structured import Schema

TEXT, ENTRIES, LINES = 400, 8, 8
"""Characters of a text; entries of a list of records; of a list of lines."""


def text() -> Schema:
    """A text of a few sentences."""
    return {"type": "string", "maxLength": TEXT}


def document() -> Schema:
    """A text of any length: a bound of thousands is more than some endpoints bear."""
    return {"type": "string"}


def one_of(*values: str) -> Schema:
    """One of these words."""
    return {"type": "string", "enum": list(values)}


def lines() -> Schema:
    """A short list of texts."""
    return {"type": "array", "items": text(), "maxItems": LINES}


def record(**fields: Schema) -> Schema:
    """An object with exactly these fields."""
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }


def texts(*names: str) -> Schema:
    """An object whose fields are texts."""
    return record(**{name: text() for name in names})


def many(entry: Schema, most: int = ENTRIES) -> Schema:
    """A list of at most so many entries."""
    return {"type": "array", "items": entry, "maxItems": most}


def either(*schemas: Schema) -> Schema:
    """What fits one of these schemas."""
    return {"anyOf": list(schemas)}
