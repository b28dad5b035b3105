"""Direct addresses, alias+user=host@domain: who may write to them, what leaves, and what others reach there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postern.base.database import SYSTEM
from postern.flow import policy, reply
from postern.flow.direct import HERE
from postern.mail import header
from postern.ops.local.superuser import Superuser
from postern.store import aliases, contacts, deliveries, domains
from postern.store.aliases import Alias
from postern.store.domains import Domain
from support.mail import message, parsed
from support.people import SHARED, Person, Site, open_site
from support.receipt import contact, counts, post, proven, queue, told

BOB = "bob@shop.example"
NOT_YOURS = policy.NOT_YOURS


@pytest.fixture(scope="module")
def site(cluster: Superuser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(cluster, tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


@pytest.fixture
def jane(site: Site) -> Person:
    return site.person()


@pytest.fixture
def alias(site: Site, jane: Person) -> Alias:
    return site.alias(jane, f"s{jane.id}")


def to(alias: Alias, address: str = BOB) -> str:
    """As addy.io's extension makes it up."""
    return f"{alias.local}+{address.replace('@', '=')}@{alias.domain}"


def written(person: Person, **headers: str) -> bytes:
    """Mail from that person's mailbox, proven."""
    fields = {
        "From": f"Jane <{person.handle}@real.example>",
        "Authentication_Results": proven("real.example"),
    }
    return message(**{**fields, **headers})


def test_its_users_mail_goes_to_the_one_it_names(site: Site, jane: Person, alias: Alias):
    assert post(site, to(alias), written(jane)) == "stored"
    (row,) = queue(site, jane)
    made = contact(site, alias.id)
    assert (row.kind, row.state, row.contact_id, row.mailbox_id) == ("reply", "queued", made.id, None)
    assert made.address(site.context.ring) == BOB
    assert counts(site, alias.id) == (0, 0, 1)
    assert [kind for kind, _ in told(site, jane)] == ["replied"]


@pytest.mark.parametrize(
    ("local", "address"),
    [
        ("{alias}+Bob=Shop.Example", "bob@shop.example"),
        ("{alias}+b=o+b=shop.example", "b=o+b@shop.example"),
        ("{alias}+bob.b=sub.shop.example", "bob.b@sub.shop.example"),
        ("{alias}+bob=xn--bcher-kva.example", "bob@xn--bcher-kva.example"),
    ],
)
def test_what_the_form_says(site: Site, jane: Person, alias: Alias, local: str, address: str):
    assert post(site, f"{local.format(alias=alias.local.upper())}@{SHARED}", written(jane)) == "stored"
    assert queue(site, jane)[0].contact_id == contact(site, alias.id, address).id


@pytest.mark.parametrize(
    "local",
    [
        "{alias}+bob",
        "{alias}+=shop.example",
        "{alias}+bob=",
        "{alias}+bob=localhost",
        "{alias}+b..b=x.example",
        "+bob=shop.example",
        "nobody{alias}+bob=shop.example",
        "{alias}+bob=192.0.2.1",
        "re-k5uvmlqz3pqrs2ab+a=b.example",
    ],
)
def test_what_has_not_this_form_is_nobody(site: Site, jane: Person, alias: Alias, local: str):
    assert post(site, f"{local.format(alias=alias.local)}@{SHARED}", written(jane)) == "5.1.1 no such alias"
    assert queue(site, jane) == []


def test_an_alias_of_that_very_name_comes_first(site: Site, jane: Person, alias: Alias):
    site.alias(jane, f"{alias.local}+bob=shop.example")
    assert post(site, to(alias), written(jane)) == "stored"
    assert [row.kind for row in queue(site, jane)] == ["forward"]


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"From": BOB, "Authentication_Results": proven("shop.example")}, policy.STRANGER.why),
        ({"Authentication_Results": ""}, policy.NOT_PROVEN.why),
        (
            {"Authentication_Results": "evil.example; dmarc=pass header.from=real.example"},
            policy.NOT_PROVEN.why,
        ),
        ({"From": ""}, policy.STRANGER.why),
    ],
    ids=["a stranger", "unproven", "proven by the wrong server", "without a sender"],
)
def test_nobody_else_may_and_nobody_becomes_a_contact(
    site: Site, jane: Person, alias: Alias, headers: dict[str, str], why: str
):
    assert post(site, to(alias), written(jane, **headers)) == NOT_YOURS
    assert queue(site, jane) == []
    assert [note["why"] for kind, note in told(site, jane) if kind == "refused"] == [why]
    assert site.run("SELECT 1 FROM contacts WHERE alias_id = :id", id=alias.id) == []


