"""Preferences: what a user has set. Who set nothing has no row, and the defaults."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database

KINDS = ("words", "characters", "uuid")
DMARC_FAIL = ("quarantine", "forward")
DIGEST = ("off", "daily", "weekly")
"""As in the CHECKs of schema/0005 and 0016; a test compares them."""


@dataclass(frozen=True)
class Preferences:
    """A row of `preferences`, or the defaults."""

    default_domain_id: int | None = None
    default_kind: str = "words"
    dmarc_fail: str = "quarantine"
    offer_block: bool = False
    digest: str = "off"


_OF_USER = """
SELECT default_domain_id, default_kind, dmarc_fail, offer_block, digest FROM preferences WHERE user_id = :user_id
"""


def of_user(db: Database, user_id: int) -> Preferences:
    """What this user has set."""
    return db.row(Preferences, _OF_USER, user_id=user_id) or Preferences()


# Who had none begins with today.
_SAVE = """
INSERT INTO preferences AS p (user_id, default_domain_id, default_kind, dmarc_fail, offer_block, digest)
VALUES (:user_id, :default_domain_id, :default_kind, :dmarc_fail, :offer_block, :digest)
ON CONFLICT (user_id) DO UPDATE SET default_domain_id = excluded.default_domain_id,
    default_kind = excluded.default_kind, dmarc_fail = excluded.dmarc_fail, offer_block = excluded.offer_block,
    digest = excluded.digest, digest_from = CASE WHEN p.digest = 'off' THEN excluded.digest_from ELSE p.digest_from END
"""


def save(db: Database, user_id: int, preferences: Preferences) -> None:
    """Keep all of them."""
    db.run(
        _SAVE,
        user_id=user_id,
        default_domain_id=preferences.default_domain_id,
        default_kind=preferences.default_kind,
        dmarc_fail=preferences.dmarc_fail,
        offer_block=preferences.offer_block,
        digest=preferences.digest,
    )
