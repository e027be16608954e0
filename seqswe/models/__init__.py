"""Models that a memory may ask: the protocol, the meter, and clients that speak the wire.

Imports `errors` alone. Start at `protocol.py`; `openai.py` asks an endpoint, `meter.py` counts.
"""
