"""Codebases that SeqSWE knows, as data: one folder each."""
