"""Measurements of SeqSWE itself: ratios and calibration, never timed tests."""
