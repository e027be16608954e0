"""A codebase as data: what a manifest says, and the strict reading of files from outside.

Imports `errors`, `instance` and `sandbox`. Start at `manifest.py` (what there is to say of a
codebase); `manifest_files.py` reads and writes it, `convert.py` makes dataclasses of outside data.
"""
