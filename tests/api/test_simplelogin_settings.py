"""SimpleLogin's dialect: settings, mailboxes and domains, by the rules of the pages."""

from __future__ import annotations

from typing import Any

import pytest

from postern.base.database import SYSTEM
from postern.store import domains, mailboxes, preferences
from postern.store.domains import Domain
from postern.store.mailboxes import Mailbox
from postern.store.preferences import Preferences
from support.api import SimpleLogin, new_key
from support.people import SHARED, Person, Site

SETTLED = {"notification": False, "sender_format": "AT", "random_alias_suffix": "word"}
DEFAULTS = {"alias_generator": "word", "random_alias_default_domain": SHARED, **SETTLED}


def own_domain(site: Site, person: Person, verified: bool = True) -> Domain:
    name = f"own{person.id}.example"
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        return domains.add(db, name, person.id) if verified else domains.claim(db, name, person.id, "proof")


def mailbox(site: Site, person: Person, name: str, verified: bool = True) -> Mailbox:
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        return mailboxes.add(db, site.context.ring, person.id, f"{name}-{person.id}@real.example", verified)


# Settings.


def test_settings_are_shown_as_they_hold(simple: SimpleLogin):
    assert simple.get("/api/setting").json == DEFAULTS


def test_what_is_named_is_changed_and_the_pages_show_it(pages: Site, jane: Person, simple: SimpleLogin):
    own = own_domain(pages, jane)
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        preferences.save(db, jane.id, Preferences(None, "characters", "forward", True))
    assert simple.get("/api/setting").json["alias_generator"] == "word"
    assert simple.patch("/api/setting", {"alias_generator": "word", "unknown": 1}).json == DEFAULTS
    changed = simple.patch(
        "/api/setting", {"alias_generator": "uuid", "random_alias_default_domain": own.name}
    )
    assert changed.json == {**DEFAULTS, "alias_generator": "uuid", "random_alias_default_domain": own.name}
    with pages.context.pool.connection() as db, db.transaction(jane.id):
        assert preferences.of_user(db, jane.id) == Preferences(own.id, "uuid", "forward", True)
    assert simple.post("/api/alias/random/new").json["alias"].endswith(f"@{own.name}")
    assert simple.patch("/api/setting", {"alias_generator": "word"}).json["alias_generator"] == "word"
    assert simple.patch("/api/setting", SETTLED).status == 200, "what is so already"


def test_letters_and_digits_stay_what_they_are(pages: Site, jane: Person, simple: SimpleLogin):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        preferences.save(db, jane.id, Preferences(None, "characters"))
    simple.patch("/api/setting", {"alias_generator": "word"})
    with pages.context.pool.connection() as db, db.transaction(jane.id):
        assert preferences.of_user(db, jane.id).default_kind == "characters"


@pytest.mark.parametrize(
    "wrong",
    [
        *({"alias_generator": one} for one in ("", "words", "WORD", 1, [])),
        *({"random_alias_default_domain": one} for one in ("", "else.example", 1, SHARED + "x")),
        *({"sender_format": one} for one in ("A", "NAME_ONLY", "x", 1)),
        *({"random_alias_suffix": one} for one in ("random_string", "", 1)),
        *({"notification": one} for one in (True, "perhaps")),
        {"alias_generator": "uuid", "sender_format": "A"},
    ],
    ids=str,
)
def test_what_cannot_be_chosen_changes_nothing(simple: SimpleLogin, wrong: dict[str, Any]):
    answer = simple.patch("/api/setting", wrong)
    assert answer.status == 400 and list(answer.json) == ["error"]
    assert simple.get("/api/setting").json == DEFAULTS


def test_domains_are_told_in_both_versions(pages: Site, jane: Person, simple: SimpleLogin):
    own = own_domain(pages, jane)
    own_domain(pages, pages.person())
    assert simple.get("/api/setting/domains").json == [[True, SHARED], [False, own.name]]
    assert simple.get("/api/v2/setting/domains").json == [
        {"domain": SHARED, "is_custom": False},
        {"domain": own.name, "is_custom": True},
    ]


# Mailboxes.


def test_mailboxes_are_told_in_both_versions(pages: Site, jane: Person, simple: SimpleLogin):
    pages.alias(jane, f"shop{jane.id}")
    unproven = mailbox(pages, jane, "later", verified=False)
    (first,) = simple.get("/api/mailboxes").json["mailboxes"]
    assert first == {
        "id": jane.mailbox.id,
        "email": f"{jane.handle}@real.example",
        "verified": True,
        "default": True,
        "creation_timestamp": int(jane.mailbox.created_at.timestamp()),
        "nb_alias": 1,
    }
    both = simple.get("/api/v2/mailboxes").json["mailboxes"]
    assert both[0] == first
    assert [(one["id"], one["verified"], one["default"]) for one in both[1:]] == [(unproven.id, False, False)]


