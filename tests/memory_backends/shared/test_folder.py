"""The folder of notes: six commands, and no way out."""

import pytest

from memory_backends.shared.folder import MAX_FILE_BYTES, Folder, RefusedPath


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret.md").write_text("not yours")
    found = Folder(tmp_path / "notes")
    create(found, "a.md", "one\ntwo\nthree\n")
    return found


def create(folder, name, text="x"):
    return folder.run({"command": "create", "path": f"/memories/{name}", "file_text": text})


def run(folder, command, **given):
    return folder.run({"command": command, **given})


def test_create_and_view(folder):
    create(folder, "deep/b.md", "日本")
    listed = run(folder, "view", path="/memories")
    assert "14  /memories/a.md" in listed
    assert "6  /memories/deep/b.md" in listed
    assert "a.md" not in run(folder, "view", path="/memories/deep/")
    shown = run(folder, "view", path="/memories/a.md")
    assert shown.startswith("     1\tone\n     2\ttwo")
    assert run(folder, "view", path="/memories/a.md", view_range=[2, 2]) == "     2\ttwo"
    assert run(folder, "view", path="/memories/a.md", view_range=[3, -1]).startswith(
        "     3\tthree"
    )


def test_str_replace_wants_exactly_one(folder):
    run(folder, "str_replace", path="/memories/a.md", old_str="two", new_str="2")
    assert folder.files() == {"a.md": "one\n2\nthree\n"}
    run(folder, "str_replace", path="/memories/a.md", old_str="2\n")
    assert folder.files() == {"a.md": "one\nthree\n"}
    for old in ("e", "nowhere", ""):
        with pytest.raises(RefusedPath, match="must occur once"):
            run(folder, "str_replace", path="/memories/a.md", old_str=old, new_str="x")


def test_insert(folder):
    run(folder, "insert", path="/memories/a.md", insert_line=0, insert_text="zero")
    run(folder, "insert", path="/memories/a.md", insert_line=4, insert_text="four\n")
    assert folder.files()["a.md"] == "zero\none\ntwo\nthree\nfour\n"
    for line in (-1, 6, "1", None):
        with pytest.raises(RefusedPath, match="insert_line must be 0 to 5"):
            run(folder, "insert", path="/memories/a.md", insert_line=line, insert_text="x")


ODD = "one\r\ntwo\x0bstill two\u2028and\rtwo\nthree"


def test_a_state_is_its_exact_texts(folder, tmp_path):
    create(folder, "a2.md", ODD)
    held = folder.files()
    assert held["a2.md"] == ODD
    other = Folder(tmp_path / "other")
    other.replace(held)
    assert other.files() == held
    assert (other.place / "a2.md").read_bytes() == ODD.encode()


def test_lines_are_those_that_view_counts(folder):
    create(folder, "a2.md", ODD)
    assert run(folder, "view", path="/memories/a2.md").split("\n")[2] == "     3\tthree"
    run(folder, "insert", path="/memories/a2.md", insert_line=2, insert_text="new")
    assert folder.files()["a2.md"] == ODD.replace("three", "new\nthree")
    with pytest.raises(RefusedPath, match="must be 0 to 4"):
        run(folder, "insert", path="/memories/a2.md", insert_line=5, insert_text="x")


def test_delete_leaves_no_empty_folder(folder, tmp_path):
    create(folder, "x/y/b.md")
    create(folder, "x/c.md")
    run(folder, "delete", path="/memories/x/y/b.md")
    assert not (tmp_path / "notes/x/y").exists()
    run(folder, "delete", path="/memories/x")
    assert folder.files().keys() == {"a.md"}
    for path in ("/memories", "/memories/none.md"):
        with pytest.raises(RefusedPath):
            run(folder, "delete", path=path)


def test_rename(folder, tmp_path):
    create(folder, "x/b.md", "b")
    run(folder, "rename", old_path="/memories/x/b.md", new_path="/memories/z/c.md")
    assert folder.files() == {"a.md": "one\ntwo\nthree\n", "z/c.md": "b"}
    assert not (tmp_path / "notes/x").exists()
    for old, new in (("a.md", "z/c.md"), ("none.md", "d.md"), ("z", "z/z")):
        with pytest.raises(RefusedPath):
            run(folder, "rename", old_path=f"/memories/{old}", new_path=f"/memories/{new}")


@pytest.mark.parametrize(
    "path",
    [
        "/memories/../secret.md",
        "/memories/x/../../secret.md",
        "/memories/./a.md",
        "/memories//etc/passwd",
        "/etc/passwd",
        "memories/a.md",
        "/memoriesx/a.md",
        "../secret.md",
        "",
        None,
        7,
        "/memories/a\0.md",
        "/memories/\ud800",
        "/memories/link",
        "/memories/way/secret.md",
    ],
)
def test_no_path_leads_out(folder, tmp_path, path):
    (tmp_path / "notes/link").symlink_to(tmp_path / "secret.md")
    (tmp_path / "notes/way").symlink_to(tmp_path)
    tries = [
        {"command": "view", "path": path},
        {"command": "create", "path": path, "file_text": "mine"},
        {"command": "str_replace", "path": path, "old_str": "not", "new_str": "now"},
        {"command": "insert", "path": path, "insert_line": 0, "insert_text": "mine"},
        {"command": "delete", "path": path},
        {"command": "rename", "old_path": path, "new_path": "/memories/new.md"},
        {"command": "rename", "old_path": "/memories/a.md", "new_path": path},
    ]
    for given in tries:
        with pytest.raises(RefusedPath):
            folder.run(given)
    assert (tmp_path / "secret.md").read_text() == "not yours"
    assert folder.files() == {"a.md": "one\ntwo\nthree\n"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"command": "format"},
        {"command": ["view"]},
        {"command": "create", "path": "/memories/a.md", "file_text": "again"},
        {"command": "create", "path": "/memories/b.md"},
        {"command": "create", "path": "/memories/a.md/b.md", "file_text": "below a file"},
        {"command": "create", "path": "/memories/" + "x" * 300, "file_text": "long name"},
        {"command": "create", "path": "/memories/b.md", "file_text": "x" * (MAX_FILE_BYTES + 1)},
        {"command": "view", "path": "/memories/none.md"},
        {"command": "view", "path": "/memories/a.md", "view_range": [3, 2]},
        {"command": "view", "path": "/memories/a.md", "view_range": "all"},
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(folder, given):
    with pytest.raises(RefusedPath):
        folder.run(given)
    assert folder.files() == {"a.md": "one\ntwo\nthree\n"}
