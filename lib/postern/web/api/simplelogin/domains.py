"""A user's own domains in SimpleLogin's dialect: looked at, and whether their addresses make themselves.

A domain has no name for replies and no mailboxes of its own here: new aliases forward to the default mailbox.
"""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.flow import own_domain
from postern.store import alias_list, domains, mailboxes
from postern.store.alias_list import Wanted
from postern.web import response as responses
from postern.web.api.simplelogin import ids, times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.base.keyring import KeyRing
    from postern.flow.context import Context
    from postern.store.api_keys import Bearer
    from postern.store.domains import Domain
    from postern.store.mailboxes import Mailbox
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response

MOST_DELETED = 10_000
"""In the answer about deleted aliases, which has no pages."""


def page(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/custom_domains: all of them, claims among them."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        default = mailboxes.default(db, who.user_id)
        found = [_shape(db, context.ring, one, default) for one in domains.of_user(db, who.user_id)]
    return responses.json(200, {"custom_domains": found})


def show(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/custom_domains/*: bare. SimpleLogin has none of it, its Go client asks for it."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        domain, default = ids.domain(db, request, who.user_id), mailboxes.default(db, who.user_id)
        return responses.json(200, _shape(db, context.ring, domain, default))


def change(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """PATCH /api/custom_domains/*: `catch_all`; what a domain does not have here stays as it is shown."""
    if not given:
        raise BadInput("Request body cannot be empty.", "Name what shall change.")
    on, prefix, name = given.flag("catch_all"), given.flag("random_prefix_generation"), given.text("name")
    wanted = given.numbers("mailbox_ids")
    with context.pool.connection() as db, db.transaction(who.user_id):
        domain = ids.domain(db, request, who.user_id)
        default = mailboxes.default(db, who.user_id)
    if prefix or name:
        raise BadInput("A domain has no such setting here.", "Set it at the alias instead.")
    if "mailbox_ids" in given and (default is None or set(wanted) != {default.id}):
        raise BadInput("A domain has no mailboxes of its own here.", "Change the default mailbox instead.")
    if on is not None:
        own_domain.set_fly(context, domain, on, domain.fly_per_day)
    with context.pool.connection() as db, db.transaction(who.user_id):
        changed = ids.domain(db, request, who.user_id)
        return responses.json(200, {"custom_domain": _shape(db, context.ring, changed, default)})


def deleted_aliases(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/custom_domains/*/trash: those that can be brought back, newest first."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        domain = ids.domain(db, request, who.user_id)
        wanted = Wanted(state="deleted", domain_id=domain.id)
        found = alias_list.page(db, who.user_id, wanted, MOST_DELETED, 0)
    return responses.json(
        200,
        {
            "aliases": [
                {"alias": one.address, "deletion_timestamp": times.seconds(one.deleted_at)}
                for one in found
                if one.deleted_at is not None
            ]
        },
    )


def _shape(db: Database, ring: KeyRing, domain: Domain, default: Mailbox | None) -> dict[str, object]:
    return {
        "id": domain.id,
        "domain_name": domain.name,
        "is_verified": domain.verified_at is not None,
        "nb_alias": domains.count_aliases(db, domain.id),
        "creation_date": times.date(domain.created_at),
        "creation_timestamp": times.seconds(domain.created_at),
        "catch_all": domain.on_the_fly,
        "name": None,
        "random_prefix_generation": False,
        "mailboxes": [] if default is None else [{"id": default.id, "email": default.address(ring)}],
    }
