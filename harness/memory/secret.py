"""What a memory must not know yet: lines of fixes and hidden tests, names of tests, later ids."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from seqswe.instance import Instance
from seqswe.user import PRICES, mark_of

LEAST = 20
"""Characters of a line that is worth searching for, in its plain form."""
LEAST_NAME = 12
"""Characters of a test's name or an instance's id that cannot be there by chance."""
SHOWN = 80
"""Characters of a name in an error."""
QUOTES = "\"'`\\"
HEX = "[0-9a-fA-F]"
ESCAPE = re.compile(
    rf"(?<!\\)\\++(?:[nrt]|x({HEX}{{2}})|u({HEX}{{4}})|U(00(?:0{HEX}|10){HEX}{{4}}))"
)
"""As JSON, YAML and repr write line breaks, tabs and what is not ASCII, however often nested. A run
of backslashes is looked at once, not from each of them."""
WORD = re.compile(r"\w+")
NAME = re.compile(r"\w+(?:[.-]\w+)*")
TEST = re.compile(r"\bdef (test_\w+)")
NO_LETTER = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Secret:
    """A text that becomes known with the task at `position`."""

    position: int
    what: str
    text: str
    plain: str
    gold: bool = True
    """Whether gold feedback releases it; an id is known once its task was worked on."""
    answer: bool = False
    """Whether it marks an answer of the user, which no memory may keep."""

    @cached_property
    def squeezed(self) -> str:
        """Letters and digits alone."""
        return squeezed(self.plain)

    @property
    def is_name(self) -> bool:
        """Whether it is searched for as a whole word rather than anywhere in the text."""
        return len(self.plain) < LEAST or NAME.fullmatch(self.text) is not None


def secrets_of(instance: Instance, position: int) -> Iterator[Secret]:
    """Return what becomes known with an instance, each text once."""
    secrets: dict[str, Secret] = {}
    for what, patch in (
        ("a line of the fix", instance.patch),
        ("a line of the hidden tests", instance.test_patch),
    ):
        for line in added(patch):
            text = plain(line)
            if len(text) >= LEAST and any(len(w) > 2 for w in WORD.findall(line)):
                secrets.setdefault(text, Secret(position, what, line, text))
    names = {name for line in added(instance.test_patch) for name in TEST.findall(line)}
    for test in (*instance.fail_to_pass, *sorted(names)):
        what = f"the hidden test {test[:SHOWN]}"
        if len(plain(test)) >= LEAST_NAME and WORD.search(test):
            secrets.setdefault(plain(test), Secret(position, what, test, plain(test)))
    name = plain(instance.instance_id)
    if len(name) >= LEAST_NAME:
        secrets.setdefault(name, Secret(position, "the id", instance.instance_id, name, gold=False))
    return iter(secrets.values())


def answers_of(instance: Instance, position: int) -> Iterator[Secret]:
    """Return the marks of what a user may tell of an instance."""
    for kind in PRICES:
        mark = mark_of(instance.instance_id, kind)
        yield Secret(position, f"the user's answer ({kind})", mark, plain(mark), answer=True)


def sought(secret: Secret, instance: Instance) -> tuple[str, str]:
    """Return the text that shows a secret in a checkout, and in which file ("": any).

    The id of a test stands nowhere, but its function does.
    """
    if "::" in secret.text and secret.text in instance.fail_to_pass:
        path, *_, name = secret.text.partition("[")[0].split("::")
        return f"def {name}(", path
    return secret.text, ""


def added(patch: str) -> list[str]:
    """Return the lines that a patch adds, without their mark."""
    return [x[1:] for x in patch.split("\n") if x.startswith("+") and not x.startswith("+++ ")]


def plain(text: str) -> str:
    """Fold, and remove blanks, quotes and escapes: JSON, a diff and indented text are the same."""
    return unspaced(folded(text))


def unspaced(text: str) -> str:
    """Without blanks, quotes and backslashes."""
    text = "".join(text.split())
    # Not by translate(), which is slow where a text is not plain ASCII.
    for sign in QUOTES:
        text = text.replace(sign, "")
    return text


def squeezed(text: str) -> str:
    """Letters and digits alone, folded."""
    return NO_LETTER.sub("", folded(text))


def folded(text: str) -> str:
    """Undo escapes, and the difference between capitals, small letters and letters of any width."""
    text = unescaped(text)
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).lower()


def unescaped(text: str) -> str:
    """Replace each escaped line break or tab by a blank, and codes by their characters."""
    if "\\" not in text:
        return text
    text = ESCAPE.sub(lambda m: chr(int(m[m.lastindex] if m.lastindex else "20", 16)), text)
    # JSON writes what is beyond four digits as two halves.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
