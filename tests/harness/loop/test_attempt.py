"""What an agent says of its work, as a journal can hold it."""

import math

import pytest

from harness.loop.attempt import validate_attempt
from seqswe.agent import Attempt
from seqswe.errors import ManifestError


@pytest.mark.parametrize("stated", [None, 0.0, 0.75, 1])
def test_a_stated_confidence_is_kept(stated):
    checked = validate_attempt(Attempt(confidence=stated))
    assert (checked.attempt.confidence, checked.usage_refused) == (stated, ())


@pytest.mark.parametrize(
    ("stated", "said"), [(1.5, "1.5"), (-0.1, "-0.1"), (math.nan, "nan"), (math.inf, "inf")]
)
def test_a_confidence_that_cannot_be_is_missing_and_said(stated, said):
    checked = validate_attempt(Attempt(confidence=stated, message="done"))
    assert checked.attempt.confidence is None
    assert checked.attempt.message == "done"
    assert checked.usage_refused == (f"confidence: {said}",)


def test_a_confidence_in_words_is_refused():
    with pytest.raises(ManifestError, match="confidence"):
        validate_attempt(Attempt(confidence="high"))
