"""The i.i.d. arm of one run as the baseline of others, of other memories."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from seqswe.analysis.arms import RunLayout, layout
from seqswe.arms import BASELINE
from seqswe.errors import CannotLendError
from seqswe.runs.files import check_files
from seqswe.runs.journal import Journal
from seqswe.runs.lending import check_lender, check_recalls, empty_recalls
from seqswe.runs.rollout import Rollout
from seqswe.runs.store import RunDirectory, RunInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """An iid arm that is lent: its rollouts, what was planned, and what its memory recalled."""

    lender: RunDirectory
    rollouts: tuple[Rollout, ...]
    plan: RunLayout
    recalls: str
    digest: str
    """Of the lender's results."""

    @classmethod
    def of(cls, lender: RunDirectory) -> Lent:
        """Read the arm. Raises UsageError if there is none, RunDirError for a damaged journal."""
        check_lender(lender, lender.info, str(lender.root))
        journal = lender.journal()
        check_files(lender, journal)
        return cls(
            lender=lender,
            rollouts=tuple(r for r in journal.rollouts if r.arm == BASELINE),
            plan=layout(lender.info, journal),
            recalls=empty_recalls(lender, journal),
            digest=journal.results_digest(),
        )

    @classmethod
    def among(cls, directories: Sequence[RunDirectory]) -> Lent | None:
        """The first iid arm of these that may serve those without one; None if none needs it."""
        if not any(_may_borrow(directory.info) for directory in directories):
            return None
        with_arm = (d for d in directories if BASELINE in d.info.experiment.arm)
        lender = next(with_arm, None)
        with suppress(CannotLendError):  # such as one that is not finished: then there is no lift
            return cls.of(lender) if lender else None
        return None

    def to_needy(self, borrower: RunDirectory, journal: Journal) -> Lent | None:
        """The same for a run without an iid arm that may borrow it; None for any other."""
        if not _may_borrow(borrower.info):
            return None
        try:
            return self.to(borrower, journal)
        except CannotLendError:
            return None

    def to(self, borrower: RunDirectory, journal: Journal) -> Lent | None:
        """The same for a run that may borrow it; None for the lender itself. Raises UsageError."""
        if borrower.root.resolve() == self.lender.root.resolve():
            return None
        name = str(borrower.root)
        check_lender(self.lender, borrower.info, name)
        check_recalls(self.lender, self.recalls, empty_recalls(borrower, journal), name)
        return self

    @property
    def sentence(self) -> str:
        """What the report says of it."""
        memory = self.lender.info.experiment.memory
        return (
            f"BASELINE: the iid arm is that of {self.lender.root} (memory {memory!r}, results "
            f"{self.digest}); what the memories recall when they are empty was seen to be the same."
        )


def _may_borrow(info: RunInfo) -> bool:
    return BASELINE not in info.experiment.arm and info.empty_recalls is not None
