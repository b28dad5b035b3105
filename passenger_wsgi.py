"""The Passenger door: a process that lives on and answers many requests. Everything else is in lib/postern.

A panel starts it with a Python of its own choice; the packages are there for the one that install.sh chose, and that one
stands in the first line of the CGI door. So it takes over. Up to there, only what Python 3.6 understands.
"""

import os
import sys

TOP = os.path.dirname(os.path.abspath(__file__))
LOADER = "wsgi-loader.py"
TOOK_OVER = "--postern"


def chosen_python():
    """The interpreter that install.sh chose; empty before its first run."""
    try:
        with open(os.path.join(TOP, "cgi-bin", "postern.cgi"), encoding="utf-8") as door:
            path = door.readline()[2:].split()[0]
    except (OSError, IndexError):
        return ""
    return path if os.path.basename(path) != "env" and os.access(path, os.X_OK) else ""


def hand_over():
    """Become the chosen interpreter, once: it runs Passenger's loader from its start, which comes back here."""
    python = chosen_python()
    is_other = python and os.path.realpath(python) != os.path.realpath(sys.executable)
    # Under another server there is no loader to run again: LiteSpeed has its Python inside a program of its own.
    if is_other and TOOK_OVER not in sys.argv and os.path.basename(sys.argv[0]) == LOADER:
        os.execv(python, [python, *sys.argv, TOOK_OVER])  # noqa: S606
    if sys.version_info < (3, 9):
        raise RuntimeError(
            f"Postern needs Python 3.9 or newer; this is {sys.version.split()[0]} ({sys.executable}). "
            "Choose a newer Python for the app in the panel, or run install.sh again: it looks for one."
        )


hand_over()
sys.path.insert(0, os.path.join(TOP, "lib"))

from postern.doors import passenger  # noqa: E402

application = passenger()
