"""From a clone's history to validated instances."""
