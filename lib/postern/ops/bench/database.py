"""The database as a request meets it: a connection, a question, a commit."""

from __future__ import annotations

import contextlib
import os
import time

from postern.base.connect import connect
from postern.base.database import SYSTEM
from postern.store import migrations, webhook_ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.bench.bench import Bench


def questions(bench: Bench) -> None:
    """Of the real database, without touching its tables."""
    config = bench.settings()
    connects, asks = [], []
    for _ in bench.rounds(20, 5):
        began = time.perf_counter()
        with contextlib.closing(connect(config)) as db:
            connects.append((time.perf_counter() - began) * 1000)
            with db.transaction(SYSTEM):
                began = time.perf_counter()
                migrations.server_version(db)
                asks.append((time.perf_counter() - began) * 1000)
    bench.found("database.connect", connects)
    bench.found("database.query", asks)


def commits(bench: Bench) -> None:
    """A row each, in the lab: BEGIN, INSERT and COMMIT, as recording a delivery does."""
    context = bench.lab().context
    samples = []
    with context.pool.connection() as db:
        for _ in bench.rounds(40, 4):
            began = time.perf_counter()
            with db.transaction(SYSTEM):
                webhook_ids.remember(db, f"in_{os.urandom(16).hex()}")
            samples.append((time.perf_counter() - began) * 1000)
    bench.found("database.commit", samples)
