"""Signing in, API keys, snippets, settings and the audit log."""
