"""What a memory makes too large, too deep or too slow to search is refused: it is never clean."""

import base64
import bz2
import gzip
import io
import lzma
import zipfile
import zlib

import pytest

from harness.memory.changes import changed_parts
from harness.memory.contamination import Contamination
from harness.memory.decoding import readings
from harness.memory.secret import Secret, plain
from harness.memory.secret_index import SecretIndex
from seqswe.arms import cells_of
from seqswe.errors import RolloutError
from seqswe.memory import Experience, Recall, Recalled
from tests.harness.memory.test_contamination import FIX, INSTANCES, leaks

ZEROS = bytes(20_000_000)
TEXT = b"what nobody may know yet: " + FIX.encode()


def zipped(*members, damage=None):
    """A zip file; `damage`: the number of a member whose content is spoilt."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(members):
            archive.writestr(f"{number}", content)
        if damage is not None:
            place = archive.infolist()[damage].header_offset + 30 + 1
    data = bytearray(file.getvalue())
    if damage is not None:
        data[place : place + 4] = b"\xff\xff\xff\xff"
    return bytes(data)


BOMBS = {
    "gzip": gzip.compress(bytes(40_000_000)),
    "many gzips": b"".join(gzip.compress(ZEROS + bytes([n])) for n in range(3)),
    "zip": zipped(ZEROS, ZEROS + b"1", ZEROS + b"2"),
    "one large member": zipped(bytes(40_000_000)),
    "bz2 in zip": zipped(bz2.compress(bytes(40_000_000))),
    "zlib in base64": base64.b64encode(zlib.compress(bytes(40_000_000))),
    "xz of a great dictionary": lzma.compress(
        TEXT, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 28}]
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_unfolds_to_too_much_is_refused(name):
    with pytest.raises(RolloutError, match="too much to search") as caught:
        list(readings(b"before " + BOMBS[name]))
    assert caught.value.cause == "memory_failed"


@pytest.mark.parametrize("name", ["gzip", "zip", "xz of a great dictionary"])
def test_a_file_that_unfolds_to_too_much_is_refused(name):
    with pytest.raises(RolloutError, match="too much to search"):
        changed_parts({}, {"a": BOMBS[name]})


HIDDEN = {
    "behind many beginnings": b"x\x9c-" * 200 + gzip.compress(TEXT),
    "behind the beginning of a zip": b"PK\x03\x04" + gzip.compress(TEXT),
    "behind a damaged member": zipped(b"nothing of it" * 9, TEXT, damage=0),
    "beside a zip": zipped(b"nothing") + gzip.compress(TEXT),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_nothing_before_a_text_hides_it(name):
    leaks("a line of the fix", HIDDEN[name])


def audits(contamination):
    """Both searches of an audit, over what anybody may know."""
    (cell,) = cells_of("sequential", 0, 4)
    task = INSTANCES[0].task(0)
    state = {"m.txt": b"nothing special"}
    recall = Recall(items=(Recalled(text="nothing special", origins=("a",)),))
    yield lambda: contamination.check(cell, Experience(task=task), {}, state)
    yield lambda: contamination.check_recall(cell, task, recall, lambda: (), lambda: {}, lambda: "")


@pytest.mark.parametrize("which", [0, 1])
def test_a_search_whose_time_is_used_up_is_a_failure(which):
    list(audits(Contamination(INSTANCES, "none", lambda *_: ())))[which]()
    slow = Contamination(INSTANCES, "none", lambda *_: (), seconds=-1)
    with pytest.raises(RolloutError, match="to search") as caught:
        list(audits(slow))[which]()
    assert caught.value.cause == "memory_failed"


def test_a_window_that_stands_everywhere_is_looked_for_once():
    """Its whole line stands nowhere, so that each look would go through all of the text."""
    text = "x" * 40 + plain(FIX)
    line = Secret(0, "a line", text, text)
    index = SecretIndex([line])
    assert list(index.find(text)) == [line]
    assert list(index.find(f"{text[-16:]}. " * 50_000)) == []
