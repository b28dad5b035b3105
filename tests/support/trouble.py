"""A whole instance for the doctor, and every way to break it that docs/TROUBLESHOOTING.md knows.

BREAKS: id of the check that finds it -> a context manager that breaks an Estate in that way, and mends it afterwards. The
servers are real: the site is `postern serve`, the relay and the resolver listen on sockets. The program `crontab` is a script
that shows the table which the test gave it, for a test must not touch the account's own.
"""

from __future__ import annotations

import base64
import contextlib
import os
import pathlib
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from unittest import mock

from postern.base import clock, home
from postern.flow import job_run
from postern.flow.job_table import JOBS
from postern.ops import keys
from postern.ops.doctor import registry
from postern.ops.doctor.registry import Finding
from postern.ops.doctor.scene import Scene
from postern.ops.install import crontab
from postern.ops.install.doors import python
from support.doh import DohServer
from support.firewall import Firewall
from support.house import House
from support.https import Issuer, Reply, Server, redirect
from support.instance import DOMAIN
from support.mail import message
from support.postgres import Database
from support.queue import put
from support.relay import ScriptedRelay

ZONE = {
    DOMAIN: [
        "MX 1 route1.mx.cloudflare.net.",
        "MX 2 route2.mx.cloudflare.net.",
        'TXT "v=spf1 include:_spf.mx.cloudflare.net ~all"',
    ],
    f"postern._domainkey.{DOMAIN}": ['TXT "v=DKIM1; k=rsa; p=AAAA"'],
    f"_dmarc.{DOMAIN}": ['TXT "v=DMARC1; p=none"'],
}


@dataclass
class Estate:
    """One instance and all that it stands on. `more` is what its next Scene is given besides."""

    house: House
    database: Database
    relay: ScriptedRelay
    resolver: DohServer
    site: str
    folder: pathlib.Path
    more: dict[str, object] = field(default_factory=dict)

    def look(self, *names: str) -> dict[str, Finding]:
        """What the doctor finds now, by id."""
        context = self.house.context
        scene = Scene(self.house.home, clock.now(), lambda: self.house.config, context, **self.more)  # type: ignore[arg-type]
        try:
            return {one.item.id: one for one in registry.look(scene, registry.chosen(names))}
        finally:
            scene.close()

    def crontab(self, table: str) -> None:
        """What the program `crontab` shows from now on."""
        (self.folder / "table").write_text(table)

    def settle(self) -> None:
        """All that a host does by itself in a day."""
        self.resolver.zone.clear()
        self.resolver.zone.update(ZONE)
        program = self.folder / "crontab"
        program.write_text(f"#!/bin/sh\ncat {self.folder}/table\n")
        program.chmod(0o755)
        lines = crontab.lines(home.program(), self.house.home, python())
        self.crontab(crontab.put("", self.house.home, lines))
        self.house.cli("jobs", "run", "backup")
        me = job_run.home_id(self.house.context())
        for job in JOBS:
            self.house.query(
                "INSERT INTO jobs (job, home, started_at, ended_at, ok, ok_at) "
                "VALUES (:job, :me, now(), now(), true, now()) ON CONFLICT (job, home) DO UPDATE SET ok_at = now()",
                job=job.name,
                me=me,
            )

    @contextlib.contextmanager
    def env(self, **changes: str) -> Iterator[None]:
        """Other settings for a while."""
        before = dict(self.house.settings)
        self.house.write_env(**changes)
        try:
            yield
        finally:
            self.house.settings = before
            self.house.write_env()

    @contextlib.contextmanager
    def sql(self, change: str, back: str) -> Iterator[None]:
        """Rows as they should not be."""
        self.house.query(change)
        try:
            yield
        finally:
            self.house.query(back)

    @contextlib.contextmanager
    def program(self, **files: str) -> Iterator[pathlib.Path]:
        """Another program's folder, with these files."""
        top = self.folder / "program"
        for name in ("cgi-bin", "lib/postern", "cron"):
            (top / name).mkdir(parents=True)
        for name, text in files.items():
            (top / name).write_text(text)
        try:
            with mock.patch.object(home, "program", return_value=str(top)):
                yield top
        finally:
            shutil.rmtree(top)

    @contextlib.contextmanager
    def aside(self, *names: str) -> Iterator[pathlib.Path]:
        """A file or folder of the home is away; yields where it was."""
        path, away = pathlib.Path(self.house.home, *names), self.folder / "away"
        path.rename(away)
        try:
            yield path
        finally:
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
            away.rename(path)


