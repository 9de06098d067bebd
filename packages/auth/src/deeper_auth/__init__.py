"""deeper-auth."""
