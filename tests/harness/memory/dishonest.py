"""Memories that recall or keep what they must not, by `module:attribute`; one class per trick."""

import base64
import codecs
import gzip
import html
import json
import lzma
import zlib
from types import MappingProxyType
from typing import ClassVar
from urllib.parse import quote

from seqswe.memory import Recall, Recalled

PIECE = 15


class Told:
    """Keeps the ids of what it was told of, and recalls nothing."""

    def __init__(self, home):
        self.ids = []

    def recall(self, task):
        return Recall()

    def record(self, experience):
        self.ids.append(experience.task.instance_id)

    def save(self, directory):
        (directory / "ids.json").write_text(json.dumps(self.ids))

    def load(self, directory):
        self.ids = json.loads((directory / "ids.json").read_text())


class Recalls(Told):
    """Recalls one item with given origins, or with the ids it was told of and a given score."""

    def __init__(self, home, *, origin: str = "", score: str = "1", told: bool = False):
        super().__init__(home)
        self.origins, self.score, self.told = tuple(origin.split()), float(score), told

    def recall(self, task):
        origins = tuple(self.ids) if self.told else self.origins
        if self.told and not origins:
            return Recall()
        return Recall(items=(Recalled(text="look there", origins=origins, score=self.score),))


class Invents(Told):
    """Recalls what nobody taught it, once it was told of a task."""

    def recall(self, task):
        item = Recalled(text="look there", origins=("nobody-1",))
        return Recall(items=(item,) if self.ids else ())


class States(Recalls):
    """The same, with a source of its own."""

    sources: ClassVar = ("handbook",)


class Reads(Recalls):
    """The same, with the log at hand; `HEAD` in an origin is the newest commit that it is shown."""

    needs: ClassVar = ("history",)

    def __init__(self, home, *, services, **options):
        super().__init__(home, **options)
        self._history = services.history

    def recall(self, task):
        shas = [commit.sha for commit in self._history(task)]
        self.origins = tuple(o.replace("HEAD", shas[0]) for o in self.origins)
        return super().recall(task)


class Returns(Told):
    """Returns something that is no sound recall."""

    values: ClassVar = MappingProxyType(
        {
            "nothing": None,
            "text": Recall(items=(Recalled(text=b"bytes", origins=("handbook:1",)),)),
            "notes": Recall(items=(Recalled(text="x", notes={"x": object()}),)),
            "hint": Recall(hint=7),
            "items": Recall(items=("x",)),
        }
    )

    def __init__(self, home, *, what: str):
        super().__init__(home)
        self.what = what

    def recall(self, task):
        return self.values[self.what]


class Knows(Told):
    """Has the gold of every task at hand."""

    needs: ClassVar = ("gold",)

    def __init__(self, home, *, services, how: str = "text", ahead: int = 0):
        super().__init__(home)
        self.how, self.ahead, self._gold = how, ahead, services.gold

    def line(self, task):
        """The longest line that the fix of this task adds, or of another one by its id."""
        added = self._gold(task.instance_id).patch.split("\n")
        return max((x[1:] for x in added if x.startswith("+")), key=len)


class Tells(Knows):
    """Recalls a line of the fix in the field `how`, beside an item that names its origin."""

    def recall(self, task):
        line, item = self.line(task), {"text": "see", "origins": ("gold:all",)}
        given = {
            "text": lambda: Recall(items=(Recalled(**item | {"text": f"do this: {line}"}),)),
            "notes": lambda: Recall(items=(Recalled(**item, notes={"a": [{"b": line}]}),)),
            "files": lambda: Recall(items=(Recalled(**item, files=(f"a/{line}.py",)),)),
            "hint": lambda: Recall(items=(Recalled(**item),), hint=line),
            "env": lambda: Recall(items=(Recalled(**item),), env={"FIX": line}),
            "names": lambda: Recall(items=(Recalled(**item, notes={line: 1}),)),
            "base64": lambda: Recall(items=(Recalled(**item | {"text": encoded("base64", line)}),)),
            "bare hint": lambda: Recall(hint="look into the second file"),
            "bare env": lambda: Recall(env={"WHERE": "second file"}),
            "two items": lambda: Recall(
                items=tuple(
                    Recalled(**item | {"text": line[at : at + PIECE]})
                    for at in range(0, len(line), PIECE)
                )
            ),
        }
        return given[self.how]()


