"""The harness: history, environments, sandboxes, mining, grading and the loop."""