def test_another_user_is_a_stranger(site: Site, jane: Person, alias: Alias):
    assert post(site, to(alias), written(site.person())) == NOT_YOURS


def test_a_mailbox_that_is_not_confirmed_is_one(site: Site, jane: Person, alias: Alias):
    site.run("UPDATE mailboxes SET verified_at = NULL WHERE id = :id", id=jane.mailbox.id)
    assert post(site, to(alias), written(jane)) == NOT_YOURS


def test_robots_are_not_sent_on(site: Site, jane: Person, alias: Alias):
    assert post(site, to(alias), written(jane, Auto_Submitted="auto-replied")) == "discarded"
    assert queue(site, jane) == []


def test_rules_of_reverse_addresses_hold(site: Site, jane: Person, alias: Alias):
    site.run("UPDATE aliases SET enabled = false WHERE id = :id", id=alias.id)
    assert post(site, to(alias), written(jane)) == policy.REPLY_OFF.smtp
    site.run("UPDATE aliases SET enabled = true WHERE id = :id", id=alias.id)
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        contacts.block(db, contact(site, alias.id).id, True)
    assert post(site, to(alias), written(jane)) == policy.REPLY_BLOCKED.smtp
    site.run("UPDATE aliases SET deleted_at = now() WHERE id = :id", id=alias.id)
    assert post(site, to(alias), written(jane)) == "5.1.1 no such alias"


def test_nobody_writes_to_this_server_so(site: Site, jane: Person, alias: Alias):
    assert post(site, to(alias, f"friend@{SHARED}"), written(jane)) == HERE.smtp
    assert [note["why"] for kind, note in told(site, jane) if kind == "refused"] == [HERE.why]


def test_what_is_too_long_is_refused_with_the_address_that_does(site: Site, jane: Person, alias: Alias):
    long = f"{'b' * 40}@{'s' * 30}.example"
    for _ in range(2):
        refused = post(site, to(alias, long), written(jane))
    made = contact(site, alias.id, long)
    reverse = f"{made.reverse_local}@{SHARED}"
    assert refused == f"5.1.3 part before the @ too long, write to {reverse} instead"
    assert [(row.kind, row.mailbox_id) for row in queue(site, jane)] == [("notice", jane.mailbox.id)]
    assert [kind for kind, _ in told(site, jane)] == ["refused", "refused"]
    assert post(site, reverse, written(jane)) == "stored"
    stranger = site.person()
    assert post(site, to(alias, long), written(stranger)) == NOT_YOURS


@pytest.fixture
def own(site: Site, jane: Person) -> Domain:
    """A domain of hers whose addresses make themselves."""
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        made = domains.add(db, f"jane{jane.id}.example", jane.id)
        domains.set_fly(db, made.id, True, 9)
    return made


def test_where_addresses_make_themselves_others_reach_one(site: Site, jane: Person, own: Domain):
    alias = site.alias(jane, "shop", own)
    assert post(site, to(alias), message()) == "stored"
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        made = aliases.find(db, "shop+bob=shop.example", own.name)
    assert made is not None and made.origin == "fly"
    assert post(site, to(alias, "ann@shop.example"), written(jane)) == "stored"
    assert post(site, to(alias, "ann@shop.example"), written(jane, Authentication_Results="")) == NOT_YOURS
    assert [row.kind for row in queue(site, jane)] == ["forward", "reply"]


def test_what_leaves_names_the_contact_and_no_mailbox(site: Site, jane: Person, alias: Alias):
    ann = to(alias, "ann@choir.example")
    assert post(site, ann, written(jane)) == "stored"
    mime = written(jane, To=f"{to(alias).upper()}, Ann <{ann}>, x+y=z.example@else.example")
    assert post(site, to(alias), mime + f"I wrote to {to(alias)}.\r\n".encode()) == "stored"
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        claimed = [one for one in deliveries.claim(db, 500, 900) if one.user_id == jane.id][-1]
    block, rest = header.split(iter([mime + f"I wrote to {to(alias)}.\r\n".encode()]))
    head, changed = reply.content_of(site.context, claimed, header.parse(block))
    sent = head + b"".join(changed(rest))
    mail = parsed(sent)
    assert mail["From"].addresses[0].addr_spec == alias.address
    assert [one.addr_spec for one in mail["To"].addresses] == [
        BOB,
        "ann@choir.example",
        "x+y=z.example@else.example",
    ]
    assert f"I wrote to {BOB}." in mail.get_content()
    assert jane.handle.encode() not in sent
