"""Programs that run inside a sandbox, with Python 3.7 or newer and its standard library alone."""
