"""addy.io's dialect: failed deliveries, which are what failed, what came back, and what is held."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from postern.store.aliases import Alias
from support import addy as apps
from support.api import Addy, new_key
from support.people import Person, Site
from support.receipt import contact
from support.undelivered import SAID, bounce, fail, hold

LIST = "/api/v1/failed-deliveries"


@pytest.fixture
def alias(pages: Site, jane: Person) -> Alias:
    return pages.alias(jane, f"shop{jane.id}")


def held(pages: Site, alias: Alias) -> UUID:
    """A delivery that waits in quarantine."""
    uid = hold(pages, alias)
    sql = "SELECT q.uid FROM deliveries q JOIN messages m ON m.id = q.message_id WHERE m.uid = :uid"
    return UUID(str(pages.run(sql, uid=uid)[0][0]))


def listed(addy: Addy, query: str = "") -> list[dict[str, Any]]:
    answer = addy.get(LIST + query)
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = apps.page("FailedDelivery", answer.json)
    return found


def state(pages: Site, uid: UUID) -> str:
    return str(pages.run("SELECT state FROM deliveries WHERE uid = :uid", uid=uid)[0][0])


def test_all_are_listed_newest_first_as_the_apps_read_them(
    pages: Site, jane: Person, addy: Addy, alias: Alias
):
    assert listed(addy) == []
    first, second, third = fail(pages, alias), bounce(pages, alias), held(pages, alias)
    found = {one["id"]: one for one in listed(addy)}
    assert list(found) == [str(third), str(second), str(first)]
    failed = found[str(first)]
    assert (failed["recipient_id"], failed["recipient_email"]) == (
        str(jane.mailbox.uid),
        f"{jane.handle}@real.example",
    )
    assert (failed["alias_id"], failed["alias_email"]) == (str(alias.uid), alias.address)
    assert (failed["sender"], failed["destination"]) == ("bob@shop.example", f"{jane.handle}@real.example")
    assert (failed["status"], failed["code"], failed["bounce_type"]) == ("5.0.0", SAID, "hard")
    assert (failed["email_type"], failed["email_type_text"], failed["type"]) == ("F", "Forward", "outbound")
    assert (failed["is_stored"], failed["quarantined"], failed["user_id"]) == (
        True,
        False,
        str(jane.user.uid),
    )
    assert found[str(second)]["status"] == "5.2.2"
    assert (found[str(third)]["quarantined"], found[str(third)]["type"]) == (True, "inbound_quarantined")
    assert addy.get(f"{LIST}/{first}").json["data"] == failed


def test_a_reply_that_failed_names_who_should_have_had_it(pages: Site, addy: Addy, alias: Alias):
    uid, bob = fail(pages, alias), contact(pages, alias.id)
    pages.run(
        "UPDATE deliveries SET mailbox_id = NULL, contact_id = :bob WHERE uid = :uid", bob=bob.id, uid=uid
    )
    pages.run("UPDATE messages SET kind = 'reply' WHERE alias_id = :id", id=alias.id)
    (found,) = listed(addy)
    assert (found["recipient_id"], found["recipient_email"]) == (None, None)
    assert (found["sender"], found["destination"]) == (alias.address, "bob@shop.example")
    assert (found["email_type"], found["email_type_text"]) == ("R", "Reply")


def test_what_was_never_answered_failed_softly(pages: Site, addy: Addy, alias: Alias):
    uid = fail(pages, alias)
    pages.run("UPDATE deliveries SET said_code = 0, said_sealed = NULL WHERE uid = :uid", uid=uid)
    (found,) = listed(addy)
    assert (found["status"], found["code"], found["bounce_type"]) == ("4.0.0", "", "soft")


def test_filters_and_pages(pages: Site, addy: Addy, alias: Alias):
    first, second, third = fail(pages, alias), bounce(pages, alias), held(pages, alias)

    def ids(query: str) -> list[str]:
        return [one["id"] for one in listed(addy, query)]

    assert ids("?filter[email_type]=outbound") == [str(second), str(first)]
    assert ids("?filter[email_type]=inbound_quarantined") == [str(third)]
    assert ids("?filter[email_type]=inbound") == []
    assert ids("?filter%5Bemail_type%5D=") == [str(third), str(second), str(first)]
    assert ids("?page[number]=2&page[size]=2") == [str(first)]
    assert ids("?page[number]=3&page[size]=2") == []
    assert addy.get(f"{LIST}?page[size]=2").json["meta"]["total"] == 3
    for query in ("?filter[email_type]=x", "?page[size]=101", "?page[number]=0", f"?page[number]={10**30}"):
        assert addy.get(LIST + query).status == 422, query


def test_one_is_sent_again_and_one_is_given_up(pages: Site, addy: Addy, alias: Alias):
    again, no_more = fail(pages, alias), fail(pages, alias)
    answer = addy.post(f"{LIST}/{again}/resend", {"recipient_ids": []})
    assert (answer.status, answer.body, state(pages, again)) == (204, b"", "queued")
    assert addy.post(f"{LIST}/{again}/resend").status == 404
    answer = addy.delete(f"{LIST}/{no_more}")
    assert (answer.status, answer.body, state(pages, no_more)) == (204, b"", "dropped")
    assert listed(addy) == []


def test_what_is_held_is_let_out_and_given_up(pages: Site, jane: Person, addy: Addy, alias: Alias):
    out, no_more, paused = held(pages, alias), held(pages, alias), held(pages, alias)
    assert addy.post(f"{LIST}/{out}/resend", {"recipient_ids": [str(jane.mailbox.uid)]}).status == 204
    assert addy.delete(f"{LIST}/{no_more}").status == 204
    pages.run("UPDATE mailboxes SET paused_at = now() WHERE id = :id", id=jane.mailbox.id)
    assert addy.post(f"{LIST}/{paused}/resend").status == 422
    assert [state(pages, one) for one in (out, no_more, paused)] == ["queued", "dropped", "held"]


def test_it_goes_to_nobody_else(pages: Site, addy: Addy, alias: Alias):
    uid = fail(pages, alias)
    assert addy.post(f"{LIST}/{uid}/resend", {"recipient_ids": [str(uuid4())]}).status == 422
    assert addy.post(f"{LIST}/{uid}/resend", {"recipient_ids": "x"}).json["errors"]["recipient_ids"]
    assert state(pages, uid) == "failed"


def test_with_what_came_back_nothing_can_be_done(pages: Site, addy: Addy, alias: Alias):
    uid = bounce(pages, alias)
    assert addy.post(f"{LIST}/{uid}/resend").status == addy.delete(f"{LIST}/{uid}").status == 422


def test_the_message_is_downloaded_as_it_came_until_it_is_deleted(pages: Site, addy: Addy, alias: Alias):
    uid = fail(pages, alias)
    answer = addy.get(f"{LIST}/{uid}/download")
    assert answer.headers["content-disposition"] == f'attachment; filename="{uid}.eml"'
    assert answer.text.endswith("\r\n\r\nHi there.\r\n")
    pages.run(
        "UPDATE messages SET cleared_at = now(), summary_sealed = NULL WHERE alias_id = :id", id=alias.id
    )
    assert addy.get(f"{LIST}/{uid}/download").status == 404
    assert addy.post(f"{LIST}/{uid}/resend").status == 422
    assert listed(addy)[0]["is_stored"] is False


ACTS = [("GET", ""), ("GET", "/download"), ("POST", "/resend"), ("DELETE", "")]


@pytest.mark.parametrize(("method", "act"), ACTS)
def test_anothers_is_as_one_that_is_not_there(pages: Site, alias: Alias, method: str, act: str):
    uid = fail(pages, alias)
    stranger = Addy(pages, new_key(pages, pages.person()))
    answers = {
        (one.status, one.text)
        for one in (stranger.ask(method, f"{LIST}/{uid}{act}") for uid in (uid, uuid4(), "x", "%00", "☃"))
    }
    assert len({text for status, text in answers if status == 404}) == 1
    assert {status for status, _ in answers} <= {404, 400}
    assert state(pages, uid) == "failed"


@pytest.mark.parametrize(("method", "act"), ACTS[1:])
def test_a_key_for_aliases_reads_no_mail_and_moves_none(
    pages: Site, jane: Person, alias: Alias, method: str, act: str
):
    lesser = Addy(pages, new_key(pages, jane, "aliases"))
    uid = fail(pages, alias)
    assert lesser.ask(method, f"{LIST}/{uid}{act}").status == 403
    assert state(pages, uid) == "failed"
