"""A sandbox as files for `docker build`: an environment's image, and a checkout above it.

What is in them is what a container of the `docker` sandbox sees: the same packages, the same git
objects, the same variables. What holds a container in (no network, limits, a user of its own) is
up to whoever runs them.
"""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

from harness.sandboxes.checkout import PINNED, checkout_script
from harness.sandboxes.container_options import OBJECTS
from harness.sandboxes.images import CHECKOUT, ENVIRONMENT, SKELETON, packages_folder
from harness.sandboxes.inbox import Inbox
from seqswe.sandbox import SandboxSpec

HISTORY = "history"
"""Folder of a build context with a commit's objects."""
PACKAGES = "packages.tar"
IMAGE = """FROM {base}
COPY skeleton.sh /tmp/
RUN sh /tmp/skeleton.sh && rm /tmp/skeleton.sh
ADD {archive} {packages}/
ENV {variables}
WORKDIR {checkout}
"""
TASK = """FROM {image}
COPY {history} {objects}
COPY project {inbox}/project
COPY checkout.sh /tmp/
RUN sh /tmp/checkout.sh && rm /tmp/checkout.sh
"""
# In braces: bash reads it to the end before it runs it, because the checkout may replace it.
NEXT = """{{
set -e
step=$(mktemp -d)
mv {checkout}/{folder}/* "$step"
find {checkout} -mindepth 1 -delete
mkdir "$step/pack"
while read -r name; do
  mv "$step/history/pack/$name" "$step/pack" 2>/dev/null || mv "{objects}/pack/$name" "$step/pack"
done < "$step/packs.txt"
rm -rf {objects}/pack {inbox}/project
mv "$step/pack" {objects}
mv "$step/project" {inbox}
if [ -e "$step/{archive}" ]; then
  find {packages} -mindepth 1 -delete
  tar -xf "$step/{archive}" -C {packages}
fi
sh "$step/checkout.sh"
rm -rf "$step"
exit
}}
"""
STEP = ".seqswe-step"
"""Folder below the checkout in which a step's files arrive."""


def write_environment(folder: Path, *, base: str, python: str, packages: Path) -> None:
    """Write the build context of an environment's image: its packages on a base image."""
    folder.mkdir(parents=True)
    place = packages_folder(python)
    path = [f"{ENVIRONMENT}/bin", f"{place}/bin", f"{Inbox.INSIDE}/project/bin"]
    path += ["/usr/local/bin", "/usr/bin", "/bin"]
    variables = {**PINNED, "PATH": ":".join(path)}
    text = IMAGE.format(
        base=base,
        archive=PACKAGES,
        packages=place,
        variables=" ".join(f"{name}={value}" for name, value in variables.items()),
        checkout=CHECKOUT,
    )
    (folder / "Dockerfile").write_text(text)
    (folder / "skeleton.sh").write_text(SKELETON)
    write_packages(packages, folder)


def write_packages(packages: Path, folder: Path) -> None:
    """Write an environment's packages as an archive."""
    with tarfile.open(folder / PACKAGES, "w", format=tarfile.GNU_FORMAT) as archive:
        archive.add(packages, ".", filter=_owned_by_root)


def write_checkout(folder: Path, spec: SandboxSpec, image: str) -> None:
    """Write the build context of a checkout above an environment's image.

    The objects of `spec` are in the folder's `history` already.
    """
    write_layout(folder, spec)
    text = TASK.format(image=image, history=HISTORY, objects=OBJECTS, inbox=Inbox.INSIDE)
    (folder / "Dockerfile").write_text(text)


def write_layout(folder: Path, spec: SandboxSpec) -> None:
    """Write the project's metadata, and the script that lays a checkout out where its objects
    are."""
    (folder / "project").mkdir(parents=True)
    for path, text in spec.project.items():
        target = folder / "project" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o755)
    # Git writes the files: an archive of them would hold every one a second time.
    plain = replace(spec, checkout=replace(spec.checkout, tree=""))
    script = f"cd {CHECKOUT}\n{checkout_script(plain, OBJECTS)}"
    (folder / "checkout.sh").write_text(script)


def next_checkout_script(python: str) -> str:
    """Commands for bash that turn a container's checkout into that of the next step.

    What `write_layout` wrote has arrived in `STEP`, with new packs in `history/pack`, the names of
    all packs in packs.txt, and an archive of packages where they change.
    """
    return NEXT.format(
        checkout=CHECKOUT,
        folder=STEP,
        objects=OBJECTS,
        inbox=Inbox.INSIDE,
        archive=PACKAGES,
        packages=packages_folder(python),
    )


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
