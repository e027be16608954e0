"""Base images by Python, wheels made of source distributions, packages in a container.

Building a wheel asks the package index and takes a container, six seconds.
"""

import pytest

from harness.environments.uv import wheelhouse
from harness.sandboxes.images import Images, bases_of
from seqswe.errors import MissingError, UsageError
from seqswe.sandbox import Environment


@pytest.mark.parametrize(
    ("text", "bases"),
    [
        ("", {}),
        ("debian:12", {"": "debian:12"}),
        ("3.9=A,3.11=B", {"3.9": "A", "3.11": "B"}),
        (" 3.9=A , C ", {"3.9": "A", "": "C"}),
        ("3.9=x.y:5000/z@sha256:00", {"3.9": "x.y:5000/z@sha256:00"}),
    ],
)
def test_base_images_by_python(text, bases):
    assert bases_of(text) == bases


@pytest.mark.parametrize("text", ["3.9=", "3.9=A,3.9=B", "A,B", "=A", "bullseye=A", "3.9.1=A"])
def test_nonsense_is_refused(text):
    with pytest.raises(UsageError) as raised:
        bases_of(text)
    assert "3.9=python:3.9-slim" in raised.value.hint


@pytest.mark.docker
def test_a_base_image_that_is_nowhere_is_named(docker):
    images = Images(docker.client, "3.11=seqswe-no-such-image:0")
    with pytest.raises(MissingError) as raised:
        images.base("3.11")
    assert "no base image with Python 3.11: seqswe-no-such-image:0" in raised.value.message
    assert "--base-image 3.11=IMAGE" in raised.value.hint


@pytest.mark.docker
def test_a_base_image_with_another_python_is_refused(docker):
    images = Images(docker.client, "3.12=seqswe-base:bookworm")
    with pytest.raises(MissingError) as raised:
        images.ensure("3.12")
    assert "has Python 3.11" in raised.value.message


@pytest.mark.docker
def test_a_wheel_is_made_of_a_source_distribution_and_only_that_is_taken(docker):
    assert docker.images.build_wheel("docopt", python="3.11", cutoff="")
    [wheel] = wheelhouse("3.11", "").glob("*.whl")
    assert wheel.name == "docopt-0.6.2-py2.py3-none-any.whl"
    found = docker.resolve(Environment(key="0" * 12, python="3.11", requirements=("docopt",)))
    assert found.lock == ("docopt==0.6.2",)


@pytest.mark.docker
def test_what_cannot_be_built_leaves_nothing(docker):
    before = sorted(wheelhouse("3.11", "").glob("*.whl"))
    assert not docker.images.build_wheel("seqswe-no-such-package", python="3.11", cutoff="")
    assert sorted(wheelhouse("3.11", "").glob("*.whl")) == before


@pytest.mark.docker
def test_packages_are_there_compiled_and_read_only(docker, lay):
    spec = lay()
    box = docker.open(spec)
    try:
        places = "import pluggy; print(pluggy.__file__, pluggy.__cached__)"
        source, cached = box.run(["python", "-c", places]).text.split()
        assert box.run(["test", "-f", cached]).ok, "compiled before it is used"
        for change in (f"echo x >> {source}", f"rm -f {source}", f"touch $(dirname {source})/x"):
            assert not box.run(change).ok, change
        assert box.run(["python", "-c", "import pluggy"]).ok
    finally:
        box.close()
    site = docker.packages(spec.environment)
    assert not (site / "pluggy" / "x").exists()
