"""What the operator asks of the resident: how it is, and to leave."""

from __future__ import annotations

import json
import os
import socket

from postern.resident import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ASK_SECONDS = 2
"""It answers at once, unless all its threads are at work; then it is as if it were not there."""


def status(home: str) -> dict[str, Any] | None:
    """What it holds (resident/listen.py); None where there is none, or it does not answer."""
    said = _say(home, wire.STATUS)
    return json.loads(said) if said else None


def stop(home: str) -> bool:
    """Let it leave once it has answered what it is at. False: there is none."""
    return _say(home, wire.STOP) is not None


def _say(home: str, kind: bytes) -> bytes | None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(ASK_SECONDS)
        try:
            line.connect(os.path.join(home, wire.SOCKET))
            if line.recv(1) != wire.READY:
                return None
            line.sendall(wire.pack(kind))
            said = b""
            while piece := line.recv(4096):
                said += piece
            return said
        except OSError:
            return None
