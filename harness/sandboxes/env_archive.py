"""Environments of Docker sandboxes in one archive: saved on one machine, put in place on another.

An archive holds, by digest, the packages of each environment as they lie in the cache, and the
image of each Python with its base. Its manifest says which, with the versions that requirements
were resolved to. Who wrote it decides what grades, so it is trusted as a base image is; what is
checked is that it is whole, and that it changes nothing but what it is for.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from docker.errors import ImageNotFound
from docker.models.images import Image
from docker.utils import parse_repository_tag

from harness.environments.contents import Contents, write_archive
from harness.environments.listing import FOREIGN, MOST_BYTES, Listing, Placed
from harness.environments.locks import keep, kept_resolution, locked
from harness.environments.resolve import PINNED, Resolution
from harness.environments.store import SITE
from harness.sandboxes import image_files
from harness.sandboxes.docker import PLACE, DockerProvider
from harness.sandboxes.engine import missing_engine
from harness.sandboxes.images import SKELETON, Images, name_on
from seqswe import __version__
from seqswe.errors import ManifestError, MissingError, UsageError
from seqswe.instance import digest_of
from seqswe.manifests.convert import parse
from seqswe.manifests.read import parse_json
from seqswe.patterns import DIGEST, NAME, VERSION
from seqswe.sandbox import Environment

FORMAT = 1
"""Counted up when an archive of old cannot be read any more."""
MADE_BY = digest_of(SKELETON)
"""How images are made of their bases; an image that is made otherwise is another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedImage:
    """The image of a Python and its base, by the digests of their configurations."""

    python: Annotated[str, VERSION]
    base: str
    """The name by which the base is found."""
    base_config: Annotated[str, DIGEST]
    config: Annotated[str, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedEnvironment:
    """An environment with its lock, and the digest of the listing of its packages."""

    environment: Environment
    resolved: bool
    """Whether the lock is not in the codebase's manifest, but was made when it was needed."""
    changed: tuple[str, ...] = ()
    """What had to give way for that lock."""
    listing: Annotated[str, DIGEST]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveManifest:
    """manifest.json of an archive."""

    format: int
    seqswe: str
    made_by: Annotated[str, DIGEST]
    machine: str
    codebase: Annotated[str, NAME]
    images: tuple[PackedImage, ...]
    environments: tuple[PackedEnvironment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What an archive holds."""

    digest: str
    """Of the manifest, which names everything else by its digest."""
    images: int
    environments: int
    files: int
    """Packages' files, those that several environments have counted for each."""
    bytes: int


def save(
    provider: DockerProvider, codebase: str, environments: Sequence[Environment], path: Path
) -> Saved:
    """Write an archive of environments, which are made if need be. Raises MissingError, UsageError.

    codebase: its name, for whoever opens the archive.
    """
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as scratch:
        folder, contents, files = Path(scratch), dict[str, Path](), 0
        packed = []
        for environment in environments:
            site = provider.packages(environment)
            listing, resolution = Listing.of(site), kept_resolution(environment)
            part = folder / f"{environment.key}.json"
            data = listing.data()
            part.write_bytes(data)
            if len(data) > MOST_BYTES:
                raise MissingError(
                    f"environment {environment.key} has {len(listing):,} files",
                    "That is more than an archive takes.",
                )
            digest = digest_of(data)
            contents[digest] = part
            for names in (listing.plain, listing.executable):
                contents |= {content: site / name for name, content in names.items()}
            packed.append(
                PackedEnvironment(
                    environment=locked(environment),
                    resolved=not environment.lock,
                    changed=resolution.changed if resolution and not environment.lock else (),
                    listing=digest,
                )
            )
            files += len(listing)
        pythons = sorted({environment.python for environment in environments})
        images = [_packed(provider.images, python, folder, contents) for python in pythons]
        manifest = ArchiveManifest(
            format=FORMAT,
            seqswe=__version__,
            made_by=MADE_BY,
            machine=platform.machine(),
            codebase=codebase,
            images=tuple(images),
            environments=tuple(packed),
        )
        text = json.dumps(asdict(manifest), indent=1)
        (folder / "manifest").write_text(text, encoding="utf-8")
        write_archive(path, folder / "manifest", contents)
    return Saved(
        digest=digest_of(text),
        images=len(images),
        environments=len(packed),
        files=files,
        bytes=path.stat().st_size,
    )


def _packed(images: Images, python: str, folder: Path, contents: dict[str, Path]) -> PackedImage:
    """Take the image of a Python and its base into the contents. Raises UsageError, MissingError.

    folder: where their files are put.
    """
    with missing_engine():
        image = images.ensure(python)
        found = images.base_here(python)
    if found is None:  # a registry's, which was removed since
        raise MissingError(f"the base image of Python {python} is gone", "Do the same again.")
    name, base = found
    if _full(name) not in base.tags:
        raise UsageError(
            f"base image {name!r:.120} is no tag, and no other name travels",
            "Give it one (`docker tag`), and that as --base-image.",
        )
    return PackedImage(
        python=python,
        base=name,
        config=image_files.unpack(image, folder, contents),  # has the layers of its base
        base_config=image_files.unpack(base, folder, contents),
    )


def load(provider: DockerProvider, contents: Contents) -> Iterator[str]:
    """Put everything of an archive where a run looks for it; says of each what became of it.

    All of it is checked before anything is put in place, and what is there already is kept as it
    is. Raises ManifestError, UsageError and MissingError.
    """
    manifest = read_manifest(contents)
    for packed in manifest.images:
        _check_base(provider.images, contents, packed)
    contents.check(_wanted(contents, manifest))
    for packed in manifest.images:
        yield f"image of Python {packed.python}: {_put_image(provider.images, contents, packed)}"
    placed: Placed = {}
    for each in manifest.environments:
        key = each.environment.key
        yield f"environment {key}: {_put_packages(provider, contents, each, placed)}"
        if each.resolved and not _put_lock(each):
            yield f"environment {key}: its versions here are others, which are kept"


def read_manifest(contents: Contents) -> ArchiveManifest:
    """What an archive says of itself. Raises ManifestError if it is not for this machine."""
    where = f"{contents.where}: manifest.json"
    data = parse_json(contents.manifest, where, "It was not written by `seqswe env save`.")
    number = data.get("format") if isinstance(data, dict) else None
    if number != FORMAT:
        raise ManifestError(
            f"{where}: format {number!r:.20}, and this SeqSWE ({__version__}) reads {FORMAT}",
            "Save it again with the version of SeqSWE that is to load it.",
        )
    manifest = parse(ArchiveManifest, data, where)
    if manifest.machine != platform.machine():
        raise ManifestError(
            f"{where}: it is for {manifest.machine!r:.40}, and this machine is "
            f"{platform.machine()}",
            "Save it on a machine with the same processor.",
        )
    if manifest.made_by != MADE_BY:
        raise ManifestError(
            f"{where}: SeqSWE {manifest.seqswe!r:.40} makes images otherwise than this "
            f"({__version__})",
            "Save it again with the version of SeqSWE that is to load it.",
        )
    for each in manifest.environments:
        if not all(map(PINNED.fullmatch, each.environment.lock)):
            raise ManifestError(f"{where}: a lock that is no NAME==VERSION", FOREIGN)
    return manifest


def _check_base(images: Images, contents: Contents, packed: PackedImage) -> None:
    """Raise UsageError if a base image could not be put in place, or would not be found there."""
    if packed.base not in images.base_names(packed.python):
        raise UsageError(
            f"the base image of Python {packed.python} in it is {packed.base!r:.120}, which no run "
            "here looks for",
            f"Give --base-image {packed.python}=IMAGE as it was saved with, here and to each run.",
        )
    layers = image_files.layers_of(
        contents.read(packed.base_config, image_files.MOST_CONFIG), contents.where
    )
    with missing_engine():
        found = images.base_here(packed.python)
    # Engines may name one image by different ids, but not its layers.
    if found and found[1].attrs["RootFS"]["Layers"] != layers:
        raise UsageError(
            f"base image {found[0]} is here, and is another than the one in {contents.where}",
            f"Give the one here another name (`docker tag {found[0]} NAME`, then "
            f"`docker rmi {found[0]}`), or do without the archive.",
        )


def _wanted(contents: Contents, manifest: ArchiveManifest) -> set[str]:
    """The digests of everything that an archive's manifest leads to."""
    wanted = set()
    for each in manifest.environments:
        listing = _listing(contents, each)
        wanted |= {each.listing, *listing.digests()}
    for packed in manifest.images:
        for config in (packed.config, packed.base_config):
            data = contents.read(config, image_files.MOST_CONFIG)
            wanted |= {config, *image_files.layers_of(data, contents.where)}
    return wanted


def _put_image(images: Images, contents: Contents, packed: PackedImage) -> str:
    with missing_engine():
        if found := images.base_here(packed.python):
            base = found[1]
        else:
            base = image_files.load(images.client, contents, packed.base_config)
            _tag(base, packed.base)
        name = name_on(base, packed.python)
        try:
            images.client.images.get(name)
        except ImageNotFound:
            _tag(image_files.load(images.client, contents, packed.config), name)
            return "put in place"
        return "was there already"


def _put_packages(
    provider: DockerProvider, contents: Contents, each: PackedEnvironment, placed: Placed
) -> str:
    store, listing = provider.environments, _listing(contents, each)
    name = store.name(each.environment, PLACE)
    folder = store.root / name / SITE
    if not store.add(name, lambda site: listing.write(site, contents, placed)):
        same = Listing.of(folder) == listing
        return "was there already" if same else "is there and differs, and is kept as it is"
    for files, runs in ((listing.plain, False), (listing.executable, True)):
        placed.update({(digest, runs): folder / path for path, digest in files.items()})
    return "put in place"


def _put_lock(each: PackedEnvironment) -> bool:
    """Keep the versions that requirements were resolved to; False if others are kept here."""
    asked = replace(each.environment, lock=())
    known = kept_resolution(asked)
    if known is None:
        keep(asked, Resolution(lock=each.environment.lock, changed=each.changed))
    return known is None or known.lock == each.environment.lock


def _listing(contents: Contents, each: PackedEnvironment) -> Listing:
    where = f"{contents.where}: packages of {each.environment.key}"
    return Listing.read(contents.read(each.listing, MOST_BYTES), where)


def _full(name: str) -> str:
    """An image's name with its tag, as an engine lists it."""
    repository, tag = parse_repository_tag(name)
    return f"{repository}:{tag or 'latest'}"


def _tag(image: Image, name: str) -> None:
    repository, tag = parse_repository_tag(name)
    image.tag(repository, tag or "latest")
