"""The commands that need git, sandboxes or both; `seqswe.cli` names them as strings."""
