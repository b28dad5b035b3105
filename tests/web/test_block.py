"""The link in forwarded mail that blocks its sender: one click from anywhere (RFC 8058), and nothing for those who guess."""

from __future__ import annotations

import uuid

import pytest

from postern.base.database import SYSTEM
from postern.flow.forward import block_url
from postern.store import contacts, preferences
from postern.store.aliases import Alias
from postern.store.contacts import Contact
from postern.store.preferences import Preferences
from support.instance import ALIAS, Instance
from support.mail import message, parsed
from support.people import FORM, URL, Person, Site
from support.queue import put
from support.receipt import contact, post
from support.relay import ScriptedRelay
from support.wsgi import Answer, ask

ONE_CLICK = b"List-Unsubscribe=One-Click"


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


@pytest.fixture
def alias(pages: Site, jane: Person) -> Alias:
    return pages.alias(jane, f"shop-{jane.handle}")


@pytest.fixture
def bob(pages: Site, alias: Alias) -> Contact:
    return contact(pages, alias.id)


def path_of(pages: Site, who: Contact) -> str:
    return block_url(pages.context, who)[len(URL) :]


def click(pages: Site, path: str, headers: dict[str, str] | None = None) -> Answer:
    """As a mail program's server sends it: no cookie, no Origin, no session."""
    return ask(pages.app, "POST", path, {"Content-Type": FORM, **(headers or {})}, ONE_CLICK)


def is_blocked(pages: Site, who: Contact) -> bool:
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        found = contacts.find(db, who.uid)
    assert found is not None
    return found.blocked_at is not None


def test_looking_at_it_changes_nothing_and_shows_a_button(pages: Site, bob: Contact):
    answer = ask(pages.app, "GET", path_of(pages, bob), {"Accept": "text/html"})
    assert answer.status == 200
    assert "Block this sender?" in answer.text and 'method="post"' in answer.text
    assert "bob@" not in answer.text and "shop" not in answer.text, "whoever has the link learns no address"
    assert not is_blocked(pages, bob)
    assert ask(pages.app, "HEAD", path_of(pages, bob)).status == 200
    assert not is_blocked(pages, bob)


def test_one_click_blocks_and_the_next_mail_is_refused(pages: Site, alias: Alias, bob: Contact):
    assert post(pages, alias.address) == "stored"
    assert click(pages, path_of(pages, bob)).status == 200
    assert is_blocked(pages, bob)
    assert post(pages, alias.address).startswith("5.7.1 ")
    assert post(pages, alias.address, message(From="ann@choir.example"), "ann@choir.example") == "stored"


def test_once_more_is_the_same(pages: Site, bob: Contact):
    first, second = click(pages, path_of(pages, bob)), click(pages, path_of(pages, bob))
    assert (first.status, first.body) == (second.status, second.body)
    assert is_blocked(pages, bob)


ANYWHERE = {
    "another site": {"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"},
    "a mail program": {"User-Agent": "Gmail"},
    "a privacy window": {"Origin": "null"},
}


@pytest.mark.parametrize("case", ANYWHERE)
def test_it_works_from_anywhere(pages: Site, bob: Contact, case: str):
    assert click(pages, path_of(pages, bob), ANYWHERE[case]).status == 200
    assert is_blocked(pages, bob)


GUESSES = {
    "nothing": "",
    "another contact's tag": "{uid}{other}",
    "no tag": "{uid}",
    "the tag of zeros": "{uid}" + "0" * 32,
    "one letter off": "{off}",
    "in capitals": "{upper}",
    "more behind it": "{good}00",
    "dashes": "{dashes}",
    "no hex": "z" * 64,
    "other digits": "%D9%A0" * 64,
    "not ASCII": "%C3%BC" * 64,
    "long": "a" * 3000,
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("case", GUESSES)
def test_a_guessed_link_blocks_nobody_and_all_are_answered_alike(
    pages: Site, alias: Alias, bob: Contact, case: str, method: str
):
    good = path_of(pages, bob)[len("/block/") :]
    other = path_of(pages, contact(pages, alias.id, "ann@choir.example"))[-32:]
    token = GUESSES[case].format(
        uid=bob.uid.hex,
        other=other,
        good=good,
        off=good[:-1] + ("0" if good[-1] != "0" else "1"),
        upper=good.upper(),
        dashes=str(bob.uid) + good[32:],
    )
    answer = ask(pages.app, method, f"/block/{token}", {"Content-Type": FORM}, ONE_CLICK)
    unknown = ask(pages.app, method, "/block/" + "0" * 64, {"Content-Type": FORM}, ONE_CLICK)
    assert answer.status == unknown.status == 404
    assert answer.text.rpartition(" [")[0] == unknown.text.rpartition(" [")[0]
    assert not is_blocked(pages, bob)


def test_a_contact_that_is_gone_is_answered_like_an_unknown_one(pages: Site, bob: Contact):
    path = path_of(pages, bob)
    pages.run("DELETE FROM contacts WHERE id = :id", id=bob.id)
    assert click(pages, path).status == 404


def test_the_link_tells_no_number_and_nothing_of_it_is_logged(pages: Site, bob: Contact):
    path = path_of(pages, bob)
    assert len(path) == len("/block/") + 64
    assert uuid.UUID(hex=path[len("/block/") :][:32]) == bob.uid
    click(pages, path)
    click(pages, path[:-1] + ("0" if path[-1] != "0" else "1"))
    assert bob.uid.hex not in pages.instance.log()


@pytest.mark.parametrize("offers", [True, False])
@pytest.mark.parametrize("given", ["", "<https://shop.example/bye>"], ids=["none", "the sender's"])
def test_forwarded_mail_carries_it_where_its_user_wants_it_and_the_sender_gave_none(
    instance: Instance, relay: ScriptedRelay, offers: bool, given: str
):
    context = instance.context()
    with context.pool.connection() as db, db.transaction(SYSTEM):
        preferences.save(db, 1, Preferences(offer_block=offers))
    put(instance, context, message(List_Unsubscribe=given), rcpt_to=ALIAS)
    instance.drain()
    mail = parsed(relay.messages[0].content)
    if given:
        assert mail["List-Unsubscribe"] == given
        assert "List-Unsubscribe-Post" not in mail
    elif offers:
        assert mail["List-Unsubscribe"].startswith(f"<{instance.config.url.rstrip('/')}/block/")
        assert mail["List-Unsubscribe-Post"] == ONE_CLICK.decode()
    else:
        assert "List-Unsubscribe" not in mail
