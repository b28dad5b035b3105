"""Giving up a domain that users share; the operator's alone to do. A user's own domain: flow/own_domain.py."""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.store import admin_acts, domains, retired

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.domains import Domain


def delete(context: Context, domain: Domain, actor: str) -> bool:
    """Delete it with its subdomains and everybody's aliases on them. Nobody gets these addresses, should it come back.

    False when it is gone already.
    """
    assert domain.user_id is None
    with context.pool.connection() as db, db.transaction(SYSTEM):
        # Rows of all users. Mail to it is refused from now on; what is on its way to an alias of it goes with it.
        retired.retire_domain(db, context.ring, domain.id)
        deleted = domains.delete(db, domain.id)
        if deleted:
            admin_acts.add(db, actor, "delete domain", domain.name)
    context.log.info("domain.deleted", domain=domain.name, actor=actor)
    return deleted
