"""Snapshots: any state comes back as it was, costs what changed, and damage is never loaded."""

import json
import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from seqswe.errors import RunDirError
from seqswe.runs.snapshots import BLOCK, EMPTY, KEPT, Snapshots, folder_digest, read_folder


@pytest.fixture
def snapshots(tmp_path):
    return Snapshots(tmp_path / "memory")


@pytest.fixture
def state(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


@pytest.fixture
def in_memory(tmp_path):
    """A folder where a thousand syncs cost nothing, if this machine has one."""
    shared = Path("/dev/shm")
    with TemporaryDirectory(dir=shared if shared.is_dir() else tmp_path) as folder:
        yield Path(folder)


def written(folder, files):
    """Make `folder` hold exactly `files`."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    folder.mkdir(exist_ok=True)
    return folder


def loaded(root, digest, folder):
    """What another process finds under a digest."""
    Snapshots(root).get(digest, written(folder, {}))
    return read_folder(folder)


def changed(draw, files):
    """Some files after a random change of each kind that a memory may make."""
    files = dict(files)
    name = draw.choice(["a", "b.db", "deep/c", "deep/er/d"])
    old = files.get(name, b"")
    size = draw.choice([0, 1, 100, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
    match draw.choice(["append", "overwrite", "shrink", "delete", "new", "zeros", "clear"]):
        case "append":
            files[name] = old + draw.randbytes(size)
        case "overwrite" if old:
            at = draw.randrange(len(old))
            files[name] = (old[:at] + draw.randbytes(size) + old[at + size :])[: len(old)]
        case "shrink":
            files[name] = old[: draw.randrange(len(old) + 1)]
        case "delete":
            files.pop(name, None)
        case "zeros":
            files[name] = old + bytes(size)
        case "clear":
            files = {}
        case _:
            files[name] = draw.randbytes(size)
    return files


@pytest.mark.parametrize("seed", range(8))
def test_any_history_of_changes_comes_back(snapshots, state, tmp_path, seed):
    draw = random.Random(seed)
    files, parent, seen = {}, EMPTY, []
    for _ in range(KEPT + 8):
        files = changed(draw, files)
        parent = snapshots.put(written(state, files), parent)
        assert parent == folder_digest(files)
        seen.append((parent, files))
    for digest, expected in seen:
        assert loaded(snapshots.root, digest, tmp_path / "again") == expected


def test_an_empty_folder_is_the_empty_snapshot_and_costs_nothing(snapshots, state, tmp_path):
    assert snapshots.put(state) == EMPTY
    assert snapshots.bytes_stored() == 0
    assert loaded(snapshots.root, EMPTY, tmp_path / "again") == {}


def test_a_state_seen_before_is_stored_once(snapshots, state):
    first = snapshots.put(written(state, {"a": b"1"}))
    second = snapshots.put(written(state, {"a": b"2"}), first)
    stored = snapshots.bytes_stored()
    assert snapshots.put(written(state, {"a": b"1"}), second) == first
    assert snapshots.bytes_stored() == stored


def test_a_file_may_become_a_folder(snapshots, state, tmp_path):
    first = snapshots.put(written(state, {"a": b"file"}))
    second = snapshots.put(written(state, {"a/b": b"in a folder"}), first)
    assert loaded(snapshots.root, second, tmp_path / "again") == {"a/b": b"in a folder"}


def test_a_name_that_is_no_text_comes_back(snapshots, state, tmp_path):
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    digest = snapshots.put(written(state, {name: b"x"}))
    assert loaded(snapshots.root, digest, tmp_path / "again") == {name: b"x"}


def test_a_thousand_appends_cost_less_than_three_times_the_final_state(state, in_memory):
    snapshots = Snapshots(in_memory)
    draw, parent, log = random.Random(1), EMPTY, state / "log.jsonl"
    for number in range(1000):
        entry = {"number": number, "words": [draw.choice(WORDS) for _ in range(100)]}
        with log.open("a") as out:
            out.write(json.dumps(entry) + "\n")
        parent = snapshots.put(state, parent)
    assert snapshots.bytes_stored() < 3 * log.stat().st_size


def test_a_page_of_a_large_file_costs_a_page(snapshots, state):
    draw = random.Random(2)
    content = bytearray(draw.randbytes(256 * BLOCK))
    parent = snapshots.put(written(state, {"pages.db": bytes(content)}))
    before = snapshots.bytes_stored()
    content[100 * BLOCK : 101 * BLOCK] = draw.randbytes(BLOCK)
    snapshots.put(written(state, {"pages.db": bytes(content)}), parent)
    assert snapshots.bytes_stored() - before < 2 * BLOCK


WORDS = [f"{a}{b}{c}" for a in "kstmn" for b in "aeiou" for c in "rlpd"]


def the_file(snapshots):
    (path,) = snapshots.root.rglob("*.json")
    return path


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: b"[]",
        lambda data: b"{}",
        lambda data: b"\xff\xfe",
        lambda data: json.dumps({**json.loads(data), "files": {"a": 3}}).encode(),
        lambda data: json.dumps({**json.loads(data), "files": {}}).encode(),
        lambda data: data.replace(b'"0": "', b'"0": "AAAA'),
        lambda data: data.replace(b'"size": 5', b'"size": "five"'),
        lambda data: data.replace(b'"size": 5', b'"size": 6'),
        lambda data: data.replace(b'"parent": "sha256:', b'"parent": "sha256:0'),
    ],
)
def test_a_damaged_snapshot_is_refused(snapshots, state, tmp_path, damage):
    digest = snapshots.put(written(state, {"a": b"hello"}))
    path = the_file(snapshots)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunDirError, match=r"memory snapshot .*is damaged") as caught:
        loaded(snapshots.root, digest, tmp_path / "again")
    assert caught.value.hint
    assert read_folder(tmp_path / "again") == {}


def test_a_missing_snapshot_is_refused(snapshots, state, tmp_path):
    digest = snapshots.put(written(state, {"a": b"hello"}))
    the_file(snapshots).unlink()
    with pytest.raises(RunDirError, match="is damaged"):
        loaded(snapshots.root, digest, tmp_path / "again")


def test_a_change_to_an_unknown_state_is_refused(snapshots, state):
    with pytest.raises(RunDirError, match="is damaged"):
        snapshots.put(written(state, {"a": b"1"}), "sha256:" + "0" * 64)


def test_threads_do_not_disturb_each_other(snapshots, tmp_path):
    def chain(number):
        draw = random.Random(number % 2)  # every second thread makes the very same states
        files, parent, seen = {}, EMPTY, []
        for _ in range(15):
            files = changed(draw, files)
            parent = snapshots.put(written(tmp_path / f"state-{number}", files), parent)
            seen.append((parent, files))
        return seen

    with ThreadPoolExecutor(4) as pool:
        chains = list(pool.map(chain, range(4)))
    assert chains[0] == chains[2]
    for seen in chains:
        for digest, expected in seen:
            assert loaded(snapshots.root, digest, tmp_path / "again") == expected
    assert not list(snapshots.root.rglob("*.[0-9]*"))


def test_links_and_whole_states_travel_between_folders(snapshots, state, tmp_path):
    first = snapshots.put(written(state, {"a": b"1" * 9000}))
    second = snapshots.put(written(state, {"a": b"1" * 9000 + b"2", "b": b"3"}), first)
    other = Snapshots(tmp_path / "other")
    other.adopt(first, snapshots.files(first))
    other.add(second, snapshots.link(second))
    assert other.known() == snapshots.known() == {first, second}
    assert loaded(other.root, second, tmp_path / "out") == snapshots.files(second)
    with pytest.raises(RunDirError, match="another one's"):
        other.adopt(first, {"a": b"1"})
    with pytest.raises(RunDirError):
        other.link("sha256:" + "0" * 64)
