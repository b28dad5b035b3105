"""Things by the numbers in a path, or by their UUIDs: those of somebody else are as those that do not exist."""

from __future__ import annotations

from postern.base.errors import BadInput, PosternError
from postern.store import aliases, contacts, domains, mailboxes
from postern.web import ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.base.database import Database
    from postern.store.aliases import Alias
    from postern.store.contacts import Contact
    from postern.store.domains import Domain
    from postern.store.mailboxes import Mailbox
    from postern.web.request import Request

PAGE = 20
"""Things on a page, always."""

MAX_PAGE = 1_000_000


class Forbidden(PosternError):
    """It is not there, or not this user's."""

    http_status = 403

    def __init__(self) -> None:
        super().__init__("Forbidden.", "There is no such thing of yours.")


def alias(db: Database, request: Request) -> Alias:
    """The alias of /api/aliases/N. Forbidden."""
    uid = ids.uid_or_none(request.part(3))
    found = aliases.get(db, uid) if uid else aliases.by_id(db, ids.number_or(request.part(3), 0))
    if found is None or found.deleted_at is not None:
        raise Forbidden
    return found


def contact(db: Database, request: Request) -> tuple[Contact, Alias]:
    """The contact of /api/contacts/N with its alias. Forbidden."""
    found = contacts.by_id(db, ids.number_or(request.part(3), 0))
    its = None if found is None else aliases.by_id(db, found.alias_id)
    if found is None or its is None:
        raise Forbidden
    return found, its


def mailbox(db: Database, request: Request) -> Mailbox:
    """The mailbox of /api/mailboxes/N. Forbidden."""
    uid = ids.uid_or_none(request.part(3))
    found = mailboxes.get(db, uid) if uid else mailboxes.by_id(db, ids.number_or(request.part(3), 0))
    if found is None:
        raise Forbidden
    return found


def domain(db: Database, request: Request, user_id: int) -> Domain:
    """The user's own domain of /api/custom_domains/N. Forbidden; shared ones are nobody's."""
    named = request.part(3)
    number = ids.number_or(named, 0)
    found = next(
        (one for one in domains.of_user(db, user_id) if one.id == number or str(one.uid) == named), None
    )
    if found is None:
        raise Forbidden
    return found


def chosen_mailboxes(db: Database, user_id: int, wanted: Sequence[int]) -> list[int]:
    """Those of the user that have these ids. BadInput when one is not confirmed, or not his, or none is named."""
    confirmed = {one.id for one in mailboxes.of_user(db, user_id) if one.verified_at is not None}
    if not wanted or not confirmed >= set(wanted):
        raise BadInput(
            "No mailbox is chosen, or one that is not yours.", "Choose among those of /api/v2/mailboxes."
        )
    return list(dict.fromkeys(wanted))


def skip(request: Request) -> int:
    """How many things are on the pages before `page_id`, which counts from 0. BadInput without one."""
    page = ids.number_or(request.query("page_id"), -1)
    if not 0 <= page <= MAX_PAGE:
        raise BadInput("page_id must be provided in request query.", "Count pages from 0.")
    return page * PAGE
