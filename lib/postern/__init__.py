"""Postern: private e-mail aliases on your own domain, from a shared host."""

import os

__version__ = "0.1.0"

LOADED_FROM = os.stat(__file__)
"""This file as it was when the process began: after an upgrade, the one on disk is another (base/gate.py)."""
