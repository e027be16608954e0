"""The texts that saved bytes may stand for: as they are, and what common encodings in them hide.

`readings` undoes encodings again and again, to a depth of DEPTH. Read are UTF-8, UTF-16 and
UTF-32; base64 (both alphabets), base32, base85, hex; escapes of URLs, of HTML, of mail (quoted
printable) and octal ones; lists of code points, decimal, hexadecimal and binary; literals of bytes;
gzip, zlib, deflate, bz2, xz, lzma and zip; and values that stand apart in a list or under one key.
Reversed text and shifted letters need no decoding: see `secret_index`.

All is bounded by size first, so that the same state gives the same result on any machine, and then
by processor time. What reaches a bound is refused: half a search would find nothing, and say so.
"""

from __future__ import annotations

import base64
import bz2
import html
import io
import lzma
import quopri
import re
import zipfile
import zlib
from ast import literal_eval
from codecs import decode
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from string import printable
from urllib.parse import unquote

from harness.memory.effort import Effort
from harness.memory.secret import unescaped
from seqswe.errors import RolloutError

DEPTH = 5
"""Encodings within each other that are undone."""
MOST = 1 << 25
"""Bytes that what is encoded in one state may come to; beyond, it cannot be audited."""
MEMORY = 1 << 27
"""Bytes that a decompressor may take beside what comes out of it, as of xz -9."""
PLAIN = 1 << 28
"""Bytes that are searched as they are; beyond, they cannot be audited."""
PIECE = 120
"""Characters of a value that may be a piece of a line."""
TOKEN = re.compile(r"[A-Za-z0-9+/_-]{26,}={0,6}")
HEX = re.compile(r"(?:[0-9a-fA-F]{2}){20,}")
BASE32 = re.compile(r"[A-Z2-7]{32,}|[a-z2-7]{32,}")
BASE85 = re.compile(r"[0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]{25,}")
BETWEEN = re.compile(r"""[\s"',]{1,8}""")
"""What may part the lines of one token."""
NUMBER = re.compile(r"[0-9](?<![\w.].)(?:(?<=0)x[0-9a-fA-F]{1,6}|[0-9]{0,7})(?![\w.])")
HEX_PAIRS = re.compile(r"(?<!\w)(?:(?:0x)?[0-9a-fA-F]{2}[\s,:;-]{1,2}){20,}[0-9a-fA-F]{0,2}")
OCTAL = re.compile(r"(?<!\\)\\++([0-3][0-7]{2})")
VALUE = re.compile(
    rf"""[:=]\s*+(?:"((?:[^"\\]|\\.){{1,{PIECE}}}+)"|'((?:[^'\\]|\\.){{1,{PIECE}}}+)'"""
    r"""|(\d{1,7}+)(?![\w.]))"""
)
KEY = re.compile(r"""([\w.-]+)["']?\s*\Z""")
LONGEST_KEY = 44
COMMA = re.compile(r"""(["'])\s*,\s*\1""")
BYTES = re.compile(r"""\bb("(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+')""")
MAGIC = re.compile(
    rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]|BZh[1-9]1AY|\xfd7zXZ\x00|\x5d\x00\x00|PK\x03\x04"
)
TEXT = printable.encode() + b"\0"
ROT13 = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "NOPQRSTUVWXYZABCDEFGHIJKLMnopqrstuvwxyzabcdefghijklm",
)
WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")

Decoder = Callable[[str], Iterable[str | bytes]]


class Joined(str):
    """Pieces that stand apart, put together.

    Letters that run on across a seam say nothing: a function's name and what stands under the next
    key spell many a line. With its signs a line in pieces is one.
    """


def readings(data: bytes | str, most: int = MOST, effort: Effort | None = None) -> Iterator[str]:
    """Every text that `data` may stand for, itself first, each once.

    Raises RolloutError("memory_failed") when what is encoded in it is more than `most` bytes, when
    it is more than PLAIN bytes itself, and when the effort is used up.
    """
    effort = effort or Effort()
    if len(data) > PLAIN:
        raise too_much(PLAIN)
    # The least depth at which each piece was come upon.
    lowest: dict[tuple[type, bytes | str], int] = {}
    waiting: list[tuple[bytes | str, int, bool]] = []

    def put(piece: bytes | str, depth: int) -> bool:
        """Have a piece searched; whether it is a new one."""
        key = type(piece), piece
        is_new = key not in lowest
        if is_new or depth < lowest[key]:
            lowest[key] = depth
            waiting.append((piece, depth, is_new))
        return is_new

    put(data, 0)
    while waiting:
        piece, depth, is_new = waiting.pop()
        if isinstance(piece, bytes):
            for text in as_text(piece):
                put(text, depth)
        elif is_new:
            yield piece
        for inner in _within(piece, effort) if depth < DEPTH else ():
            # Counted as it is made: a bomb is more than fits into memory.
            most -= len(inner) if put(inner, depth + 1) else 0
            if most < 0:
                raise too_much(MOST)
            effort.check()


