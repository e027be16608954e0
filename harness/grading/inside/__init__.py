"""What runs in a sandbox: the collector in the agent's, a script and its Python in the grader's.

Names in braces, such as {files}, are filled in by `grade.py`. Python that a test run is started
with is stored as text, so that no formatter changes what is sent.
"""
