"""A user's own domains in SimpleLogin's dialect: looked at, and whether their addresses make themselves.

A domain has no name for replies here, and one mailbox for its new aliases: one of its own, or the default one.
"""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.flow import own_domain
from postern.store import alias_list, domain_mailboxes, domains, mailboxes
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
        found = [_shape(db, context.ring, one) for one in domains.of_user(db, who.user_id)]
    return responses.json(200, {"custom_domains": found})


def show(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/custom_domains/*: bare. SimpleLogin has none of it, its Go client asks for it."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        return responses.json(200, _shape(db, context.ring, ids.domain(db, request, who.user_id)))


def change(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """PATCH /api/custom_domains/*: `catch_all`, and one mailbox; what a domain does not have here stays as it is shown."""
    if not given:
        raise BadInput("Request body cannot be empty.", "Name what shall change.")
    on, prefix, name = given.flag("catch_all"), given.flag("random_prefix_generation"), given.text("name")
    wanted = given.numbers("mailbox_ids")
    with context.pool.connection() as db, db.transaction(who.user_id):
        domain = ids.domain(db, request, who.user_id)
        chosen = ids.chosen_mailboxes(db, who.user_id, wanted) if "mailbox_ids" in given else []
        current = _mailbox(db, domain)
        mailbox = mailboxes.by_id(db, chosen[0]) if chosen else None
    if prefix or name:
        raise BadInput("A domain has no such setting here.", "Set it at the alias instead.")
    if len(chosen) > 1:
        raise BadInput("A domain has one mailbox here.", "Choose one; aliases may have more.")
    if mailbox is not None and (current is None or mailbox.id != current.id):
        own_domain.forward_new_to(context, domain, mailbox)
    if on is not None:
        own_domain.set_fly(context, domain, on, domain.fly_per_day)
    with context.pool.connection() as db, db.transaction(who.user_id):
        changed = ids.domain(db, request, who.user_id)
        return responses.json(200, {"custom_domain": _shape(db, context.ring, changed)})


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


def _mailbox(db: Database, domain: Domain) -> Mailbox | None:
    """Where its new aliases forward."""
    assert domain.user_id is not None
    own = domain_mailboxes.of(db, domain.id)
    return mailboxes.default(db, domain.user_id) if own is None else mailboxes.by_id(db, own)


def _shape(db: Database, ring: KeyRing, domain: Domain) -> dict[str, object]:
    mailbox = _mailbox(db, domain)
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
        "mailboxes": [] if mailbox is None else [{"id": mailbox.id, "email": mailbox.address(ring)}],
    }
