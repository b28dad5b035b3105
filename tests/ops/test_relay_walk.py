"""postern relay test: which step of the way fails, what is said about it, and what to do; against scripted relays.

With a real Postfix: tests/host/test_postfix.py.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator

import pytest

from postern.ops.relay_walk import Step, walk
from postern.relay.settings import RelaySettings
from support.instance import Instance
from support.page import block
from support.postgres import Database
from support.relay import DROP, ScriptedRelay, say

USER, PASSWORD = "demo", "s3cret-Pa55word"
FROM, TO = "postern@alias.example", "me@example.net"


def settings_for(relay: ScriptedRelay, **changes: object) -> RelaySettings:
    known: dict[str, object] = {
        "host": "127.0.0.1",
        "port": relay.port,
        "tls": relay.tls,
        "user": USER,
        "password": PASSWORD,
        "ca_file": relay.ca_file or None,
        "timeout": 20,
        "helo": "postern.example.org",
    }
    return RelaySettings(**{**known, **changes})  # type: ignore[arg-type]


def walked(relay: ScriptedRelay, **changes: object) -> list[Step]:
    return walk(settings_for(relay, **changes), FROM, TO)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_good_relay_is_walked_to_the_end_and_gets_no_mail(tls: str) -> None:
    with ScriptedRelay(tls=tls, users={USER: PASSWORD}) as relay:
        steps = walked(relay)
        assert [(step.stage, step.ok, step.remedy) for step in steps] == [
            (stage, True, "") for stage in ("connect", "tls", "ehlo", "auth", "mail", "rcpt")
        ]
        said = {step.stage: step.said for step in steps}
        assert said["connect"] == f"127.0.0.1:{relay.port} answers at 127.0.0.1"
        assert said["tls"].startswith("TLSv1.3, ")
        assert "certificate for " in said["tls"] and "127.0.0.1" in said["tls"]
        assert "PIPELINING" in said["ehlo"]
        assert said["auth"] == f"signed in as {USER}"
        assert said["rcpt"].startswith(f"<{TO}> 250 ")
        assert (relay.count, relay.seen["data"], relay.seen["rset"], relay.seen["quit"]) == (0, 0, 1, 1)


FAILS = {
    # name: (script, what is another setting, step, words of what is wrong, words of what to do)
    "greeting": (
        {"connect": say("554 5.7.1 go away", drop=True)},
        {},
        "connect",
        "turns this machine away",
        "support",
    ),
    "busy": (
        {"connect": say("421 4.3.2 busy", drop=True)},
        {},
        "connect",
        "not ready at connect",
        "tried again",
    ),
    "no starttls": ({"ehlo": "250 localhost"}, {}, "tls", "offers no STARTTLS", "POSTERN_RELAY_TLS"),
    "wrong tls": ({}, {"tls": "implicit"}, "tls", "does not speak TLS from the start", "POSTERN_RELAY_TLS"),
    "unknown issuer": (
        {},
        {"ca_file": None},
        "tls",
        "issuer that is not trusted here",
        "POSTERN_RELAY_CA_FILE",
    ),
    "password": ({}, {"password": "x"}, "auth", "refuses the login", "POSTERN_RELAY_PASSWORD"),
    "no login": ({"auth": "504 5.5.4 no"}, {}, "auth", "no login that works here", "submission port"),
    "sender": (
        {"mail": "550 5.7.1 sender address not verified"},
        {},
        "mail",
        "not verified",
        "alias.example as yours",
    ),
    "limit": (
        {"mail": "550 5.4.5 Daily sending quota exceeded"},
        {},
        "mail",
        "quota",
        "limit of the account",
    ),
    "relaying": (
        {"rcpt": "554 5.7.1 Relay access denied"},
        {},
        "rcpt",
        "access denied",
        "alias.example as yours",
    ),
    "recipient": ({"rcpt": "550 5.1.1 nobody here"}, {}, "rcpt", "nobody here", "Name another"),
    "later": ({"rcpt": "450 4.7.1 slow down"}, {}, "rcpt", "slow down", "POSTERN_RELAY_PER_HOUR"),
    "gone": ({"rcpt": DROP}, {}, "rcpt", "The relay closed the connection", "Try again"),
}


@pytest.mark.parametrize(("script", "changes", "stage", "said", "remedy"), FAILS.values(), ids=FAILS)
def test_the_step_that_fails_is_named_with_what_to_do(
    script: dict[str, object], changes: dict[str, object], stage: str, said: str, remedy: str
) -> None:
    with ScriptedRelay(script, tls="starttls", users={USER: PASSWORD}) as relay:
        *before, last = walked(relay, **changes)
    assert (last.stage, last.ok) == (stage, False)
    assert said in last.said
    assert remedy in last.remedy
    assert all(step.ok and step.stage != stage for step in before)
    assert PASSWORD not in repr((before, last))


def test_a_certificate_for_another_name_is_shown_with_its_names_and_nothing_is_said_over_it() -> None:
    with ScriptedRelay(tls="implicit", certificate_kind="other-name", users={USER: PASSWORD}) as relay:
        last = walked(relay)[-1]
        assert (last.stage, last.ok) == ("tls", False)
        assert "for another name" in last.said
        assert "certificate for mail.example.net" in last.said
        assert relay.lines == []


def test_where_nothing_listens_the_ports_are_told() -> None:
    with ScriptedRelay() as relay:
        there = settings_for(relay, ca_file=None)
    (step,) = walk(there, FROM, TO)
    assert (step.stage, step.ok) == ("connect", False)
    assert "2525" in step.remedy


@pytest.fixture
def instance(tmp_path: pathlib.Path, database: Database) -> Iterator[Instance]:
    made = Instance(tmp_path / "home", {**database.env, "POSTERN_RELAY_HOST": "127.0.0.1"})
    yield made
    made.close()


def test_the_command_prints_the_steps_and_ends_with_the_remedy(instance: Instance) -> None:
    with ScriptedRelay(
        {"mail": [None, "550 5.7.1 not verified"]}, tls="none", users={USER: PASSWORD}
    ) as relay:
        instance.write_env(
            POSTERN_RELAY_PORT=str(relay.port),
            POSTERN_RELAY_TLS="none",
            POSTERN_RELAY_USER=USER,
            POSTERN_RELAY_PASSWORD=PASSWORD,
        )
        steps = json.loads(instance.cli("relay", "test", TO, "--from", FROM, "--json"))
        assert [one["step"] for one in steps] == ["connect", "ehlo", "auth", "mail", "rcpt"]
        # The words of the page; it leaves the sender to Postern, which has no domain here.
        follow = block("relays.md", "sh", "postern relay test").split()[1:]
        told = instance.cli(*follow, "--from", FROM, code=1)
    assert "FAILED" in told
    assert "The step mail fails." in told
    assert "add and verify it there" in told
    assert PASSWORD not in told
