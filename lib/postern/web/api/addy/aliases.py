"""Aliases in addy.io's dialect: listed, shown, described, deleted. Making them: new_alias.py; many at once: alias_bulk.py."""

from __future__ import annotations

from postern.flow import aliases as rules
from postern.store import alias_list, alias_search, aliases, retired
from postern.store.alias_search import Wanted
from postern.web import ids as uids
from postern.web import response as responses
from postern.web.api.addy import alias_json, ids, page, query
from postern.web.api.given import Wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uuid import UUID

    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.aliases import Alias
    from postern.store.api_keys import Bearer
    from postern.web.api.addy.query import Query
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response

SORTS = {
    "local_part": "local",
    "domain": "domain",
    "email": "address",
    "emails_forwarded": "forwarded",
    "emails_blocked": "blocked",
    "emails_replied": "replied",
    "emails_sent": "created_at",
    "last_forwarded": "seen_at",
    "last_blocked": "seen_at",
    "last_replied": "seen_at",
    "last_sent": "seen_at",
    "last_used": "seen_at",
    "active": "enabled",
    "created_at": "created_at",
    "updated_at": "created_at",
    "deleted_at": "deleted_at",
}
"""What clients sort by -> our key; what is not kept apart is sorted by what comes nearest."""

SEARCH = (3, 50)
"""Letters that a search has."""


def listing(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/aliases: a page of them."""
    asked = query.read(request)
    wanted, which = _wanted(asked), page.asked(asked)
    with context.pool.connection() as db, db.transaction(who.user_id):
        total = alias_search.count(db, who.user_id, wanted)
        found = alias_search.page(db, who.user_id, wanted, which.size, which.skip)
        data = alias_json.shapes(db, context.ring, who.user_id, found)
    return responses.json(200, page.shape(context, request, asked, which, data, total))


def show(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/aliases/*: deleted ones too."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        return one(context, db, ids.alias(db, request.part(4)))


def describe(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """PATCH /api/v1/aliases/*: its note and the name for replies, where they are named."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias = ids.alias(db, request.part(4))
        note = rules.check_note(given.text("description")) if "description" in given else alias.note
        name = rules.check_name(given.text("from_name")) if "from_name" in given else alias.name(context.ring)
        aliases.describe(db, context.ring, alias, note, name)
        return one(context, db, alias)


def delete(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/v1/aliases/*: it can be restored for 30 days."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias = ids.alias(db, request.part(4))
        if not alias_list.delete(db, [alias.uid]):
            raise ids.Gone
    return responses.nothing()


def restore(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """PATCH /api/v1/aliases/*/restore: as it was before."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        alias = ids.alias(db, request.part(4))
        alias_list.restore(db, [alias.uid])
        return one(context, db, alias)


def forget(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/v1/aliases/*/forget: gone at once, with all that is its own, and nobody gets the address again."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        retired.forget(db, context.ring, [ids.alias(db, request.part(4))])
    return responses.nothing()


def one(context: Context, db: Database, alias: Alias) -> Response:
    """The answer with an alias as it is now."""
    return responses.json(200, {"data": alias_json.shape(db, context.ring, ids.alias(db, str(alias.uid)))})


def _wanted(asked: Query) -> Wanted:
    words = asked.get("filter[search]", "")
    if words and not SEARCH[0] <= len(words) <= SEARCH[1]:
        raise Wrong(
            "filter.search", f"A search has {SEARCH[0]} to {SEARCH[1]} letters.", "Type some more, or fewer."
        )
    sort = asked.one_of("sort", ("", *SORTS, *(f"-{name}" for name in SORTS)), "")
    deleted = asked.one_of("filter[deleted]", alias_search.DELETED, alias_search.WITHOUT)
    return Wanted(
        words=words,
        deleted=asked.one_of("deleted", alias_search.DELETED, deleted),
        enabled=asked.flag("filter[active]"),
        pinned=asked.flag("filter[pinned]"),
        domain=_uid(asked, "domain") or _uid(asked, "username"),
        mailbox=_uid(asked, "recipient"),
        key=SORTS[sort.lstrip("-")] if sort else "created_at",
        down=sort.startswith("-") or not sort,
    )


def _uid(asked: Query, name: str) -> UUID | None:
    if name not in asked:
        return None
    found = uids.uid_or_none(asked[name])
    if found is None:
        raise Wrong(name, f"The {name} must be a valid UUID.", "Take one from its list.")
    return found
