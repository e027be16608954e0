"""SeqSWE: learning curves of coding agents on one codebase's issues, in order."""
