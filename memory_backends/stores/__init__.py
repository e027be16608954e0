"""Adapters to memory stores of others; each needs an extra of its own.

May import `shared`. Start at `mcp_store.py`, which speaks to any MCP memory server.
"""
