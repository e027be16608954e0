"""How what a memory recalls reaches the agent: five ways, whatever the memory stores it in."""

from harness.delivery.deliver import Given, check, deliver

__all__ = ["Given", "check", "deliver"]
