"""What runs in the grader's sandbox: a shell script, and a pytest plug-in that the script writes.

Names in braces, such as {files}, are filled in by `grade.py`. The plug-in is stored as text, so
that no formatter changes what is sent.
"""