def _within(piece: bytes | str, effort: Effort) -> Iterator[bytes | str]:
    """What is encoded in a text, or compressed in bytes."""
    if isinstance(piece, bytes):
        yield from unpacked(piece, effort)
        return
    for decoder in DECODERS:
        effort.check()
        yield from decoder(piece)


def too_much(most: int) -> RolloutError:
    """The failure of a memory of which more than `most` bytes would have to be searched."""
    what = f"the memory holds more than {most >> 20} MB, decoded: too much to search"
    return RolloutError("memory_failed", what)


def as_text(data: bytes) -> Iterator[str]:
    """Bytes as UTF-8 and, where every other one is 0, as UTF-16 and UTF-32."""
    yield data.decode("utf-8", "replace")
    if data.count(0) * 5 > len(data):
        yield from (data[start:].decode(codec, "replace") for codec in WIDE for start in (0, 1))


def unpacked(data: bytes, effort: Effort) -> Iterator[bytes]:
    """What compressed bytes within `data` hold.

    Raises RolloutError("memory_failed") for what takes more memory than MOST.
    """
    zipped = False
    for match in MAGIC.finditer(data):
        effort.check()
        if match.group() != b"PK\x03\x04":
            yield from filter(None, [_inflated(memoryview(data)[match.start() :])])
        elif not zipped:  # its other members begin in the same way
            zipped = True
            yield from _zipped(data[match.start() :])


def unwrapped(data: bytes, effort: Effort | None = None) -> bytes:
    """The content of a file that is compressed as a whole; any other as it is."""
    effort = effort or Effort()
    for _ in range(DEPTH):
        inner = bytearray()
        for part in unpacked(data, effort) if MAGIC.match(data) else ():
            inner += part
            if len(inner) > MOST:
                raise too_much(MOST)
        if not inner:
            break
        data = bytes(inner)
    return data


def _inflated(data: memoryview) -> bytes:
    """What a compressed stream holds, also if it is cut off; b"" if it is none."""
    made: dict[bytes, Callable[[], object]] = {
        b"\x1f": lambda: zlib.decompressobj(47),
        b"\x78": lambda: zlib.decompressobj(47),
        b"B": bz2.BZ2Decompressor,
        b"\xfd": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY),
        b"\x5d": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=MEMORY),
    }
    return _all_of(made[bytes(data[:1])](), data)


def _all_of(stream: object, data: memoryview) -> bytes:
    found = b""
    with suppress(zlib.error, OSError, ValueError, EOFError):
        try:
            found = stream.decompress(data, MOST + 1)  # type: ignore[attr-defined]
        except lzma.LZMAError as error:
            if "emory usage limit" in str(error):
                raise too_much(MEMORY) from None
    return found


def _zipped(data: bytes) -> Iterator[bytes]:
    broken = (zipfile.BadZipFile, OSError, ValueError, RuntimeError, zlib.error, EOFError)
    with suppress(*broken), zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            if member.file_size > MOST:
                raise too_much(MOST)
            content = b""
            with suppress(*broken, lzma.LZMAError):  # the others may be sound
                content = archive.read(member)
            yield content


def _escapes(text: str) -> Iterator[str | bytes]:
    """URL, HTML, mail and octal escapes, where there are any; a seam stays one."""
    kind = type(text)
    if "%" in text:
        yield kind(unquote(text))
    if "&" in text:
        yield kind(html.unescape(text))
    if "=3D" in text or "=20" in text or "=0A" in text:
        data = quopri.decodestring(text.encode())
        if kind is Joined:
            yield Joined(data.decode("utf-8", "replace"))
        if kind is str or MAGIC.search(data):
            yield data
    if len(OCTAL.findall(text)) > 2:
        yield kind(OCTAL.sub(lambda match: chr(int(match[1], 8)), text))


def _literals(text: str) -> Iterator[str | bytes]:
    r"""Bytes as Python writes them, and text that stands for bytes (\u001f\u008b in JSON)."""
    for match in BYTES.finditer(text) if "\\x" in text else ():
        with suppress(ValueError, SyntaxError):
            value = literal_eval(match.group())
            yield value
    if any(start in text for start in ("\x1f\x8b", "x\x9c", "x\xda", "\xfd7zXZ")):
        yield text.encode("latin-1", "ignore")
    elif "\\u00" in text:
        with suppress(ValueError):
            yield decode(text.encode("latin-1", "ignore"), "unicode_escape")