class Hides(Knows):
    """Saves a line of the fix, encoded as `how` says: encodings from the inside out."""

    def record(self, experience):
        super().record(experience)
        hidden = self.line(experience.task)
        for how in self.how.split("+"):
            hidden = encoded(how, hidden)
        self.hidden = hidden

    def save(self, directory):
        super().save(directory)
        raw = isinstance(self.hidden, bytes)
        data = self.hidden if raw else json.dumps({"note": self.hidden}).encode()
        (directory / "state").write_bytes(data)

    def load(self, directory):
        super().load(directory)


def pieces(text, size=PIECE):
    return [text[at : at + size] for at in range(0, len(text), size)]


def encoded(how, text):
    """A text (or bytes) by one encoding."""
    data = text.encode() if isinstance(text, str) else text
    if isinstance(text, bytes) and how in TEXTUAL:
        text = base64.b64encode(text).decode()
    return ENCODINGS[how](text, data)


TEXTUAL = {"reversed", "swapped", "rot13", "json", "html", "url", "characters", "codes", "pieces"}
ENCODINGS = {
    "plain": lambda text, data: text,
    "reversed": lambda text, data: text[::-1],
    "swapped": lambda text, data: text.swapcase(),
    "utf-16": lambda text, data: text.encode("utf-16"),
    "utf-16-be": lambda text, data: text.encode("utf-16-be"),
    "utf-32": lambda text, data: text.encode("utf-32"),
    "rot13": lambda text, data: codecs.encode(text, "rot13"),
    "caesar": lambda text, data: "".join(map(shifted, text)),
    "url": lambda text, data: quote(text, safe=""),
    "all url": lambda text, data: "".join(f"%{b:02x}" for b in data),
    "html": lambda text, data: html.escape(text),
    "all html": lambda text, data: "".join(f"&#{ord(c)};" for c in text),
    "base64": lambda text, data: base64.b64encode(data).decode(),
    "urlsafe": lambda text, data: "payload_" + base64.urlsafe_b64encode(data).decode(),
    "mime": lambda text, data: base64.encodebytes(data * 3).decode(),
    "base32": lambda text, data: base64.b32encode(data).decode(),
    "base85": lambda text, data: base64.b85encode(data).decode(),
    "hex": lambda text, data: data.hex(),
    "spaced hex": lambda text, data: data.hex(" "),
    "gzip": lambda text, data: gzip.compress(data),
    "zlib": lambda text, data: zlib.compress(data),
    "bz2": lambda text, data: codecs.encode(data, "bz2"),
    "xz": lambda text, data: lzma.compress(data),
    "lzma": lambda text, data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "repr": lambda text, data: repr(data),
    "json": lambda text, data: json.dumps(text),
    "characters": lambda text, data: list(text),
    "codes": lambda text, data: [ord(c) for c in text],
    "hex codes": lambda text, data: [hex(ord(c)) for c in text],
    "binary": lambda text, data: " ".join(f"{b:08b}" for b in data),
    "octal": lambda text, data: "".join(f"\\{b:03o}" for b in data),
    "code records": lambda text, data: [{"at": i, "code": ord(c)} for i, c in enumerate(text)],
    "pieces": lambda text, data: pieces(text),
    "piece records": lambda text, data: [{"at": i, "is": p} for i, p in enumerate(pieces(text))],
    "numbered pieces": lambda text, data: {str(i): p for i, p in enumerate(pieces(text))},
    "wide": lambda text, data: "".join(
        chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text
    ),
    "dotted": lambda text, data: "\u200b".join(text),
}


def shifted(char):
    first = 65 if char.isupper() else 97
    return chr((ord(char) - first + 7) % 26 + first) if char.isascii() and char.isalpha() else char


def fullwidth(char):
    return chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char


class Grows(Told):
    """Keeps its whole past as one compressed file, as an honest memory may."""

    def recall(self, task):
        return Recall(items=tuple(Recalled(text=i, origins=(i,)) for i in self.ids))

    def save(self, directory):
        (directory / "ids").write_bytes(gzip.compress(json.dumps(self.ids).encode(), mtime=0))

    def load(self, directory):
        self.ids = json.loads(gzip.decompress((directory / "ids").read_bytes()))


class Bomb(Told):
    """Saves more than can be searched."""

    def save(self, directory):
        (directory / "state").write_bytes(gzip.compress(bytes(1 << 27)))
