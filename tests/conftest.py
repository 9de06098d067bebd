"""Fixtures by topic; each module of tests/fixtures is a plugin."""

pytest_plugins = [
    "tests.fixtures.llama",
    "tests.fixtures.ollama",
    "tests.fixtures.postgres",
    "tests.fixtures.properties",
]
