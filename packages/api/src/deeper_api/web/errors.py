"""What can go wrong with the web client."""


class WebUnavailable(Exception):
    """There will be no web client; the text says why and what helps, for the person who started it."""
