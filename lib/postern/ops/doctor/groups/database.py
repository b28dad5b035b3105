"""PostgreSQL and its tables."""

from __future__ import annotations

from postern.base.config import is_local
from postern.ops import migrate
from postern.ops.doctor.item import CRITICAL, IMPORTANT, Item, fail, judged, ok, warn
from postern.store import migrations, server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.scene import Scene

MENDED_FROM = 140000
"""PostgreSQL 13 and older get no fixes from its makers any more (postgresql.org/support/versioning)."""
MOST_SKEW_SECONDS, FATAL_SKEW_SECONDS = 30, 240
"""The webhook refuses a signature that is five minutes off."""


def _reachable(scene: Scene) -> Check:
    with scene.database():
        return ok(f"answers, as {scene.config.db_user} at {scene.config.db_host}")


def _version(scene: Scene) -> Check:
    with scene.database() as db:
        number = migrations.server_version(db)
    if number < migrate.OLDEST_SERVER:
        return fail(f"PostgreSQL {number // 10000}")
    told = f"PostgreSQL {number // 10000}"
    return ok(told) if number >= MENDED_FROM else warn(f"{told}: it works, and its makers mend it no more")


def _encrypted(scene: Scene) -> Check:
    config = scene.config
    if is_local(config.db_host):
        return ok("on this machine")
    if config.db_sslmode == "verify-full":
        return ok("TLS, and who answers is verified")
    return warn("TLS, but whoever answers is believed")


def _migrated(scene: Scene) -> Check:
    files = migrate.read_files()
    with scene.database() as db:
        have = len(migrations.applied(db)) if migrations.has_ledger(db) else 0
    if have > len(files):
        return fail(
            f"the database has {have} migrations, this program {len(files)}", "Run the newer program."
        )
    missing = ", ".join(f"{one.number:04}_{one.name}" for one in files[have:])
    return judged(f"missing: {missing}" if missing else "", f"all {have} migrations are in")


def _uuids(scene: Scene) -> Check:
    with scene.database() as db:
        return judged(
            "" if migrations.makes_uuids(db) else "gen_random_uuid() is not there", "UUIDs are made"
        )


def _clock(scene: Scene) -> Check:
    from postern.base import clock

    with scene.database() as db:
        skew = abs(server.look(db).now - clock.now())
    told = f"{skew:.0f} s between the database's clock and this machine's"
    return fail(told) if skew > FATAL_SKEW_SECONDS else warn(told) if skew > MOST_SKEW_SECONDS else ok(told)


CHECKS = (
    Item(
        "database.reachable",
        "SH-02",
        CRITICAL,
        "The database lets us in",
        "Compare POSTERN_DB_… with the panel's page of PostgreSQL databases.",
        "docs/install.md",
        _reachable,
        needs=("env.settings", "python.packages"),
        symptom="The database cannot be used",
    ),
    Item(
        "database.version",
        "SH-02",
        CRITICAL,
        "PostgreSQL is 10 or newer",
        "Ask the host for a newer one, or take a managed PostgreSQL elsewhere over TLS.",
        "docs/hosts.md",
        _version,
        needs=("database.reachable",),
    ),
    Item(
        "database.encrypted",
        "SH-02",
        IMPORTANT,
        "The way to the database is this machine's own, or TLS that verifies who answers",
        "Set POSTERN_DB_SSLMODE=verify-full, and POSTERN_DB_SSLROOTCERT to the provider's CA file.",
        "docs/settings.md",
        _encrypted,
        needs=("env.settings",),
        audit=True,
    ),
    Item(
        "database.uuids",
        "SH-02",
        CRITICAL,
        "The server makes UUIDs: PostgreSQL 13, or the extension pgcrypto",
        "Run: postern migrate up. It says what the host has to do where it may not do it itself.",
        "docs/migrations.md",
        _uuids,
        needs=("database.reachable",),
    ),
    Item(
        "database.migrated",
        "SH-14",
        CRITICAL,
        "All migrations are in",
        "Run: postern migrate up",
        "docs/migrations.md",
        _migrated,
        needs=("database.reachable",),
        symptom="The site says 503 after the program was changed",
    ),
    Item(
        "database.clock",
        "SH-17",
        IMPORTANT,
        "This machine's clock is right",
        "Ask the host to set the clock by NTP: signatures that are five minutes off are refused.",
        "docs/webhook.md",
        _clock,
        needs=("database.migrated",),
    ),
)