def _tokens(text: str) -> Iterator[str | bytes]:
    """What tokens in base64, base32, base85 and hex hold, also if they are broken into lines."""
    text = unescaped(text).replace("\\/", "/")
    lines: list[str] = []
    end = 0
    for match in TOKEN.finditer(text):
        if lines and not BETWEEN.fullmatch(text, end, match.start()):
            yield from _of_token("".join(lines))
            lines = []
        lines.append(match.group())
        end = match.end()
    yield from _of_token("".join(lines))
    for match in HEX_PAIRS.finditer(text):
        digits = re.sub(r"0x|[\s,:;-]", "", match.group())
        yield from _telling([bytes.fromhex(digits[: len(digits) // 2 * 2])])
    for token in BASE85.findall(text):
        with suppress(ValueError):
            yield from _telling([base64.b85decode(token)])


def _of_token(token: str) -> Iterator[bytes]:
    token = token.strip("=")
    # Text has capitals and small letters in base64; the names and paths of ordinary text have not.
    mixed = token.lower() != token != token.upper()
    if not (mixed or HEX.fullmatch(token) or BASE32.fullmatch(token)):
        return
    for form in (token, token[::-1], token.swapcase(), token.translate(ROT13)):
        if HEX.fullmatch(form):
            yield from _telling([bytes.fromhex(form)])
        if BASE32.fullmatch(form):
            with suppress(ValueError):
                yield from _telling([base64.b32decode(form.upper() + "=" * (-len(form) % 8))])
        if mixed:
            digits = form.replace("-", "+").replace("_", "/").replace("=", "")
            # Whatever stands before it may look like a part of the token.
            yield from _telling(_of_base64(digits[start:]) for start in range(4))


def _of_base64(digits: str) -> bytes:
    whole = digits[:-1] if len(digits) % 4 == 1 else digits
    return base64.b64decode(whole + "=" * (-len(whole) % 4))


def _telling(decoded: Iterable[bytes]) -> Iterator[bytes]:
    """Those that are text or compressed: what is decoded by mistake is neither."""
    for data in decoded:
        strange = len(data.translate(None, TEXT))
        if strange * 10 <= len(data) or MAGIC.search(data) or _is_utf8(data):
            yield data


def _is_utf8(data: bytes) -> bool:
    try:
        data[:-3].decode()
    except UnicodeDecodeError as error:
        return error.start > len(data) - 8 > 8
    return True


def _numbers(text: str) -> Iterator[str]:
    """Numbers of a text as the characters that they are the codes of."""
    yield _characters(NUMBER.findall(text))


def _characters(numbers: Iterable[str]) -> str:
    codes = map(_code, numbers)
    return "".join(chr(code) for code in codes if 32 <= code < 0xD800 or 0xE000 <= code <= 0x10FFFF)


def _code(number: str) -> int:
    if number.startswith("0x"):
        return int(number, 16)
    return int(number, 2 if len(number) == 8 and not number.strip("01") else 10)


def _values(text: str) -> Iterator[str]:
    """Short values of one key, and of all keys, one after the other."""
    values: dict[str, list[str]] = defaultdict(list)
    for match in VALUE.finditer(text):
        start = match.start()
        key = KEY.search(text, max(0, start - LONGEST_KEY), start)
        value = match[1] or match[2] or _characters([match[3]])
        values[key[1] if key else ""].append(value)
        values[""].append(value)
    for pieces in values.values():
        if len(pieces) > 1:
            yield Joined(unescaped("".join(pieces)))


def _lists(text: str) -> Iterator[str]:
    """Short quoted texts with nothing but commas between them, one after the other."""
    parts = COMMA.split(text)
    texts, quotes = parts[::2], parts[1::2]
    pieces: list[str] = []
    for quote, part, before in zip(quotes, texts[1:], texts[:-1], strict=True):
        head, *rest = part.split(quote, 1)
        if not pieces:
            pieces.append(before.rpartition(quote)[2])
        pieces.append(head)
        if rest:
            yield from _joined(pieces)
            pieces = []
    yield from _joined(pieces)


def _joined(pieces: list[str]) -> Iterator[str]:
    if len(pieces) > 2 and max(map(len, pieces)) <= PIECE:
        yield Joined(unescaped("".join(pieces)))


DECODERS: tuple[Decoder, ...] = (_escapes, _literals, _tokens, _numbers, _values, _lists)
