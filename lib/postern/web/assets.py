"""The addresses of static files, as pages name them: the fingerprinted copy where install.sh made one, else the plain file.

Not here: the copies (ops/install/static.py), and serving them (the web server).
"""

from __future__ import annotations

import os
from functools import cache

from postern.base import home, stamp

FOLDER = os.path.join(home.program(), "static")


@cache
def url(name: str, folder: str = FOLDER) -> str:
    """The address of static/<name>. Looked up once a process: an upgrade starts new ones."""
    try:
        with open(os.path.join(folder, name), "rb") as file:
            copy = stamp.copy_name(name, file.read())
    except OSError:
        # A page without its looks still says what it has to say, and the page that tells of an error must not fail.
        return f"/static/{name}"
    return f"/static/{copy if os.path.isfile(os.path.join(folder, copy)) else name}"
