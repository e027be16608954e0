"""Agents that need no model: references, doubles, and a door for any command line."""
