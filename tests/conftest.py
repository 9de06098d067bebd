"""Fixtures by topic; each module of tests/fixtures is a plugin."""

pytest_plugins = [
    "tests.fixtures.llama",
    "tests.fixtures.ollama",
    "tests.fixtures.postgres",
    "tests.fixtures.properties",
    "tests.fixtures.redis",
    "tests.fixtures.signals",
    # These import from those above, and a plugin has to be registered before it is imported.
    "tests.fixtures.applications",
    "tests.fixtures.middlemen",
    "tests.fixtures.servers",
]