Break = Callable[[Estate], contextlib.AbstractContextManager[object]]
BREAKS: dict[str, Break] = {}


def breaks(name: str) -> Callable[[Callable[[Estate], Iterator[object]]], Break]:
    """The function is how `name` is made to fail."""

    def keep(function: Callable[[Estate], Iterator[object]]) -> Break:
        BREAKS[name] = contextlib.contextmanager(function)
        return BREAKS[name]

    return keep


def _by_env(name: str, **changes: str) -> None:
    BREAKS[name] = lambda estate: estate.env(**changes)


def _by_sql(name: str, change: str, back: str) -> None:
    BREAKS[name] = lambda estate: estate.sql(change, back)


def _by_zone(name: str, at: str, records: list[str]) -> None:
    BREAKS[name] = lambda estate: mock.patch.dict(estate.resolver.zone, {at: records})


_by_env("env.settings", POSTERN_RELAY_TLS="perhaps")
_by_env("keys.strong", POSTERN_SEAL_KEYS="k1:" + base64.b64encode(bytes(32)).decode())
_by_env("database.reachable", POSTERN_DB_PORT="1")
_by_env("tenants.role", POSTERN_DB_USER="postgres")
_by_env("web.answers", POSTERN_URL="http://127.0.0.1:1")
_by_env("inbound.secret", POSTERN_WEBHOOK_SECRETS=keys.fresh()["POSTERN_WEBHOOK_SECRETS"])
_by_env("keys.complete", POSTERN_SEAL_KEYS=keys.fresh()["POSTERN_SEAL_KEYS"])
_by_env("limits.disk", POSTERN_DISK_FREE_BYTES=str(10**15))

_by_sql(
    "tenants.domain",
    "UPDATE domains SET user_id = (SELECT min(id) FROM users)",
    "UPDATE domains SET user_id = NULL",
)
_by_sql(
    "web.health",
    "UPDATE jobs SET started_at = now() - interval '3 hours' WHERE job = 'deliver'",
    "UPDATE jobs SET started_at = now() WHERE job = 'deliver'",
)
BREAKS["cron.drain"] = BREAKS["web.health"]
_by_sql(
    "cron.jobs",
    "UPDATE jobs SET ok = false, failures = 3, error = 'The disk is full.' WHERE job = 'purge'",
    "UPDATE jobs SET ok = true, failures = 0 WHERE job = 'purge'",
)
_by_sql(
    "limits.queue",
    "UPDATE deliveries SET due_at = now() - interval '3 hours', state = 'queued', lease = NULL",
    "UPDATE deliveries SET due_at = now() + interval '3 hours'",
)
_by_zone("dns.mx", DOMAIN, ["MX 10 mail.elsewhere.example.", ZONE[DOMAIN][2]])
_by_zone("dns.spf", DOMAIN, [*ZONE[DOMAIN][:2], 'TXT "v=spf1 -all"'])
_by_zone("dns.dkim", f"postern._domainkey.{DOMAIN}", [])
_by_zone("dns.dmarc", f"_dmarc.{DOMAIN}", [])


@breaks("dns.own-dkim")
def _unpublished_key(estate: Estate) -> Iterator[None]:
    house = estate.house
    house.cli("dkim", "new", DOMAIN, "--kind", "ed25519", "--selector", "own")
    house.cli("dkim", "check", "--unseen")
    yield
    house.cli("dkim", "remove", DOMAIN, "own-ed25519", "--yes")


@breaks("env.private")
def _open_env(estate: Estate) -> Iterator[None]:
    path = os.path.join(estate.house.home, ".env")
    os.chmod(path, 0o644)
    yield
    os.chmod(path, 0o600)


@breaks("python.packages")
def _no_package(estate: Estate) -> Iterator[None]:
    with estate.program(**{"requirements.txt": "no-such-package==1.0 --hash=sha256:" + "0" * 64 + "\n"}):
        yield


@breaks("web.modes")
def _writable(estate: Estate) -> Iterator[None]:
    with estate.program(**{"cgi-bin/postern.cgi": ""}) as top:
        (top / "cgi-bin" / "postern.cgi").chmod(0o777)
        yield


@breaks("database.migrated")
def _old_schema(estate: Estate) -> Iterator[None]:
    ((number, name, checksum),) = estate.house.query(
        "DELETE FROM migrations WHERE number = (SELECT max(number) FROM migrations) RETURNING number, name, checksum"
    )
    yield
    estate.house.query(
        "INSERT INTO migrations (number, name, checksum) VALUES (:number, :name, :checksum)",
        number=number,
        name=name,
        checksum=checksum,
    )


