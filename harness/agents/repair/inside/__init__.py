"""Modules that are sent into the sandbox as files; they need the standard library and pytest."""
