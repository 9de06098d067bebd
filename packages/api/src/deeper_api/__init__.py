"""deeper-api."""