@breaks("static.loads")
def _no_style(estate: Estate) -> Iterator[None]:
    with Server() as server:
        server.replies["/"] = Reply(body='<link rel="stylesheet" href="/static/gone.css">Postern')
        with estate.env(POSTERN_URL=f"http://127.0.0.1:{server.port}"):
            yield


@breaks("inbound.webhook")
def _firewall(estate: Estate) -> Iterator[None]:
    with Firewall(estate.site) as url, estate.env(POSTERN_URL=url):
        yield


@breaks("inbound.spool")
def _stuck(estate: Estate) -> Iterator[None]:
    path = pathlib.Path(estate.house.home, "spool", "new", "in_stuck")
    path.write_bytes(b"PSP1")
    hours_ago = clock.now() - 3 * 3600
    os.utime(path, (hours_ago, hours_ago))
    yield
    path.unlink()


@breaks("relay.signs-in")
def _no_login(estate: Estate) -> Iterator[None]:
    estate.relay.follow({"auth": "535 5.7.8 Authentication failed"})
    yield
    estate.relay.follow({})


@breaks("relay.trouble")
def _paused(estate: Estate) -> Iterator[None]:
    name = f"127.0.0.1:{estate.relay.port}"
    estate.house.query(
        "INSERT INTO relays (name, trouble_at, trouble) VALUES (:name, now(), 'It refuses the password.') "
        "ON CONFLICT (name) DO UPDATE SET trouble_at = now() + interval '1 hour', trouble = excluded.trouble",
        name=name,
    )
    yield
    estate.house.query("UPDATE relays SET trouble_at = NULL, paused_until = NULL")


@breaks("relay.budget")
def _used_up(estate: Estate) -> Iterator[None]:
    estate.house.query(
        "INSERT INTO relay_usage (relay, slot, sent) VALUES (:name, now(), 95)",
        name=f"127.0.0.1:{estate.relay.port}",
    )
    yield
    estate.house.query("DELETE FROM relay_usage WHERE sent = 95")


@breaks("cron.lines")
def _no_lines(estate: Estate) -> Iterator[None]:
    before = (estate.folder / "table").read_text()
    estate.crontab("5 4 * * * /usr/bin/true\n")
    yield
    estate.crontab(before)


@breaks("logs.written")
def _no_logs(estate: Estate) -> Iterator[None]:
    with estate.aside("logs") as path:
        path.write_text("a file where the folder should be")
        yield


@breaks("logs.errors")
def _error(estate: Estate) -> Iterator[None]:
    path = pathlib.Path(estate.house.home, "logs", time.strftime("postern-%Y-%m-%d.log", time.gmtime()))
    before = path.read_bytes()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    path.write_text(f'{{"time":"{stamp}","level":"error","event":"deliver.broke"}}\n')
    yield
    path.write_bytes(before)


@breaks("backup.fresh")
def _no_backup(estate: Estate) -> Iterator[None]:
    with estate.aside("backups") as path:
        path.mkdir()
        yield


@breaks("backup.whole")
def _cut_off(estate: Estate) -> Iterator[None]:
    (path,) = pathlib.Path(estate.house.home, "backups").glob("*.backup")
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    yield
    path.write_bytes(whole)


def _secure(days: float, age: float, *, stranger: bool = False, loop: bool = False) -> Break:
    @contextlib.contextmanager
    def broken(estate: Estate) -> Iterator[None]:
        ca = Issuer.root("Test Root CA")
        with Server(ca.issue("localhost", days=days, age=age)) as server:
            url = f"https://localhost:{server.port}"
            server.otherwise = Reply(body="Postern")
            if loop:
                server.replies["/"] = redirect(f"{url}/")
            trusted = Issuer.root("Another CA") if stranger else ca
            more = {"ca_file": trusted.write(estate.folder / "ca.pem")}
            with mock.patch.dict(estate.more, more), estate.env(POSTERN_URL=url):
                yield

    return broken


BREAKS["tls.chain"] = _secure(90, 10, stranger=True)
BREAKS["tls.days"] = _secure(90, 88)
BREAKS["tls.reachable"] = _secure(90, 10, loop=True)


def fill(house: House) -> None:
    """Mail that waits until later, so that something is sealed and something is in the queue."""
    put(house, house.context(), message())
    house.query("UPDATE deliveries SET due_at = now() + interval '3 hours'")
