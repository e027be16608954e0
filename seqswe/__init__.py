"""SeqSWE: learning curves of coding agents on one codebase's issues, in order."""

__version__ = "0.1.0"
