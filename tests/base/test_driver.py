"""pg8000 imported lean: it connects and reads as ever, what it left out is not imported, and nothing stays in its place."""

from __future__ import annotations

import subprocess
import sys

import pytest

from postern.ops.local.embedded import Postgres
from support.postgres import Database, fresh_database
from tiers import TOP

LEFT_OUT = ("asn1crypto", "asn1crypto.x509", "dateutil", "dateutil.parser", "importlib.metadata", "ssl")

PROGRAM = """
import sys
from postern.base.connect import connect
from postern.base.database import SYSTEM
from postern.base.settings import Config

host, port, name, user, password = sys.argv[1:6]
config = Config(
    db_host=host, db_port=int(port), db_name=name, db_user=user, db_password=password, db_sslmode="disable"
)
db = connect(config, lean=True)
with db.transaction(SYSTEM):
    {statements}
db.close()
print(*sorted(sys.modules))
"""


def run(place: Database, statements: str) -> list[str]:
    """The modules that a process has in the end, which connected lean and did that."""
    done = subprocess.run(
        [
            *(sys.executable, "-W", "error", "-c", PROGRAM.format(statements=statements)),
            *(place.host, str(place.port), place.name, place.user, place.password),
        ],
        env={"PYTHONPATH": str(TOP / "lib")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_what_a_plain_connection_never_uses_is_not_imported(database: Database):
    modules = run(database, "assert db.run('SELECT 1::int, now()')[0][0] == 1")
    assert "pg8000.native" in modules
    assert [name for name in LEFT_OUT if name in modules] == []


def test_who_needs_it_later_gets_the_real_one(database: Database):
    modules = run(
        database,
        "import ssl, importlib.metadata; ssl.create_default_context(); assert importlib.metadata.version('pg8000') != '0'",
    )
    assert "ssl" in modules


@pytest.mark.parametrize("style", ["ISO, DMY", "SQL, DMY", "German", "Postgres, MDY"])
def test_times_in_any_format_are_read(database: Database, style: str):
    run(
        database,
        f"db.run(\"SET LOCAL datestyle TO '{style}'\"); "
        "assert db.run(\"SELECT timestamptz '2026-01-31 12:00:00.5+00'\")[0][0].year == 2026",
    )


def test_a_password_is_proven_by_scram(tls_server: Postgres):
    """Over TCP in clear: the socket's server trusts whoever reaches it."""
    with fresh_database(tls_server) as database:
        modules = run(database, "assert db.run('SELECT 1')")
    assert "scramp" in modules and "ssl" not in modules
