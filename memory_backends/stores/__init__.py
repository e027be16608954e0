"""Adapters to memory stores of others; each needs an extra of its own. And an agent's own memory.

May import `shared`. Start at `mcp_store.py`, which speaks to any MCP memory server.
"""
