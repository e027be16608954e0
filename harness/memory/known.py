"""What a memory may know: what it was told, what it held before, and what anybody can read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from typing import Any

from harness.memory.decoding import readings, unwrapped
from harness.memory.secret import LEAST_NAME, Secret, plain, squeezed
from harness.memory.secret_index import GRAM
from seqswe.experiment import Feedback
from seqswe.memory import Experience
from seqswe.runs.feedback import RELEASED
from seqswe.runs.snapshots import Files

LABEL = 8
"""Letters that a memory may set beside what is known ("Files:"), and so spell a line by chance."""


class KnownByMemory:
    """The texts that a memory may hold; they are read only after a first match.

    told: what it was told; held: what it saved before; public: the log, and the like.
    """

    def __init__(
        self,
        told: Callable[[], Iterable[Experience]],
        feedback: Feedback,
        held: Callable[[], Files],
        public: Callable[[], Iterable[KnownText]],
    ) -> None:
        self._told, self._feedback, self._held, self._public = told, feedback, held, public
        self._unread = self._texts()
        self._read: list[KnownText] = []

    def holds(self, secret: Secret, *, signs: bool = True) -> bool:
        """Whether the policy released the text, the memory held it before, or it is public.

        signs: whether it was found with its signs. If only its letters were, all but a label's at
        one end have to be known.
        """
        spelled = [secret.squeezed] if len(secret.squeezed) > GRAM else []
        if spelled and not signs:
            spelled += _without_label(secret.squeezed)
        return any(
            secret.plain in known.plain or any(letters in known.squeezed for letters in spelled)
            for known in self._known()
        )

    def holds_text(self, text: str) -> bool:
        """Whether the text, in its plain form, is known."""
        return any(text in known.plain for known in self._known())

    def _known(self) -> Iterator[KnownText]:
        """What has been read before, then one after the other of what has not."""
        yield from self._read
        for text in self._unread:
            self._read.append(text)
            yield text

    def _texts(self) -> Iterator[KnownText]:
        """What is cheap to read first: most of what is known is found there."""
        held = [unwrapped(data) for data in self._held().values()]
        yield from (KnownText(data.decode("utf-8", "replace")) for data in held)
        for experience in self._told():
            yield KnownText(released(experience, self._feedback))
        yield from self._public()
        for data in held:
            yield from map(KnownText, readings(data))


def _without_label(letters: str) -> Iterator[str]:
    """What is left of a text without some letters at one end, if that is enough to be no chance."""
    for length in range(1, min(LABEL, len(letters) - LEAST_NAME) + 1):
        yield letters[:-length]
        yield letters[length:]


class KnownText:
    """A text in the forms that secrets are compared with."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def plain(self) -> str:
        """Without blanks, quotes and escapes."""
        return plain(self._text)

    @cached_property
    def squeezed(self) -> str:
        """Letters and digits alone."""
        return squeezed(self._text)


class KnownParts(KnownText):
    """A text in parts, whose forms are put together of theirs: each is made but once."""

    def __init__(self, parts: Sequence[KnownText]) -> None:
        super().__init__("")
        self._parts = parts

    @cached_property
    def plain(self) -> str:
        """The parts' one after the other; no blanks stand between them."""
        return "".join(part.plain for part in self._parts)

    @cached_property
    def squeezed(self) -> str:
        """The parts' one after the other."""
        return "".join(part.squeezed for part in self._parts)


def released(experience: Experience, feedback: Feedback) -> str:
    """Return everything in an experience that the feedback policy allows, as one text."""
    withheld = {name for name, policies in RELEASED.items() if feedback not in policies}
    values = {
        f.name: getattr(experience, f.name) for f in fields(experience) if f.name not in withheld
    }
    return "\n".join(strings(values))


def strings(value: Any) -> Iterator[str]:
    """Every text within a value, and whatever else is in it as text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from strings(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from strings(item)
    elif hasattr(value, "__dataclass_fields__"):
        for spec in fields(value):
            yield from strings(getattr(value, spec.name))
    elif value is not None:
        yield str(value)
