"""What of a memory's saved files has changed, and so is worth searching."""

from __future__ import annotations

from harness.memory.decoding import unwrapped
from harness.memory.effort import Effort
from seqswe.runs.snapshots import Files

MARGIN = 300
"""Bytes searched on both sides of a change, for secrets that straddle its edges."""
BLOCK = 1 << 12
NEAR, WIDE = 1 << 12, 1 << 22
"""Bytes of one encoded token that are searched with a change inside it."""
TOKEN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-"


def changed_parts(before: Files, after: Files, effort: Effort | None = None) -> dict[str, bytes]:
    """What of each file was changed, without the compression of whole files."""
    parts = {
        name: changed(unwrapped(before.get(name, b""), effort), unwrapped(content, effort))
        for name, content in after.items()
        if before.get(name) != content
    }
    return {name: part for name, part in parts.items() if part}


def changed(old: bytes, new: bytes) -> bytes:
    """Return what of `new` differs from `old`, from the first to the last difference.

    Of a long stretch, only blocks that differ in place: a database changes pages here and there.
    Each part is widened by MARGIN, and to the ends of what may be a token of base64 and the like.
    """
    if new == old:
        return b""
    start = _same(old, new)
    rest = min(len(old), len(new)) - start
    # Only what may differ is reversed: a state that has grown at its end costs nothing.
    end = len(new) - _same(old[len(old) - rest :][::-1], new[len(new) - rest :][::-1])
    spans = _blocks(old, new, start, end)
    return b"\n".join(
        new[_token_start(new, max(0, first - MARGIN)) : _token_end(new, last + MARGIN)]
        for first, last in spans
    )


def _blocks(old: bytes, new: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Where blocks of BLOCK bytes between `start` and `end` differ, neighbours as one span."""
    spans: list[tuple[int, int]] = []
    for at in range(start, max(end, start + 1), BLOCK):
        last = min(at + BLOCK, end)
        if old[at:last] == new[at:last] and last > at:
            continue
        if spans and at - spans[-1][1] <= 2 * MARGIN:
            spans[-1] = (spans[-1][0], last)
        else:
            spans.append((at, last))
    return spans


def _token_start(data: bytes, at: int) -> int:
    for width in (NEAR, WIDE):
        head = data[max(0, at - width) : at]
        start = at - len(head) + len(head.rstrip(TOKEN))
        if start > at - len(head):
            break
    return start


def _token_end(data: bytes, at: int) -> int:
    for width in (NEAR, WIDE):
        tail = data[at : at + width]
        end = at + len(tail) - len(tail.lstrip(TOKEN))
        if end < at + len(tail):
            break
    return end


def _same(a: bytes, b: bytes) -> int:
    """Count the bytes that both begin with."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[low:middle] == b[low:middle] else (low, middle - 1)
    return low
