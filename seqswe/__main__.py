"""`python -m seqswe`: the command line."""

from seqswe.cli import main

main()
