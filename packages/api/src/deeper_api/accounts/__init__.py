"""Accounts: signing up and in, passwords, and whether whoever holds a token still stands."""
