"""What an embedded PostgreSQL is made of before it runs: a fresh data folder, its settings, its certificate.

Without fsync: it survives a crash of the server, not one of the machine. Commits are as synchronous as on a real server,
so that a test which kills it sees what a user would see.
"""

from __future__ import annotations

import os
import signal

from postern.base.errors import DatabaseUnavailable
from postern.ops.local import binaries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.local.scratch import Scratch

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "log_min_messages": "warning",
    # Killed, it leaves nothing outside its folder.
    "dynamic_shared_memory_type": "mmap",
}

HBA = (
    "local all all trust",
    "host all all 127.0.0.1/32 scram-sha-256",
)
"""pg_hba.conf: the folder's mode guards the socket; TCP asks for a password, with TLS or without."""


def initdb(scratch: Scratch, bin_dir: str, data: str, superuser: str) -> None:
    """Make the data folder. Dies with the caller; leaves nothing running when interrupted."""
    os.makedirs(data, mode=0o700, exist_ok=True)
    scratch.give(data)
    # -N: no sync to disk. The C locale is the one that every machine has.
    options = ["-N", "-D", data, "-U", superuser, "-E", "UTF8", "--locale=C", "-A", "trust"]
    running = scratch.spawn([os.path.join(bin_dir, "initdb"), *options], signal.SIGTERM)
    try:
        failed = running.wait() != 0
    finally:
        running.kill()
        running.wait()
    if failed:
        raise DatabaseUnavailable(f"PostgreSQL's initdb failed: {scratch.last_words()}", binaries.REMEDY)


def tls(scratch: Scratch) -> tuple[str, dict[str, str]]:
    """The path of a CA, and the settings of a server whose certificate it vouches for."""
    from postern.ops.local import certificate

    folder = scratch.path("tls")
    os.mkdir(folder, 0o700)
    made = certificate.make(folder)
    for path in (folder, made.ca, made.cert, made.key):
        scratch.give(path)
    return made.ca, {
        "password_encryption": "scram-sha-256",
        "ssl": "on",
        "ssl_cert_file": made.cert,
        "ssl_key_file": made.key,
    }
