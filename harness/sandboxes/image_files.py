"""An image as files that are named by their digests, its configuration and layers, and back.

What an engine is given to load is put together here from checked contents, and names no tag: an
archive from elsewhere cannot move one.
"""

from __future__ import annotations

import gzip
import json
import shutil
import tarfile
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, cast

import docker
from docker.models.images import Image

from harness.environments.contents import CHUNK, Contents, digest_of_file
from harness.sandboxes.engine import missing_engine
from seqswe.errors import ManifestError, MissingError
from seqswe.manifests.read import parse_json
from seqswe.patterns import DIGEST

MOST_CONFIG = 1_000_000
GZIP = b"\x1f\x8b"


def layers_of(config: bytes, where: str) -> list[str]:
    """The digests of an image's layers, by its configuration. Raises ManifestError."""
    data = parse_json(config, where, "It is no image.", numbers=False)
    filesystem = data.get("rootfs") if isinstance(data, dict) else None
    layers = filesystem.get("diff_ids") if isinstance(filesystem, dict) else None
    if not isinstance(layers, list) or not layers or not all(map(DIGEST.fits, layers)):
        raise ManifestError(f"{where}: no configuration of an image", "It is no image.")
    return layers


def unpack(image: Image, folder: Path, found: MutableMapping[str, Path]) -> str:
    """Write an image's files into a folder; returns the digest of its configuration.

    found: file by digest; what is there already is not written again. Raises MissingError.
    """
    with TemporaryDirectory(dir=folder) as scratch:
        saved = Path(scratch) / "image.tar"
        with missing_engine(), saved.open("wb") as file:
            for piece in image.save(chunk_size=CHUNK, named=False):
                file.write(piece)
        return unpack_saved(saved, folder, found)


def unpack_saved(saved: Path, folder: Path, found: MutableMapping[str, Path]) -> str:
    """The same of an image as `docker save` writes it."""

    def keep(source: IO[bytes], digest: str = "") -> str:
        part = folder / "part"
        with part.open("wb") as file:
            shutil.copyfileobj(source, file, CHUNK)
        made = digest_of_file(part)
        if digest and made != digest:
            raise MissingError(
                f"the engine saves layer {digest} in a form that is not known",
                "Use an engine that saves layers as they are, or as gzip.",
            )
        found[made] = part.rename(folder / made.removeprefix("sha256:"))
        return made

    with tarfile.open(saved) as archive:

        def member(name: str) -> IO[bytes]:
            return cast(IO[bytes], archive.extractfile(name))

        [about] = parse_json(member("manifest.json").read(), "the engine's image", "")
        config = keep(member(about["Config"]))
        layers = layers_of(found[config].read_bytes(), "the engine's image")
        for name, digest in zip(about["Layers"], layers, strict=True):
            if digest not in found:
                layer = member(name)
                packed = layer.read(len(GZIP)) == GZIP
                layer.seek(0)
                if packed:
                    with gzip.open(layer) as unpacked:
                        keep(cast(IO[bytes], unpacked), digest)
                else:
                    keep(layer, digest)
    return config


def load(client: docker.DockerClient, contents: Contents, config: str) -> Image:
    """Give an image to the engine, without a tag. Raises MissingError if it does not take it."""
    with missing_engine():
        pieces: Any = _saved(contents, config)  # the client sends it piece by piece
        [image] = client.images.load(pieces)
        return image


def _saved(contents: Contents, config: str) -> Iterator[bytes]:
    """An image in the form of `docker save`, piece by piece."""
    layers = layers_of(contents.read(config, MOST_CONFIG), contents.where)
    names = {digest: f"{digest.removeprefix('sha256:')}.tar" for digest in layers}
    about = {
        "Config": f"{config.removeprefix('sha256:')}.json",
        "RepoTags": None,
        "Layers": [names[digest] for digest in layers],
    }
    manifest = json.dumps([about]).encode()
    yield from _member("manifest.json", len(manifest), iter([manifest]))
    for digest, name in {config: about["Config"], **names}.items():
        yield from _member(str(name), contents.size(digest), contents.chunks(digest))
    yield bytes(2 * tarfile.BLOCKSIZE)


def _member(name: str, size: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o644
    yield header.tobuf(tarfile.GNU_FORMAT)
    yield from pieces
    yield bytes(-size % tarfile.BLOCKSIZE)
