"""Stores of sessions with one fault each. They show that the conformance suite can fail."""
