"""Builds the provider of an experiment's sandboxes, swept before and closed after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from seqswe.experiment import Experiment
from seqswe.plugins import build
from seqswe.sandbox import SandboxProvider


def provider_of(name: str, base_image: str) -> SandboxProvider:
    """Build a sandbox provider by name, with the options that it takes."""
    options = {"base_image": base_image} if name == "docker" else {}
    provider: SandboxProvider = build("sandbox", name, **options)
    return provider


@contextmanager
def open_provider(experiment: Experiment) -> Iterator[SandboxProvider]:
    """Open the experiment's sandbox provider, sweep before and close it after."""
    provider = provider_of(experiment.sandbox, experiment.base_image)
    try:
        provider.sweep()
        yield provider
    finally:
        provider.close()
