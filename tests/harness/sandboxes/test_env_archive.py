"""Environments in an archive: saved, and put in place where nothing of them is.

Images are real ones of the real engine, of a few bytes, so that all of it takes three seconds.
"""

import gzip
import json
import platform
from uuid import uuid4

import pytest

from harness.environments.contents import Contents
from harness.environments.listing import Listing
from harness.environments.locks import keep, kept_resolution, locked
from harness.environments.resolve import Resolution
from harness.sandboxes.docker import PLACE, DockerProvider
from harness.sandboxes.env_archive import FORMAT, MADE_BY, load, read_manifest, save
from harness.sandboxes.image_files import unpack_saved
from harness.sandboxes.images import PYTHON_LABEL, name_on
from seqswe.cli import main
from seqswe.errors import ManifestError, MissingError, SeqSWEError
from seqswe.sandbox import Environment
from tests.harness.environments.test_contents import digest, tar

LOCKED = Environment(key="0" * 12, python="3.11", requirements=("a",), lock=("a==1",))
UNLOCKED = Environment(key="1" * 12, python="3.11", requirements=("a", "b"))


class Tiny:
    """A base image and the image of Python 3.11 that is made of it, without any Python."""

    def __init__(self, client, name):
        self.client, self.name = client, name
        content = tar(("unique", name.encode()))
        client.api.import_image_from_data(content, *name.split(":"))
        self.made = name_on(client.images.get(name), "3.11")
        container = client.containers.create(name, ["none"])
        container.commit(*self.made.split(":"), changes=[f"LABEL {PYTHON_LABEL}=3.11.99"])
        container.remove()

    def remove(self):
        for name in (self.made, self.name):
            self.client.images.remove(name)

    def tags(self):
        return {tag for image in self.client.images.list() for tag in image.tags}


@pytest.fixture
def tiny(docker):
    images = Tiny(docker.client, f"seqswe-test-base:{uuid4().hex[:12]}")
    yield images
    for name in {images.name, images.made} & images.tags():
        docker.client.images.remove(name, force=True)


@pytest.fixture
def cache_of(tmp_path, monkeypatch):
    """The caches of several machines: `cache_of("b")` goes over to another."""
    return lambda machine: monkeypatch.setenv("SEQSWE_CACHE", str(tmp_path / machine))


@pytest.fixture
def archive(tiny, tmp_path, cache_of):
    """Two environments that share a file, saved on machine `a`."""

    def fill(own):
        def write(site):
            (site / "shared.py").write_text("x = 1\n")
            (site / "bin").mkdir()
            (site / "bin" / "tool").write_text(own)
            (site / "bin" / "tool").chmod(0o755)

        return write

    cache_of("a")
    keep(UNLOCKED, Resolution(lock=("a==1", "b==2"), changed=("b>=3 is loosened to b",)))
    provider = DockerProvider(f"3.11={tiny.name}")
    for number, each in enumerate((LOCKED, locked(UNLOCKED))):
        store = provider.environments
        store.add(store.name(each, PLACE), fill(f"#!/opt/env/bin/python\n{number}\n"))
    path = tmp_path / "tiny.tar"
    saved = save(provider, "tiny", [LOCKED, UNLOCKED], path)
    assert (saved.images, saved.environments, saved.files) == (1, 2, 4)
    assert saved.bytes == path.stat().st_size < 100_000
    return path


def loaded(path, base):
    provider = DockerProvider(f"3.11={base}")
    with Contents.open(path) as contents:
        return list(load(provider, contents)), provider


@pytest.mark.docker
def test_another_machine_has_all_of_it(archive, tiny, cache_of):
    here = DockerProvider(f"3.11={tiny.name}")
    before = [(here.prepare(e), Listing.of(here.packages(e))) for e in (LOCKED, UNLOCKED)]
    image = here.images.ensure("3.11")
    tiny.remove()
    cache_of("b")
    said, there = loaded(archive, tiny.name)
    assert [line.partition(": ")[2] for line in said] == ["put in place"] * 3
    assert {tiny.name, tiny.made} <= tiny.tags()
    assert there.images.ensure("3.11").attrs["RootFS"] == image.attrs["RootFS"]
    after = [(there.prepare(e), Listing.of(there.packages(e))) for e in (LOCKED, UNLOCKED)]
    assert after == before
    assert kept_resolution(UNLOCKED).changed == ("b>=3 is loosened to b",)
    shared = [there.packages(e) / "shared.py" for e in (LOCKED, UNLOCKED)]
    assert shared[0].samefile(shared[1]), "as in the cache of wheels"
    said, _ = loaded(archive, tiny.name)
    assert [line.partition(": ")[2] for line in said] == ["was there already"] * 3


@pytest.mark.docker
def test_what_is_there_and_differs_is_kept(archive, tiny, cache_of):
    cache_of("b")
    keep(UNLOCKED, Resolution(lock=("a==2",)))
    provider = DockerProvider(f"3.11={tiny.name}")
    store = provider.environments
    store.add(store.name(LOCKED, PLACE), lambda site: (site / "own").touch())
    said, _ = loaded(archive, tiny.name)
    assert said == [
        "image of Python 3.11: was there already",
        "environment 000000000000: is there and differs, and is kept as it is",
        "environment 111111111111: put in place",
        "environment 111111111111: its versions here are others, which are kept",
    ]
    assert [path.name for path in provider.packages(LOCKED).iterdir()] == ["own"]
    assert kept_resolution(UNLOCKED).lock == ("a==2",)


