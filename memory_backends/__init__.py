"""The memories that ship with SeqSWE, one file each."""
