"""deeper-model."""
