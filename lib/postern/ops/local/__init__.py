"""Servers of our own on this machine, gone without a trace: PostgreSQL and an SMTP sink, for the demo and the tests."""
