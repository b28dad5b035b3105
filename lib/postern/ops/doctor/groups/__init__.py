"""The groups of checks: a module each, with a table CHECKS of items and the functions that look."""
