"""Archives of contents: what is written comes back, and nothing else is taken for one."""

import hashlib
import tarfile
from io import BytesIO

import pytest

from harness.environments.contents import Contents, write_archive
from harness.environments.listing import Listing
from harness.environments.store import SITE, EnvironmentStore
from seqswe.errors import ManifestError, MissingError, SeqSWEError, UsageError


def digest(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def name(data):
    return f"content/{hashlib.sha256(data).hexdigest()}"


def tar(*members):
    """An archive of members: (name, data) or a TarInfo."""
    file = BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            archive.addfile(info, BytesIO(member[1]))
    return file.getvalue()


def link(kind, target="/etc/passwd"):
    info = tarfile.TarInfo(name(b"x"))
    info.type, info.linkname = kind, target
    return info


MANIFEST = ("manifest.json", b"{}")


@pytest.fixture
def opened(tmp_path):
    """Reads an archive as whoever loads it: all that is `wanted` must be there, and whole."""

    def check(data, *wanted):
        (tmp_path / "archive.tar").write_bytes(data)
        with Contents.open(tmp_path / "archive.tar") as contents:
            contents.check(wanted)
            return {one: contents.read(one, 100) for one in wanted}

    return check


def test_what_was_written_comes_back_and_is_written_the_same_again(tmp_path, opened):
    (tmp_path / "manifest").write_bytes(b"{}")
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "b").write_bytes(b"b" * 600)
    contents = {digest(b""): tmp_path / "a", digest(b"b" * 600): tmp_path / "b"}
    for path in (tmp_path / "one", tmp_path / "two"):
        write_archive(path, tmp_path / "manifest", contents)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with pytest.raises(ManifestError, match="more than 100 bytes"):
        opened((tmp_path / "one").read_bytes(), *contents)
    assert opened(tar(MANIFEST, (name(b"x"), b"x")), digest(b"x")) == {digest(b"x"): b"x"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "is no archive", id="empty"),
        pytest.param(b"no tar" * 200, "is no archive", id="text"),
        pytest.param(tar((name(b"x"), b"x"), MANIFEST), "is no archive", id="manifest not first"),
        pytest.param(tar(MANIFEST, (name(b"x"), b"y")), "is damaged", id="another content"),
        pytest.param(tar(MANIFEST), "is missing", id="missing"),
        pytest.param(tar(MANIFEST, (name(b"x"), b"x"), (name(b"y"), b"y")), "needs", id="more"),
        pytest.param(tar(MANIFEST, *[(name(b"x"), b"x")] * 2), "does not belong", id="twice"),
        pytest.param(tar(MANIFEST, ("content/../../x", b"x")), "missing", id="a path out"),
        pytest.param(tar(MANIFEST, ("/etc/x", b"x")), "does not belong", id="an absolute path"),
        pytest.param(tar(MANIFEST, link(tarfile.SYMTYPE)), "no plain file", id="a link"),
        pytest.param(tar(MANIFEST, link(tarfile.LNKTYPE)), "no plain file", id="a hard link"),
        pytest.param(tar(MANIFEST, link(tarfile.FIFOTYPE)), "no plain file", id="a pipe"),
        pytest.param(tar(MANIFEST, ("content/" + "x" * 99, b"x")), "no plain file", id="long name"),
        pytest.param(tar(MANIFEST, (name(b"x"), b"x"))[:1536], "cut off", id="cut off"),
        pytest.param(tar(MANIFEST, (name(b"x"), b"x"))[:2000], "cut off", id="cut off in a file"),
    ],
)
def test_anything_else_is_refused(opened, data, message):
    with pytest.raises(ManifestError, match=message) as raised:
        opened(data, digest(b"x"))
    assert raised.value.hint


def test_a_size_that_reaches_beyond_the_file_is_refused(opened):
    info = tarfile.TarInfo(name(b"x"))
    info.size = 1 << 50
    header = info.tobuf(tarfile.GNU_FORMAT)
    with pytest.raises(ManifestError, match="cut off"):
        opened(tar(MANIFEST)[:1024] + header)


def test_a_folder_is_no_archive(tmp_path):
    with pytest.raises(UsageError, match="is no file"), Contents.open(tmp_path):
        pass


@pytest.mark.parametrize(
    "paths",
    [
        ["../x"],
        ["/etc/x"],
        ["a/../../x"],
        ["a//b"],
        ["./a"],
        ["a", "a/b"],
        [""],
        ["."],
        ["a/"],
        ["a\0b"],
    ],
)
def test_a_listing_names_files_in_its_folder(paths):
    listing = Listing(plain=dict.fromkeys(paths, digest(b"x")))
    with pytest.raises(SeqSWEError, match="no path of a file"):
        Listing.read(listing.data(), "here")


def test_a_listing_names_each_file_once_by_a_digest():
    twice = Listing(plain={"a": digest(b"x")}, executable={"a": digest(b"x")})
    with pytest.raises(ManifestError, match="there twice"):
        Listing.read(twice.data(), "here")
    with pytest.raises(ManifestError, match="no digest"):
        Listing.read(Listing(plain={"a": "../x"}).data(), "here")


@pytest.mark.parametrize("folder", [False, True])
def test_a_folder_with_a_link_is_not_listed(tmp_path, folder):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "x").symlink_to(tmp_path if folder else "/etc/passwd")
    with pytest.raises(MissingError, match="no plain file"):
        Listing.of(tmp_path / "site")


def test_what_is_damaged_on_its_way_leaves_nothing_behind(tmp_path):
    data = tar(MANIFEST, (name(b"a"), b"a"), (name(b"x"), b"y"))
    (tmp_path / "archive.tar").write_bytes(data)
    listing = Listing(plain={"a": digest(b"a"), "b/x": digest(b"x")})
    store = EnvironmentStore(tmp_path / "environments")
    with Contents.open(tmp_path / "archive.tar") as contents:
        with pytest.raises(ManifestError, match="is damaged"):
            store.add("key-12345678", lambda site: listing.write(site, contents, {}))
        assert not [p for p in store.root.iterdir() if p.is_dir()]
        good = Listing(plain={"a": digest(b"a")}, executable={"b/a": digest(b"a")})
        assert store.add("key-12345678", lambda site: good.write(site, contents, {}))
    site = store.root / "key-12345678" / SITE
    assert Listing.of(site) == good
    assert not store.add("key-12345678", lambda site: None), "what is there stays"
