"""Programs that run inside a sandbox, with Python 3.8 or newer and its standard library alone."""
