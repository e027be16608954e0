"""The model gateway: the one way from an agent to a model. It meters, paces, limits and records.

Ground floor: imports no other room. Start at `interface.py`, which says how the loop and agents
use it; `server.py` is the way of one request, `routes.py` says what may pass.
"""

from harness.gateway.interface import GatewaySettings, ModelUsage, RolloutId

__all__ = ["GatewaySettings", "ModelUsage", "RolloutId"]
