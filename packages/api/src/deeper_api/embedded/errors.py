"""What can go wrong with the embedded server."""


class EmbeddedPostgresFailed(Exception):
    """The embedded PostgreSQL cannot be used; the text says why, for the person who started it."""
