"""A whole instance for a test: a home with its .env, a migrated database, a relay, and the real programs run against them.

Nothing is replaced: the site is `postern serve` in a process of its own, the drain is cron/deliver.py, the relay speaks
SMTP with TLS and AUTH over a socket.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re

from postern.base import home
from postern.base.config import load
from postern.base.database import SYSTEM
from postern.base.settings import Config
from postern.flow.context import Context, open_context
from postern.mail.envelope import parse_secrets
from postern.ops import keys, migrate, post
from support import forked
from support.patience import PATIENCE, until

ROOT = pathlib.Path(__file__).parents[2]
DOMAIN = "alias.example"
ALIAS = f"shop@{DOMAIN}"
MAILBOX = "jane.doe@real-mailbox.example"


class Instance:
    """One home. `settings` are variables for its .env, over those that every instance needs."""

    def __init__(self, folder: pathlib.Path, settings: dict[str, str]) -> None:
        self.home = str(folder)
        self.settings = {
            "POSTERN_URL": "http://localhost:8025",
            "POSTERN_DB_STATEMENT_SECONDS": "10",
            # Where that is not what a test is about: nothing stays behind it, and it may ask as often as it likes.
            "POSTERN_RESIDENT": "off",
            "POSTERN_RATE_PERCENT": "0",
            **keys.fresh(),
        }
        self.settings.update(settings)
        self.write_env()
        self._contexts: list[Context] = []

    def write_env(self, **changes: str) -> None:
        """Write .env anew, with these changes."""
        self.settings.update(changes)
        home.make(self.home)
        path = pathlib.Path(self.home, ".env")
        path.touch(mode=0o600)
        path.write_text("".join(f"{name}={value}\n" for name, value in self.settings.items()))

    @property
    def environ(self) -> dict[str, str]:
        """What a program of this instance is started with."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
        return {**kept, "POSTERN_HOME": self.home, "PYTHONPATH": str(ROOT / "lib"), "PYTHONWARNINGS": "error"}

    @property
    def config(self) -> Config:
        """The settings as the program reads them."""
        return load(self.home, {})

    @property
    def secret(self) -> bytes:
        """The newest webhook secret."""
        return parse_secrets(self.settings["POSTERN_WEBHOOK_SECRETS"])[0]

    def context(self) -> Context:
        """The instance inside this process; closed with the instance."""
        before = os.environ.get("POSTERN_HOME")
        os.environ["POSTERN_HOME"] = self.home
        try:
            context = open_context({}, "test")
        finally:
            if before is None:
                del os.environ["POSTERN_HOME"]
            else:
                os.environ["POSTERN_HOME"] = before
        self._contexts.append(context)
        return context

    def migrate(self) -> None:
        """Bring the database up."""
        with self.context().pool.connection() as db:
            migrate.up(db, self.config.db_schema, migrate.read_files())

    def cli(self, *args: str, code: int = 0, stdin: str = "") -> str:
        """Run `postern …`; returns what it printed, and fails when its exit code is another."""
        found, out, errors = forked.run(["-m", "postern", *args], self.environ, str(ROOT), stdin)
        assert found == code, f"postern {' '.join(args)}: {found}\n{out}{errors}"
        return out + errors

    def people(self) -> None:
        """A user with a verified mailbox and an alias."""
        from postern.base.keyring import KeyRing
        from postern.store import aliases, domains, mailboxes, users

        context = self.context()
        ring: KeyRing = context.ring
        with context.pool.connection() as db, db.transaction(SYSTEM):
            user = users.add(db, "jane")
            mailbox = mailboxes.add(db, ring, user.id, MAILBOX, verified=True)
            domain = domains.add(db, DOMAIN, None)
            aliases.forward_to(db, aliases.add(db, user.id, domain.id, "shop"), mailbox.id)

    @contextlib.contextmanager
    def served(self):
        """The site in a process of its own; yields its address."""
        argv = ["-m", "postern", "serve", "--port", "0"]
        server = forked.start(argv, self.environ, str(ROOT))
        try:
            line = server.stdout.readline()
            found = re.match(r"(http://127\.0\.0\.1:\d+)/", line)
            assert found, f"the site did not start: {line!r}"
            self.site_pid = server.pid
            yield found[1]
        finally:
            server.kill()
            server.wait(PATIENCE)
            server.stdout.close()
            self.wait_for_drain()

    def post(
        self, site: str, mime: bytes, rcpt_to: str = ALIAS, mail_from: str = "bob@shop.example"
    ) -> post.Answer:
        """Sign and post a message as the Worker does."""
        return post.post(site, self.secret, mail_from, rcpt_to, mime, source="cloudflare")

    def start_drain(self) -> forked.Forked:
        """cron/deliver.py, running."""
        script = str(ROOT / "cron" / "deliver.py")
        return forked.start([script], self.environ, str(ROOT), merged=True)

    def drain(self, code: int = 0) -> str:
        """Run cron/deliver.py to its end; cron mails what it prints, so it should print nothing."""
        process = self.start_drain()
        out, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, f"deliver.py: {process.returncode}\n{out}"
        return out

    def finish(self) -> None:
        """Deliver all that is due, whichever drain does it: one that a receipt woke may be at it already."""
        self.drain()
        self.wait_for_drain()

    def wait_for_drain(self) -> None:
        """Until no drain of this home runs, however it was started."""
        import fcntl

        def is_free() -> bool:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        with open(pathlib.Path(self.home, "run", "deliver.lock"), "a") as file:
            until(is_free)

    def query(self, sql: str, **params: object) -> list[list[object]]:
        """Ask the database, as the program's own work."""
        pool = self.context().pool
        with contextlib.closing(pool), pool.connection() as db, db.transaction(SYSTEM):
            return db.run(sql, **params)

    def states(self) -> dict[str, int]:
        """Deliveries by state."""
        return {
            str(state): int(str(n))
            for state, n in self.query("SELECT state, count(*) FROM deliveries GROUP BY state")
        }

    def log(self) -> str:
        """Everything in its logs."""
        return "".join(path.read_text() for path in sorted(pathlib.Path(self.home, "logs").glob("*.log")))

    def close(self) -> None:
        """Close what was opened in this process."""
        for context in self._contexts:
            context.pool.close()
