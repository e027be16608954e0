"""What differs between two runs of any agent, in what its commands print."""

COMMON = (
    r"\b\d+\.\d+ ?s(?:ec(?:onds?)?)?\b",  # how long tests took
    r"\b0x[0-9a-f]{6,}\b",  # where an object lies
    r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?",
    r"/tmp/[\w./-]+",
    r"/pytest-of-[\w./-]+",
    r"\bpid \d+\b",
)
"""Regular expressions for texts of requests, when a recorded run is compared with its replay."""