def test_one_is_added_and_must_be_confirmed(pages: Site, jane: Person, simple: SimpleLogin):
    answer = simple.post("/api/mailboxes", {"email": " New.Box@real.example "})
    assert answer.status == 201
    assert (answer.json["verified"], answer.json["default"], answer.json["nb_alias"]) == (False, False, 0)
    assert answer.json in simple.get("/api/v2/mailboxes").json["mailboxes"]
    mails = pages.run("SELECT count(*) FROM messages WHERE user_id = :id AND kind = 'notice'", id=jane.id)
    assert mails == [[1]], "the link to confirm it"
    again = simple.post("/api/mailboxes", {"email": "new.box@real.example"})
    assert again.status == 400 and "already" in again.json["error"]


@pytest.mark.parametrize(
    "email",
    [
        None,
        "",
        "x",
        "x@",
        "a@b@c.example",
        1,
        [],
        f"x@{SHARED}",
        "x" * 500 + "@real.example",
        "a\nb@c.example",
    ],
)
def test_what_is_no_mailbox_is_refused(simple: SimpleLogin, email: Any):
    answer = simple.post("/api/mailboxes", {"email": email})
    assert answer.status == 400 and list(answer.json) == ["error"]
    assert len(simple.get("/api/v2/mailboxes").json["mailboxes"]) == 1


def test_who_has_all_his_mailboxes_is_told(pages: Site, jane: Person, simple: SimpleLogin):
    pages.run("UPDATE users SET max_mailboxes = 1 WHERE id = :id", id=jane.id)
    answer = simple.post("/api/mailboxes", {"email": "second@real.example"})
    assert answer.status == 400 and "that you may have" in answer.json["error"]


def test_another_one_becomes_the_default(pages: Site, jane: Person, simple: SimpleLogin):
    other, unproven = mailbox(pages, jane, "other"), mailbox(pages, jane, "later", verified=False)
    assert simple.put(f"/api/mailboxes/{other.uid}", {"default": True, "cancel_email_change": True}).json == {
        "updated": True
    }
    assert [one["default"] for one in simple.get("/api/mailboxes").json["mailboxes"]] == [False, True]
    for body in ({"default": False}, {}, None, {"email": f"other-{jane.id}@real.example"}):
        assert simple.put(f"/api/mailboxes/{other.id}", body).json == {"updated": True}
    for number, wrong in (
        (unproven.id, {"default": True}),
        (other.id, {"email": "else@real.example"}),
        (other.id, {"default": "perhaps"}),
        (other.id, {"email": 1}),
    ):
        answer = simple.put(f"/api/mailboxes/{number}", wrong)
        assert answer.status == 400 and list(answer.json) == ["error"]
    assert [one["default"] for one in simple.get("/api/mailboxes").json["mailboxes"]] == [False, True]


@pytest.mark.parametrize(
    "body", [None, {}, {"transfer_aliases_to": -1}, {"transfer_aliases_to": None}], ids=str
)
def test_one_goes_and_its_aliases_stay(pages: Site, jane: Person, simple: SimpleLogin, body: Any):
    other = mailbox(pages, jane, "other")
    alias = pages.alias(jane, f"shop{jane.id}")
    simple.put(f"/api/aliases/{alias.id}", {"mailbox_id": other.id})
    assert simple.delete(f"/api/mailboxes/{other.id}", body).json == {"deleted": True}
    assert simple.get(f"/api/aliases/{alias.id}").json["mailbox"]["id"] == jane.mailbox.id


def test_its_aliases_go_to_the_one_named(pages: Site, jane: Person, simple: SimpleLogin):
    other, heir = mailbox(pages, jane, "other"), mailbox(pages, jane, "heir")
    unproven = mailbox(pages, jane, "later", verified=False)
    alias = pages.alias(jane, f"shop{jane.id}")
    simple.put(f"/api/aliases/{alias.id}", {"mailbox_id": other.id})
    strangers = pages.person().mailbox.id
    for wrong in (other.id, unproven.id, strangers, 0, 1 << 40, "x", [], 1 << 70):
        answer = simple.delete(f"/api/mailboxes/{other.id}", {"transfer_aliases_to": wrong})
        assert answer.status == 400 and list(answer.json) == ["error"]
    assert simple.delete(f"/api/mailboxes/{other.id}", {"transfer_aliases_to": heir.id}).status == 200
    assert simple.get(f"/api/aliases/{alias.id}").json["mailbox"]["id"] == heir.id
    assert (
        simple.delete(f"/api/mailboxes/{jane.mailbox.id}", {"transfer_aliases_to": str(heir.id)}).status
        == 200
    )
    assert simple.get("/api/mailboxes").json["mailboxes"][0]["default"] is True


def test_the_last_one_stays(pages: Site, jane: Person, simple: SimpleLogin):
    answer = simple.delete(f"/api/mailboxes/{jane.mailbox.id}")
    assert answer.status == 400 and "only mailbox" in answer.json["error"]


# Domains.


