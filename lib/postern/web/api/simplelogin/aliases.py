"""Aliases in SimpleLogin's dialect: listed, looked at, changed. Making them: new_alias.py."""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.flow import aliases as rules
from postern.store import alias_list, aliases, contacts, events
from postern.store.alias_list import Wanted
from postern.web import response as responses
from postern.web.api.simplelogin import alias_json, contact_json, ids, times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.aliases import Alias
    from postern.store.api_keys import Bearer
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response

STATES = (("pinned", "pinned"), ("disabled", "off"), ("enabled", "on"))
"""A word in the query -> our state; the first that is there counts."""


def page(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET or POST /api/v2/aliases: twenty of them; a page past the end is empty."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = _page(db, request, who, given)
        return responses.json(200, {"aliases": alias_json.shapes(db, context.ring, found)})


def page_v1(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET or POST /api/aliases, as old clients ask."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = _page(db, request, who, given)
    return responses.json(200, {"aliases": [alias_json.brief(one) for one in found]})


def show(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/aliases/*."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        return responses.json(200, alias_json.shape(db, context.ring, ids.alias(db, request)))


def change(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """PUT or PATCH /api/aliases/*: what is named is changed; PGP is not ours to switch."""
    if not given:
        raise BadInput("Request body cannot be empty.", "Name what shall change.")
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias = ids.alias(db, request)
        _describe(context, db, alias, given)
        _link(db, alias, given)
        pinned = given.flag("pinned")
        if pinned is not None:
            alias_list.pin(db, [alias.uid], pinned)
    return responses.json(200, {"ok": True})


def delete(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/aliases/*: it can be brought back on its page for 30 days."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias_list.delete(db, [ids.alias(db, request).uid])
    return responses.json(200, {"deleted": True})


def toggle(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/aliases/*/toggle."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias = ids.alias(db, request)
        alias_list.enable(db, [alias.uid], not alias.enabled)
    return responses.json(200, {"enabled": not alias.enabled})


def activities(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/aliases/*/activities: what went between the alias and its contacts, newest first."""
    skip = ids.skip(request)
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias = ids.alias(db, request)
        happened = events.with_contact(db, alias.id, list(alias_json.ACTIONS), ids.PAGE, skip)
        known = contacts.among(db, [one.contact_id for one in happened if one.contact_id is not None])
    found = []
    for event in happened:
        contact = known.get(event.contact_id or 0)
        if contact is None:
            continue
        ends = (alias.address, contact.address(context.ring))
        sender, recipient = ends if event.kind == "replied" else ends[::-1]
        found.append(
            {
                "timestamp": times.seconds(event.at),
                "action": alias_json.ACTIONS[event.kind],
                "from": sender,
                "to": recipient,
                "reverse_alias": contact_json.reverse_alias(context.ring, contact, alias.domain),
                "reverse_alias_address": f"{contact.reverse_local}@{alias.domain}",
            }
        )
    return responses.json(200, {"activities": found})


def _page(db: Database, request: Request, who: Bearer, given: Given) -> list[Alias]:
    state = next((ours for word, ours in STATES if request.asks(word)), "all")
    wanted = Wanted(words=given.text("query").strip(), state=state)
    return alias_list.page(db, who.user_id, wanted, ids.PAGE, ids.skip(request))


def _describe(context: Context, db: Database, alias: Alias, given: Given) -> None:
    if "note" not in given and "name" not in given:
        return
    note = rules.check_note(given.text("note")) if "note" in given else alias.note
    name = rules.check_name(given.text("name")) if "name" in given else alias.name(context.ring)
    aliases.describe(db, context.ring, alias, note, name)


def _link(db: Database, alias: Alias, given: Given) -> None:
    wanted = given.numbers("mailbox_ids")
    one = given.number("mailbox_id")
    if one is not None and "mailbox_ids" not in given:
        wanted = [one]
    if wanted or "mailbox_ids" in given:
        aliases.forward_only_to(db, alias, ids.chosen_mailboxes(db, alias.user_id, wanted))