@pytest.mark.docker
def test_another_base_image_of_that_name_is_never_replaced(archive, tiny, cache_of):
    cache_of("b")
    tiny.remove()
    tiny.client.api.import_image_from_data(tar(("another", b"")), *tiny.name.split(":"))
    before = tiny.client.images.get(tiny.name).id
    with pytest.raises(SeqSWEError, match="is another than the one in"):
        loaded(archive, tiny.name)
    assert tiny.client.images.get(tiny.name).id == before
    with pytest.raises(SeqSWEError, match="which no run here looks for"):
        loaded(archive, "seqswe-test-base:other")
    assert not DockerProvider(f"3.11={tiny.name}").environments.root.exists()


@pytest.mark.docker
def test_one_wrong_byte_and_nothing_is_put_in_place(archive, tiny, cache_of):
    cache_of("b")
    tiny.remove()
    data = archive.read_bytes()
    archive.write_bytes(data.replace(b"x = 1\n", b"x = 2\n"))
    with pytest.raises(ManifestError, match="is damaged"):
        loaded(archive, tiny.name)
    assert tiny.name not in tiny.tags()
    assert not DockerProvider(f"3.11={tiny.name}").environments.root.exists()


MANIFEST = {
    "format": FORMAT,
    "seqswe": "0.2.0",
    "made_by": MADE_BY,
    "machine": platform.machine(),
    "codebase": "tiny",
    "images": [],
    "environments": [],
}


def manifest_of(tmp_path, manifest):
    path = tmp_path / "archive.tar"
    path.write_bytes(tar(("manifest.json", json.dumps(manifest).encode())))
    with Contents.open(path) as contents:
        return read_manifest(contents)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2, and this SeqSWE"),
        ({"machine": "sparc"}, "it is for 'sparc', and this machine is"),
        ({"made_by": f"sha256:{'0' * 64}"}, "makes images otherwise"),
        ({"codebase": "../x"}, "'codebase' must be"),
        ({"environments": None}, "'environments' must be a list"),
    ],
)
def test_a_manifest_for_another_machine_or_version_is_refused(tmp_path, change, message):
    assert manifest_of(tmp_path, MANIFEST).codebase == "tiny"
    with pytest.raises(ManifestError) as raised:
        manifest_of(tmp_path, MANIFEST | change)
    assert message in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    ("lock", "refused"),
    [("a==1.0", ""), ("a @ file:///etc", "NAME==VERSION"), ("-r /etc/passwd", "requirement")],
)
def test_a_lock_names_nothing_but_versions(tmp_path, lock, refused):
    environment = {"key": "0", "python": "3.11", "requirements": ["a"], "lock": [lock]}
    packed = {"environment": environment, "resolved": True, "listing": digest(b"")}
    manifest = MANIFEST | {"environments": [packed]}
    if not refused:
        assert manifest_of(tmp_path, manifest).environments[0].environment.lock == (lock,)
        return
    with pytest.raises(ManifestError, match=refused):
        manifest_of(tmp_path, manifest)


def saved_image(layer, said):
    """As `docker save` writes an image of one layer, whose digest is said to be another's."""
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": [digest(said)]}}).encode()
    about = json.dumps([{"Config": "c", "RepoTags": None, "Layers": ["l"]}]).encode()
    return config, tar(("manifest.json", about), ("c", config), ("l", layer))


def test_layers_are_kept_as_their_digests_say_however_the_engine_saves_them(tmp_path):
    layer = tar(("file", b"x"))
    for form in (layer, gzip.compress(layer)):
        config, data = saved_image(form, layer)
        (tmp_path / "image.tar").write_bytes(data)
        found = {}
        assert unpack_saved(tmp_path / "image.tar", tmp_path, found) == digest(config)
        assert {one: path.read_bytes() for one, path in found.items()} == {
            digest(config): config,
            digest(layer): layer,
        }
    (tmp_path / "image.tar").write_bytes(saved_image(b"another", layer)[1])
    with pytest.raises(MissingError, match="in a form that is not known"):
        unpack_saved(tmp_path / "image.tar", tmp_path, {})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("save", "ledgerlite", "--sandbox", "local"), "cannot travel"),
        (("save", "ledgerlite", "--out", "."), "is a directory"),
        (("save", "ledgerlite", "--out", "no/such.tar"), "there is no folder no"),
        (("save", "ledgerlite", "--out", "there.tar"), "there.tar is there already"),
        (("save", "ledgerlit"), "Did you mean 'ledgerlite'"),
        (("load", "there.tar"), "is no archive of environments"),
        (("load", "missing.tar"), "is no file"),
    ],
)
def test_what_cannot_be_is_said_in_two_lines(capsys, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.tar").write_text("mine")
    with pytest.raises(SystemExit) as ended:
        main(["env", *words])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 2
    assert (tmp_path / "there.tar").read_text() == "mine"


def test_variables_are_those_of_every_command(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEQSWE_SANDBOX", "local")
    with pytest.raises(SystemExit) as ended:
        main(["env", "save", "ledgerlite"])
    assert ended.value.code == 2
    assert "--sandbox local cannot travel" in capsys.readouterr().err
