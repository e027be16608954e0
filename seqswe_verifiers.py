"""The name by which verifiers finds its adapter: it imports top-level modules alone."""

from harness.adapters.verifiers import *  # noqa: F403
from harness.adapters.verifiers import __all__ as __all__
