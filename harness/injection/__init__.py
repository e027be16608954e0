"""Bugs put into real code: sequences whose faults recur, for agents that need no model."""
