"""The database role that we are ourselves: its password.

PostgreSQL gets a SCRAM-SHA-256 verifier (RFC 5803), never the password, so none stands in its log.
Not here: making roles, which an ordinary role cannot (ops/install/cpanel.py asks the panel).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database

ITERATIONS = 4096
"""As PostgreSQL's own; RFC 7677 asks for no less. The password is random, so more would guard nothing."""


_KEEP_VERIFIER = "SELECT set_config('postern.verifier', :verifier, true)"

# ALTER ROLE takes no parameters.
_USE_VERIFIER = """
DO $$ BEGIN
    EXECUTE format('ALTER ROLE CURRENT_USER PASSWORD %L', current_setting('postern.verifier', true));
END $$
"""


def set_own_password(db: Database, password: str) -> None:
    """From the end of the transaction on, we log in with this password (ASCII)."""
    db.run(_KEEP_VERIFIER, verifier=_verifier(password, os.urandom(16)))
    db.run(_USE_VERIFIER)


_END_OTHER_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()
"""


def end_other_sessions(db: Database) -> None:
    """Throw out whoever came in as us with an earlier password."""
    db.run(_END_OTHER_SESSIONS)


def _verifier(password: str, salt: bytes) -> str:
    """RFC 5803: scheme, iterations, salt, StoredKey, ServerKey. An ASCII password is its own SASLprep form."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ITERATIONS)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (base64.b64encode(part).decode() for part in (salt, stored_key, server_key))
    return f"SCRAM-SHA-256${ITERATIONS}:{salt64}${stored64}:{server64}"