def test_a_domain_is_told_with_what_it_has(pages: Site, jane: Person, simple: SimpleLogin):
    assert simple.get("/api/custom_domains").json == {"custom_domains": []}
    own = own_domain(pages, jane)
    pages.alias(jane, "shop", own)
    (told,) = simple.get("/api/custom_domains").json["custom_domains"]
    assert told == {
        "id": own.id,
        "domain_name": own.name,
        "is_verified": True,
        "nb_alias": 1,
        "creation_date": own.created_at.strftime("%Y-%m-%d %H:%M:%S+00:00"),
        "creation_timestamp": int(own.created_at.timestamp()),
        "catch_all": False,
        "name": None,
        "random_prefix_generation": False,
        "mailboxes": [{"id": jane.mailbox.id, "email": f"{jane.handle}@real.example"}],
    }
    assert (
        simple.get(f"/api/custom_domains/{own.id}").json
        == told
        == simple.get(f"/api/custom_domains/{own.uid}").json
    )


def test_a_claim_is_told_as_one(pages: Site, jane: Person, simple: SimpleLogin):
    own_domain(pages, jane, verified=False)
    (told,) = simple.get("/api/custom_domains").json["custom_domains"]
    assert told["is_verified"] is False


def test_its_addresses_make_themselves_or_no_more(pages: Site, jane: Person, simple: SimpleLogin):
    own = own_domain(pages, jane)
    path = f"/api/custom_domains/{own.id}"
    answer = simple.patch(path, {"catch_all": True, "mailbox_ids": [jane.mailbox.id], "name": None})
    assert answer.status == 200 and list(answer.json) == ["custom_domain"]
    assert answer.json["custom_domain"]["catch_all"] is True
    assert pages.run("SELECT on_the_fly, fly_per_day FROM domains WHERE id = :id", id=own.id) == [
        [True, own.fly_per_day]
    ]
    assert simple.patch(path, {"catch_all": False}).json["custom_domain"]["catch_all"] is False
    for wrong in (
        *(
            None,
            {},
            {"catch_all": "perhaps"},
            {"random_prefix_generation": True},
            {"name": "Jane"},
            {"name": 1},
        ),
        *({"mailbox_ids": ids} for ids in ([], [0], "1", [jane.mailbox.id, 0], [1 << 62])),
        {"mailbox_ids": [jane.mailbox.id, mailbox(pages, jane, "other").id]},
        {"mailbox_ids": [mailbox(pages, jane, "later", verified=False).id]},
        {"catch_all": True, "name": "Jane"},
    ):
        refused = simple.patch(path, wrong)
        assert refused.status == 400 and list(refused.json) == ["error"], wrong
    assert simple.get(path).json["catch_all"] is False


def test_its_new_aliases_go_to_the_mailbox_named(pages: Site, jane: Person, simple: SimpleLogin):
    own, other = own_domain(pages, jane), mailbox(pages, jane, "other")
    path = f"/api/custom_domains/{own.id}"
    boxes = simple.patch(path, {"mailbox_ids": [other.id]}).json["custom_domain"]["mailboxes"]
    assert boxes == [{"id": other.id, "email": f"other-{jane.id}@real.example"}]
    simple.patch("/api/setting", {"random_alias_default_domain": own.name})
    assert simple.post("/api/alias/random/new").json["mailbox"]["id"] == other.id
    assert (
        simple.patch(path, {"mailbox_ids": [jane.mailbox.id]}).json["custom_domain"]["mailboxes"][0]["id"]
        == jane.mailbox.id
    )


def test_a_shared_domain_is_nobodys(pages: Site, simple: SimpleLogin):
    for method in ("GET", "PATCH"):
        assert simple.ask(method, f"/api/custom_domains/{pages.shared.id}", {"catch_all": True}).status == 403


def test_deleted_aliases_of_a_domain_are_told(pages: Site, jane: Person, simple: SimpleLogin):
    own = own_domain(pages, jane)
    kept, gone, other = (
        pages.alias(jane, "kept", own),
        pages.alias(jane, "gone", own),
        pages.alias(jane, f"o{jane.id}"),
    )
    for one in (gone, other):
        simple.delete(f"/api/aliases/{one.id}")
    (told,) = simple.get(f"/api/custom_domains/{own.id}/trash").json["aliases"]
    assert set(told) == {"alias", "deletion_timestamp"} and told["alias"] == gone.address
    assert isinstance(told["deletion_timestamp"], int)
    assert kept.id


def test_options_say_whether_there_may_be_one_more(pages: Site, jane: Person, simple: SimpleLogin):
    assert simple.get("/api/v5/alias/options").json["can_create"] is True
    pages.run("UPDATE users SET max_aliases = 0 WHERE id = :id", id=jane.id)
    for version in ("v4", "v5"):
        assert simple.get(f"/api/{version}/alias/options").json["can_create"] is False


def test_a_uuid_names_what_its_number_names(pages: Site, jane: Person, simple: SimpleLogin):
    alias = pages.alias(jane, f"shop{jane.id}")
    assert simple.get(f"/api/aliases/{alias.uid}").json == simple.get(f"/api/aliases/{alias.id}").json
    stranger = SimpleLogin(pages, new_key(pages, pages.person()))
    assert stranger.get(f"/api/aliases/{alias.uid}").status == 403
