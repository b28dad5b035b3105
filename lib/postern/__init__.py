"""Postern: private e-mail aliases on your own domain, from a shared host."""

__version__ = "0.1.0"
