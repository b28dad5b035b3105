"""lib/postern/edge/worker.js in workerd, the program that runs Workers at Cloudflare; ended with the test.

    with Workerd() as edge: edge.receive(b"…", {"HOOK_URL": …, "SECRETS": …}) -> Outcome

What calls it as Cloudflare does is worker_harness.mjs.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

import tiers
from postern.ops.cloudflare.worker import COMPATIBILITY_DATE, source
from postern.ops.local import tether
from support.apache import free_port
from support.patience import PATIENCE, until

CONFIG = """using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [
        (name = "harness.mjs", esModule = embed "harness.mjs"),
        (name = "worker.js", esModule = embed "worker.js"),
      ],
      compatibilityDate = "{date}",
    )),
    (name = "internet", network = (allow = ["public", "private", "local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:{port}", http = (), service = "main")],
);
"""


@dataclass(frozen=True)
class Outcome:
    """What the sender's server sees: accepted, refused or later. `forwarded`: the address that got it."""

    outcome: str
    reason: str
    forwarded: str


class Workerd:
    """The server, inside a with block."""

    def __enter__(self) -> Workerd:
        self.port = free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postern-workerd-"))
        shutil.copy(pathlib.Path(__file__).with_name("worker_harness.mjs"), self.folder / "harness.mjs")
        (self.folder / "worker.js").write_text(source())
        config = self.folder / "config.capnp"
        config.write_text(CONFIG.format(date=COMPATIBILITY_DATE, port=self.port))
        with open(self.folder / "log", "wb") as log:
            self._server = subprocess.Popen(
                tether.command([str(tiers.WORKERD), "serve", str(config)]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            until(self._answers)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._server.terminate()
        try:
            self._server.wait(PATIENCE)
        finally:
            self._server.kill()
            shutil.rmtree(self.folder)

    def receive(
        self, mime: bytes, env: dict[str, str], mail_from: str | None, rcpt_to: str, hurry: int = 1
    ) -> Outcome:
        """Hand the Worker one message, with these bindings. `hurry` divides what it waits."""
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {
            "x-env": json.dumps(env),
            "x-from": json.dumps(mail_from),
            "x-to": json.dumps(rcpt_to),
            "x-size": str(len(mime)),
            "x-hurry": str(hurry),
        }
        pieces = (mime[place : place + 65536] for place in range(0, len(mime), 65536))
        try:
            with contextlib.suppress(ConnectionError):  # it answered, and does not want the rest
                asking.request("POST", "/", pieces, headers, encode_chunked=True)
            answer = asking.getresponse()
            text = answer.read()
        finally:
            asking.close()
        assert answer.status == 200, (text, self.log())
        found = json.loads(text)
        return Outcome(found["outcome"], found["reason"], found["forwarded"])

    def log(self) -> str:
        """All that workerd and the Worker said."""
        return (self.folder / "log").read_text(errors="replace")

    def cpu_ms(self) -> float:
        """Processor time of the whole server so far."""
        ticks = 0
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == self._server.pid:  # its session
                ticks += int(fields[11]) + int(fields[12])
        return 1000 * ticks / os.sysconf("SC_CLK_TCK")

    def _answers(self) -> bool:
        assert self._server.poll() is None, self.log()
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            asking.request("GET", "/")
            asking.getresponse().read()
        except OSError:
            return False
        finally:
            asking.close()
        return True
