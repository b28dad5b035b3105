"""Webhooks of other services that take mail in: each proves itself in its own way, and none is loaded before its first post."""
