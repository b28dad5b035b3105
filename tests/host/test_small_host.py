"""The whole site, a drain and every job inside the limits of a small shared host, and inside half of them.

An account with a user id of its own, for the kernel counts processes (and threads) a user; one processor, and of that half the
time where control groups can be had. The limits are the kernel's own (setrlimit), on every process: the door, the resident that
it leaves, the drain that it wakes, the jobs.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from postern.flow.job_table import JOBS
from postern.ops.local.embedded import Postgres
from support.account import Account, Tenant
from support.door import Answer, Door
from support.fixtures import relay_env
from support.half_core import half_core
from support.mail import message, parsed
from support.patience import PATIENCE, until
from support.relay import ScriptedRelay
from support.template import ready_database

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a user id of its own")

UID = 40_000 + os.getpid() % 20_000
LARGE = 25_000_000


class SmallHost(Door):
    """An account whose processes have so many bytes of address space each, and of which there are so many at once."""

    def __init__(self, tenant: Tenant, memory: int, processes: int, share: list[str]) -> None:
        self.instance = self.tenant = tenant
        tenant.write_env(POSTERN_RESIDENT="on")
        self._limits = [f"--as={memory}", f"--nproc={processes}"]
        self._share = share
        for top in (tenant.account.folder, pathlib.Path(tenant.home)):
            own(top)

    def command(self, *argv: str) -> list[str]:
        become = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"]
        return [*self._share, "taskset", "--cpu-list", "0", "prlimit", *self._limits, *become, *argv]

    def open(self, method: str = "GET", path: str = "/", length: int = 0, **headers: str):  # type: ignore[override]
        account = self.tenant.account
        environ = {**self.tenant.environ, "REQUEST_METHOD": method, "REQUEST_URI": path}
        environ.update(SERVER_PROTOCOL="HTTP/1.1", SERVER_NAME="localhost", SERVER_PORT="80")
        return subprocess.Popen(
            self.command(str(account.bin / "python3"), "-IS", str(account.site / "cgi-bin" / "postern.cgi")),
            env={**environ, "CONTENT_LENGTH": str(length) if length else "", **headers},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
        )

    def deliver(self, mime: bytes) -> Answer:
        """Post a message, and again as long as it is told to come later."""
        while True:
            answer = self.ask("POST", "/hooks/inbound", mime, **self.signed(mime))
            if answer.status not in (429, 503):
                return answer

    def job(self, name: str) -> None:
        """Run it as cron does; it says nothing when all is well."""
        argv = self.command(
            str(self.tenant.account.bin / "python3"), str(self.tenant.account.site / "cron" / f"{name}.py")
        )
        done = subprocess.run(
            argv,
            env=self.tenant.environ,
            capture_output=True,
            text=True,
            cwd="/",
            timeout=PATIENCE,
            check=False,
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), name

    def finish(self) -> None:
        """Deliver all that is due, whichever drain does it: one that a receipt woke may be at it already."""
        self.job("deliver")
        self.tenant.wait_for_drain()


def own(top: pathlib.Path) -> None:
    os.chown(top, UID, UID)
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            os.chown(os.path.join(folder, name), UID, UID, follow_symlinks=False)


@pytest.fixture(params=[(512, 20), (256, 10)], ids=["usual", "half"])
def host(request: pytest.FixtureRequest, tls_server: Postgres, relay: ScriptedRelay) -> Iterator[SmallHost]:
    memory, processes = request.param
    with contextlib.ExitStack() as stack:
        account = Account()
        stack.callback(account.remove)
        database = stack.enter_context(ready_database(tls_server))
        tenant = Tenant(account, database, relay_env(relay))
        stack.callback(tenant.close)
        made = SmallHost(tenant, memory << 20, processes, stack.enter_context(half_core()))
        stack.callback(made.close)
        stack.callback(tenant.wait_for_drain)
        yield made


def test_the_site_takes_and_sends_mail_and_every_job_runs(host: SmallHost, relay: ScriptedRelay):
    assert host.ask("GET", "/health/ready").status == 200
    until(host.residents)
    assert host.ask("GET", "/").status == 200
    small = [message(Message_ID=f"<{number}@shop.example>", body=b"x\r\n" * 1000) for number in range(40)]
    with ThreadPoolExecutor(3) as threads:
        assert {answer.status for answer in threads.map(host.deliver, small)} == {202}
    large = message(Message_ID="<large@shop.example>", body=(b"y" * 76 + b"\r\n") * (LARGE // 78))
    assert host.deliver(large).status == 202
    for job in JOBS:
        host.job(job.name)
    host.finish()
    assert host.tenant.states() == {"sent": 41}
    assert Counter(parsed(got.content)["Message-ID"] for got in relay.messages) == Counter(
        [f"<{number}@shop.example>" for number in range(40)] + ["<large@shop.example>"]
    )
    assert '"error"' not in host.tenant.log()


@pytest.mark.parametrize("host", [(256, 10)], indirect=True, ids=["half"])
def test_of_many_receipts_at_once_each_is_taken_or_told_to_come_back_and_none_is_lost(
    host: SmallHost, relay: ScriptedRelay
):
    """More at once than the account may have processes: the server cannot start some of the doors, and that is no yes."""
    mimes = [message(Message_ID=f"<{number}@shop.example>") for number in range(60)]

    def post(mime: bytes) -> int:
        """The status; 0 where the host started no door, or ended it."""
        door = host.open("POST", "/hooks/inbound", len(mime), **host.signed(mime))
        out, _ = door.communicate(mime, timeout=PATIENCE)
        return int(out.split(None, 2)[1]) if out.startswith(b"Status: ") else 0

    with ThreadPoolExecutor(20) as threads:
        statuses = list(threads.map(post, mimes))
    assert set(statuses) <= {202, 429, 500, 503, 0} and 202 in statuses
    host.finish()
    told = {f"<{number}@shop.example>" for number, status in enumerate(statuses) if status == 202}
    got = Counter(parsed(one.content)["Message-ID"] for one in relay.messages)
    assert told <= set(got), "what was accepted arrives"
    assert set(got.values()) == {1}
