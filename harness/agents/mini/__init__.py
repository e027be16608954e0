"""`mini`: mini-swe-agent's loop on the host; its commands run in the sandbox, its model is asked
through the gateway.

Imports no other room but the prompt and the transcripts of recipes. Start at `agent.py`.
"""
