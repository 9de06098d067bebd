"""The web client, for ``deeper dev``: built of its sources, and served beside the API."""
