"""An admin who has one of everything that a route may name, for tests that try every route on it.

    estate = furnish(site)    a new person with all of it
    estate.ids                name -> id in a path or form (support/samples.py says which route takes which)
    estate.tokens             name -> token or code that is good once
    estate.browser()          signed in as that person
    estate.asked()            a stranger's browser that asked for a sign-in mail; the mail's token and code are in tokens
    rows(site)                every row of every table

All that is his has MARK in it, so that a page which should not show it is easily told.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from uuid import uuid4

from postern.base.database import SYSTEM, Database
from postern.flow import api_keys as making_keys
from postern.flow import codes, passkeys, registration, sign_in, tokens
from postern.flow.api_keys import Wanted
from postern.flow.forward import block_url
from postern.store import (
    alias_list,
    aliases,
    api_keys,
    blocked_senders,
    contacts,
    deliveries,
    domains,
    imports,
    invitations,
    mailbox_proofs,
    mailboxes,
    recovery_codes,
    sessions,
    sign_in_codes,
    users,
)
from postern.store import passkeys as passkey_rows
from postern.store.sign_in_codes import Asked, Owner
from support.authenticator import Authenticator, b64
from support.mail import message
from support.people import COOKIE, URL, Browser, Person, Site
from support.receipt import DMARC_FAIL, post

MARK = "zebra"
CODE = "0123ABCD"


@dataclass(frozen=True)
class Estate:
    """That person. `ids` are his; who has a token of `tokens` may use it, whoever he is."""

    site: Site
    person: Person
    ids: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        return {**self.ids, **self.tokens, "handle": self.person.handle, "site": str(self.site.shared.id)}

    def browser(self) -> Browser:
        browser = self.site.browser(self.person)
        browser.get("/settings")
        return browser

    def asked(self) -> Browser:
        return Browser(self.site.app, {f"{COOKIE}-browser": self.tokens["browser"]})


def furnish(site: Site) -> Estate:
    """A new person, and what is his."""
    estate = Estate(site, site.person(users.ADMIN))
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        _things(estate, db)
        _for_admins(estate, db)
        _tokens(estate, db)
        _programs(estate, db)
    _passkey(estate)
    estate.ids["held"] = _hold(estate)
    estate.ids["failed"] = _fail(estate)
    return estate


def _name(estate: Estate, what: str) -> str:
    return f"{MARK}-{what}-{estate.person.id}"


def _things(estate: Estate, db: Database) -> None:
    site, person, ring = estate.site, estate.person, estate.site.context.ring
    for what, verified in (("mailbox", True), ("unproven", False)):
        address = f"{_name(estate, what)}@real.example"
        estate.ids[what] = str(mailboxes.add(db, ring, person.id, address, verified=verified).uid)
    own = domains.add(db, f"{_name(estate, 'own')}.example", person.id)
    claimed = domains.claim(db, f"{_name(estate, 'claimed')}.example", person.id, "proof")
    estate.ids.update(domain=str(own.uid), claimed=str(claimed.uid), domain_number=str(own.id))
    for what in ("alias", "gone"):
        alias = aliases.add(db, person.id, site.shared.id, _name(estate, what))
        aliases.forward_to(db, alias, person.mailbox.id)
        aliases.describe(db, ring, alias, f"{MARK} note", f"{MARK} name")
        estate.ids[what] = str(alias.uid)
        if what == "gone":
            alias_list.delete(db, [alias.uid])
        else:
            contact = contacts.ensure(db, ring, alias.id, f"{MARK}@shop.example", f"{MARK} friend")
            estate.ids["contact"] = str(contact.uid)
            estate.tokens["block"] = block_url(site.context, contact).rpartition("/")[2]
    blocked = blocked_senders.add(db, ring, person.id, "email", f"{MARK}-foe@shop.example")
    assert blocked is not None
    estate.ids["blocked"] = str(blocked.uid)
    sessions.add(db, ring, person.id, tokens.new(), f"{MARK} browser")
    estate.ids["session"] = str(
        db.value("SELECT uid FROM sessions WHERE user_id = :id ORDER BY id DESC LIMIT 1", id=person.id)
    )


def _tokens(estate: Estate, db: Database) -> None:
    context, person, ring = estate.site.context, estate.person, estate.site.context.ring
    found = {name: tokens.new() for name in ("browser", "mail", "proof")}
    browser = sign_in_codes.browser_index(ring, found["browser"])
    address = mailboxes.index(ring, f"{person.handle}@real.example")
    db.run(
        "UPDATE sign_in_codes SET posted_at = now() WHERE posted_at IS NULL"
    )  # what others asked for stays unanswered
    assert sign_in_codes.ask(db, ring, Asked(address, person.handle.encode(), browser), "x")
    wish = sign_in_codes.next_wish(db)
    assert wish is not None
    owner = Owner(person.id, person.handle, person.mailbox.id, False)
    sign_in_codes.posted(db, ring, wish, owner, found["mail"], CODE)
    unproven = next(one for one in mailboxes.of_user(db, person.id) if one.verified_at is None)
    assert mailbox_proofs.begin(db, ring, unproven.id, found["proof"])
    found["recovery"] = codes.new(16)
    recovery_codes.replace(db, ring, person.id, [found["recovery"]])
    links = {
        "link": sign_in.make_link(context, db, person.user),
        "invitation": registration.invite(context, db, "operator", "user", "", 7),
    }
    estate.tokens.update(found, code=CODE)
    estate.tokens.update({name: link[len(URL) :].rpartition("/")[2] for name, link in links.items()})


def _for_admins(estate: Estate, db: Database) -> None:
    """What only admins may touch: somebody else, and an invitation that nobody has taken."""
    estate.ids["user"] = str(users.add(db, f"{_name(estate, 'user')}").uid)
    registration.invite(estate.site.context, db, estate.person.handle, users.USER, f"{MARK} guest", 7)
    estate.ids["guest"] = str(invitations.all_invitations(db)[0].uid)


def _programs(estate: Estate, db: Database) -> None:
    """What came by files, and what programs come by."""
    site, person = estate.site, estate.person
    file = f"alias,note\n{_name(estate, 'import')}@{site.shared.name},{MARK}\nx@elsewhere.example,{MARK}\n"
    imports.keep(db, site.context.ring, person.id, file.encode())
    estate.ids["import"] = str(db.value("SELECT uid FROM imports WHERE user_id = :id", id=person.id))
    wanted = Wanted(f"{MARK} program", api_keys.READ, None)
    making_keys.issue(estate.site.context, db, estate.person.id, wanted)
    (made,) = api_keys.of_user(db, estate.person.id)
    estate.ids["api_key"] = str(made.uid)


def _passkey(estate: Estate) -> None:
    """One that is kept; its answer to a challenge of the sign-in page; and one that has been made and is not yet kept."""
    context, user_id = estate.site.context, estate.person.id

    def make() -> tuple[Authenticator, str, str]:
        device = Authenticator()
        with context.pool.connection() as db, db.transaction(user_id):
            challenge, options = passkeys.creation(context, db, user_id)
        return device, b64(challenge), json.dumps(device.create(options, URL))

    kept, challenge, made = make()
    passkeys.add(context, user_id, challenge, made, f"{MARK} passkey")
    with context.pool.connection() as db, db.transaction(user_id):
        (row,) = passkey_rows.of_user(db, user_id)
    estate.ids["passkey"] = str(row.uid)
    _, estate.tokens["new_challenge"], estate.tokens["new_passkey"] = make()
    asked, options = passkeys.request(context)
    estate.tokens["challenge"] = b64(asked)
    estate.tokens["signed"] = json.dumps(kept.get(options, URL))


def _hold(estate: Estate) -> str:
    mime = message(f"{MARK} subject", From=f"{MARK} <bank@shop.example>")
    head = f"Received: from x by cloudflare-email.net; now\r\nAuthentication-Results: {DMARC_FAIL}\r\n"
    _receive(estate, head.encode() + mime)
    sql = "SELECT uid FROM messages WHERE user_id = :id ORDER BY id DESC LIMIT 1"
    return str(estate.site.run(sql, id=estate.person.id)[0][0])


def _fail(estate: Estate) -> str:
    _receive(estate, message(f"{MARK} failed"))
    site, person = estate.site, estate.person
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        claimed = next(one for one in deliveries.claim(db, 500, 900) if one.user_id == person.id)
        said = deliveries.Said(550, "rcpt", f"550 5.1.1 {MARK} is not here")
        assert deliveries.failed(db, site.context.ring, claimed, said)
    return str(claimed.uid)


def _receive(estate: Estate, mime: bytes) -> None:
    receipt = post(estate.site, f"{_name(estate, 'alias')}@{estate.site.shared.name}", mime)
    assert receipt == "stored", receipt


def rows(site: Site) -> dict[str, set[str]]:
    """Every row of every table as text; two that differ in anything differ here."""
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'postern' AND tablename <> 'migrations' ORDER BY 1"
    names = [str(row[0]) for row in site.run(tables)]
    found: dict[str, set[str]] = {name: set() for name in names}
    for table, row in site.run(
        " UNION ALL ".join(f"SELECT '{name}', CAST(t AS text) FROM {name} t" for name in names)
    ):
        found[str(table)].add(str(row))
    return found


def random_id() -> str:
    """The id of nothing."""
    return str(uuid4())
