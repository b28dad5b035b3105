"""The host's own mail server pipes into the program that the installer makes: a real Exim, in cPanel's configuration."""

from __future__ import annotations

import pathlib
import re
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

import tiers
from postern.ops.install import doors
from support.account import Tenant
from support.exim import Exim
from support.instance import ALIAS
from support.mail import body_of, message
from support.patience import PATIENCE, until
from support.relay import ScriptedRelay

pytestmark = pytest.mark.tier("exim")

SENDER = "bob@shop.example"


@pytest.fixture
def exim(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exim]:
    """Its program is ~/.postern/bin/pipe as the installer writes it."""
    monkeypatch.setattr(doors, "python", lambda: str(tenant.account.bin / "python3"))
    site = SimpleNamespace(home=tenant.home, path=lambda *names: str(tenant.account.site.joinpath(*names)))
    for path, text in doors._commands(site).items():  # type: ignore[arg-type]
        pathlib.Path(path).write_text(text)
        pathlib.Path(path).chmod(0o700)
    tenant.account.give(pathlib.Path(tenant.home))
    assert tenant.account.user
    with Exim(pathlib.Path(tenant.home, "bin", "pipe"), tenant.account.user) as server:
        yield server
    until(lambda: tenant.processes() == [])


def test_what_exim_pipes_is_forwarded_refused_or_waits(exim: Exim, tenant: Tenant, relay: ScriptedRelay):
    block = b"0123456789" * 8 + b"\r\n"
    mimes = [
        message(body=b"From here on: na\xc3\xafve\r\n.\r\n"),
        message(body=block * (25_000_000 // len(block))),
    ]
    for count, mime in enumerate(mimes, 1):
        exim.send(mime.replace(b"\r\n", b"\n"), SENDER, ALIAS)
        assert exim.waiting() == 0 and exim.bounces() == "", exim.log() + exim.bounces()[:3000] + tenant.log()
        until(lambda count=count: len(relay.messages) == count)
        assert body_of(relay.messages[-1].content) == body_of(mime)
    exim.send(message(), "", ALIAS)
    until(lambda: len(relay.messages) == 3)
    assert (exim.waiting(), exim.bounces()) == (0, "")

    # The guide's own words; `~` is where .postern lies.
    (guide,) = re.findall(
        r"^```sh\n(.*?)^```$", (tiers.TOP / "docs" / "pipe.md").read_text(), re.MULTILINE | re.DOTALL
    )
    pathlib.Path(tenant.home, ".postern").symlink_to(tenant.home)
    done = subprocess.run(
        tenant.account.command("/bin/sh", "-c", guide.replace("alias.example.org", "alias.example")),
        env={**tenant.account.environ, "HOME": tenant.home},
        capture_output=True,
        timeout=PATIENCE,
    )
    assert (done.stdout, done.stderr) == (b"0\n", b"")
    until(lambda: len(relay.messages) == 4)

    exim.send(message(), SENDER, "nobody@alias.example")
    assert "nobody@alias.example" in exim.bounces()
    assert "status 67" in exim.log() or "returned 67" in exim.log() or "code 67" in exim.log(), exim.log()
    before = exim.bounces()

    # Nothing works for a while: no settings; then no program at all. Nobody is told, and all of it arrives afterwards.
    env, script = pathlib.Path(tenant.home, ".env"), tenant.account.site / "cron" / "pipe.py"
    for path in (env, script):
        away = path.with_name(path.name + ".away")
        path.rename(away)
        exim.send(message(), SENDER, ALIAS)
        exim.run_queue()
        away.rename(path)
    assert (exim.waiting(), exim.bounces()) == (2, before), exim.log()
    exim.run_queue()
    assert (exim.waiting(), exim.bounces()) == (0, before), exim.log()
    until(lambda: len(relay.messages) == 6)
