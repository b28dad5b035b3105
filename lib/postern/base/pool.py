"""Connections kept by a process that lives on (Passenger, a drain). A CGI process opens one and is gone."""

from __future__ import annotations

import contextlib
import threading

from postern.base.connect import connect
from postern.base.errors import Busy
from postern.base.gate import Gate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.base.database import Database
    from postern.base.settings import Config

WAIT_SECONDS = 10
"""How long a thread waits for a connection before the answer is: come back later."""


class Pool:
    """At most `config.db_pool` connections, opened when needed, kept while they work."""

    def __init__(self, config: Config, lean: bool = False) -> None:
        self.gate = Gate(config.home)
        """Shut while Postern is being upgraded: then nothing is lent."""
        self._config = config
        self._lean = lean
        self._free: list[Database] = []
        self._places = threading.BoundedSemaphore(config.db_pool)
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def connection(self) -> Iterator[Database]:
        """Lend a connection. One that broke is closed, and the next borrower gets a fresh one."""
        with self.gate.enter(), self._lend() as db:
            yield db

    @contextlib.contextmanager
    def _lend(self) -> Iterator[Database]:
        if not self._places.acquire(timeout=WAIT_SECONDS):
            raise Busy("All database connections are in use.", "Try again in a moment; see POSTERN_DB_POOL.")
        try:
            db = self._take()
            try:
                yield db
            finally:
                self._give_back(db)
        finally:
            self._places.release()

    def _take(self) -> Database:
        with self._guard:
            while self._free:
                db = self._free.pop()
                if not db.went_away():
                    return db
                db.close()
        return connect(self._config, self._lean)

    def _give_back(self, db: Database) -> None:
        if db.broken:
            db.close()
            return
        with self._guard:
            self._free.append(db)

    def close(self) -> None:
        """Close what is not lent."""
        with self._guard:
            while self._free:
                self._free.pop().close()
