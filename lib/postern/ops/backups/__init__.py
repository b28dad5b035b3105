"""Sealed copies of the database, and the way back from one."""
