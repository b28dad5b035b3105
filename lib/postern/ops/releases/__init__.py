"""Releases: packed, checked, put in the place of one another, and back."""
