"""What a user chooses once: where new aliases are made, what they look like, what becomes of forged mail, digests."""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.store import domains, preferences

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.preferences import Preferences


def save(context: Context, user_id: int, wanted: Preferences) -> None:
    """Keep all of them. BadInput for what nobody offers."""
    with context.pool.connection() as db, db.transaction(user_id):
        known = (
            wanted.default_kind in preferences.KINDS
            and wanted.dmarc_fail in preferences.DMARC_FAIL
            and wanted.digest in preferences.DIGEST
        )
        usable = {None, *(one.id for one in domains.usable(db, user_id))}
        if not known or wanted.default_domain_id not in usable:
            raise BadInput(
                "A choice is none of those offered.", "Load the page again, and choose from its lists."
            )
        preferences.save(db, user_id, wanted)
