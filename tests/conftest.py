"""Fixtures by topic; each module of tests/fixtures is a plugin."""

pytest_plugins = ["tests.fixtures.postgres"]
