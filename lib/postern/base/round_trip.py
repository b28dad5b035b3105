"""pg8000's connection with fewer waits for the server: one round trip a statement, and none for BEGIN.

pg8000 asks three times for a statement with parameters (parse it, describe it, run it), and reads its text letter by letter
each time. Here all of it travels at once, as an unnamed statement, so that nothing is left in the session and PgBouncer in
transaction mode may lie between; and BEGIN travels with the first statement of its transaction.

Made of pg8000's own parts, some of them private: its version is pinned, and tests/base/test_round_trip.py looks at the wire.
To be imported where pg8000 is (base/driver.py), and not before.
"""

from __future__ import annotations

import contextlib
import struct
from functools import lru_cache

from pg8000.core import BIND, DESCRIBE, EXECUTE_MSG, PARSE, SYNC_MSG, Context
from pg8000.exceptions import DatabaseError
from pg8000.native import Connection, make_params, to_statement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_UNNAMED = b"\0"
_PORTAL = b"P"
_numbered = lru_cache(maxsize=1024)(to_statement)


class Quick(Connection):  # type: ignore[misc]
    """As pg8000's own, but for `begin`, and for what goes over the wire."""

    _owed = ""
    """What was sent ahead and is not answered yet."""

    def begin(self, sql: str) -> None:
        """Send it with whatever comes next, which also meets what goes wrong with it."""
        self.send_QUERY(sql)
        self._owed = sql

    def run(self, sql: str, stream: Any = None, types: Any = None, **params: Any) -> Any:
        """As pg8000's; COPY goes pg8000's own way."""
        if stream is not None:
            self._sock.flush()
            self._read_owed()
            return super().run(sql, stream=stream, types=types, **params)
        if params:
            self._send(sql, params)
        else:
            self.send_QUERY(sql)
        self._sock.flush()
        self._context = context = Context(sql)
        try:
            self._read_owed()
        except DatabaseError:
            with contextlib.suppress(Exception):
                self.handle_messages(context)
            raise
        self.handle_messages(context)
        return context.rows

    def _send(self, sql: str, params: dict[str, Any]) -> None:
        statement, values_of = _numbered(sql)
        # First: what cannot be turned into text must leave nothing half-sent.
        bound = _bound(make_params(self.py_types, values_of(params)))
        self._send_message(PARSE, _UNNAMED + statement.encode() + b"\0\0\0")
        self._send_message(BIND, bound)
        self._send_message(DESCRIBE, _PORTAL + _UNNAMED)
        self._sock.write(EXECUTE_MSG + SYNC_MSG)

    def _read_owed(self) -> None:
        if self._owed:
            owed, self._owed = self._owed, ""
            self.handle_messages(Context(owed))

    def close(self) -> None:
        """Close the socket too where the line is cut: pg8000 leaves it to be collected, which warns."""
        files = (self._sock, self._usock)
        try:
            super().close()
        finally:
            for file in files:
                with contextlib.suppress(OSError, ValueError, AttributeError):
                    file.close()


def _bound(values: tuple[str | None, ...]) -> bytes:
    """The body of Bind (PostgreSQL manual, "Message Formats"): unnamed, all parameters and all results as text."""
    body = bytearray(_UNNAMED + _UNNAMED + struct.pack("!HH", 0, len(values)))
    for value in values:
        if value is None:
            body += struct.pack("!i", -1)
        else:
            data = value.encode()
            body += struct.pack("!i", len(data)) + data
    return bytes(body + struct.pack("!H", 0))
