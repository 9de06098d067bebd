"""Measurements, run by hand: ``uv run python -m tests.benchmarks``. Nothing here is a test."""
