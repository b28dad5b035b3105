"""The mailbox of a whole domain: where its new aliases forward. Most have none of their own, and go by the user's default."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database


@dataclass(frozen=True)
class Choice:
    """A row of `domain_mailboxes`."""

    domain_id: int
    mailbox_id: int


_OF = "SELECT mailbox_id FROM domain_mailboxes WHERE domain_id = :domain_id"


def of(db: Database, domain_id: int) -> int | None:
    """The id of the mailbox, where the domain has one of its own."""
    found = db.value(_OF, domain_id=domain_id)
    return None if found is None else int(found)


_OF_USER = "SELECT domain_id, mailbox_id FROM domain_mailboxes WHERE user_id = :user_id"


def of_user(db: Database, user_id: int) -> dict[int, int]:
    """Id of a domain -> id of its mailbox."""
    return {one.domain_id: one.mailbox_id for one in db.rows(Choice, _OF_USER, user_id=user_id)}


_CHOOSE = """
INSERT INTO domain_mailboxes (domain_id, mailbox_id, user_id) VALUES (:domain_id, :mailbox_id, :user_id)
ON CONFLICT (domain_id) DO UPDATE SET mailbox_id = excluded.mailbox_id
"""


def choose(db: Database, user_id: int, domain_id: int, mailbox_id: int) -> None:
    """New aliases of the domain forward there."""
    db.run(_CHOOSE, user_id=user_id, domain_id=domain_id, mailbox_id=mailbox_id)


_FORGET = "DELETE FROM domain_mailboxes WHERE domain_id = :domain_id"


def forget(db: Database, domain_id: int) -> bool:
    """Go by the user's default again. False when it did so already."""
    return db.count(_FORGET, domain_id=domain_id) == 1
