"""SeqSWE: learning curves of coding agents on one codebase's issues, in order."""

__version__ = "0.2.0"
