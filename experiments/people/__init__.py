"""Accounts, passwords, API keys and the signing key."""
