"""Targets: where mail to an address goes, as receipt asks. Addresses come normalised, and unverified domains take no mail."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database


@dataclass(frozen=True)
class Target:
    """An alias that exists. `mailboxes`: ids of those that take mail; `paused`: of those that are verified and paused.

    `enabled`: it and its domain are on; `alive`: it is not deleted; `shut`: its user's account is; `blocks`: its user has a
    blocklist; `dmarc_fail`: what its user prefers (store/preferences.py).
    """

    alias_id: int
    user_id: int
    enabled: bool
    alive: bool
    shut: bool
    blocks: bool
    dmarc_fail: str
    mailboxes: list[int]
    paused: list[int]


_RESOLVE = """
SELECT a.id AS alias_id, a.user_id, a.enabled AND d.enabled AS enabled, a.deleted_at IS NULL AS alive,
       u.disabled_at IS NOT NULL AS shut, EXISTS (SELECT 1 FROM blocked_senders s WHERE s.user_id = a.user_id) AS blocks,
       coalesce(p.dmarc_fail, 'quarantine') AS dmarc_fail,
       array(SELECT m.id FROM alias_mailboxes am JOIN mailboxes m ON m.id = am.mailbox_id
             WHERE am.alias_id = a.id AND m.verified_at IS NOT NULL AND m.paused_at IS NULL ORDER BY m.id) AS mailboxes,
       array(SELECT m.id FROM alias_mailboxes am JOIN mailboxes m ON m.id = am.mailbox_id
             WHERE am.alias_id = a.id AND m.verified_at IS NOT NULL AND m.paused_at IS NOT NULL ORDER BY m.id) AS paused
FROM aliases a JOIN domains d ON d.id = a.domain_id JOIN users u ON u.id = a.user_id
     LEFT JOIN preferences p ON p.user_id = a.user_id
WHERE d.name = :domain AND d.verified_at IS NOT NULL AND a.local = :local
"""


def resolve(db: Database, local: str, domain: str) -> Target | None:
    """The alias of that address, whoever owns it, also when it takes no mail or is deleted."""
    return db.row(Target, _RESOLVE, local=local, domain=domain)


@dataclass(frozen=True)
class Fly:
    """An address that may make itself an alias. `left`: how many of its domain still may today; the rest as in Target."""

    domain_id: int
    user_id: int
    local: str
    domain: str
    left: int
    dmarc_fail: str
    mailboxes: list[int]
    paused: list[int]


_FLY = """
SELECT d.id AS domain_id, d.user_id, CAST(:local AS text) AS local, d.name AS domain,
       coalesce(p.dmarc_fail, 'quarantine') AS dmarc_fail,
       CASE WHEN d.fly_day = CAST(now() AT TIME ZONE 'UTC' AS date) THEN d.fly_per_day - d.fly_made ELSE d.fly_per_day END
           AS left,
       CASE WHEN m.paused_at IS NULL THEN array[m.id] ELSE CAST('{}' AS bigint[]) END AS mailboxes,
       CASE WHEN m.paused_at IS NULL THEN CAST('{}' AS bigint[]) ELSE array[m.id] END AS paused
FROM domains d JOIN users u ON u.id = d.user_id
     LEFT JOIN domain_mailboxes o ON o.domain_id = d.id
     JOIN LATERAL (SELECT id, paused_at FROM mailboxes WHERE user_id = d.user_id AND verified_at IS NOT NULL
                   ORDER BY (id = o.mailbox_id) IS TRUE DESC, is_default DESC, id LIMIT 1) m ON true
     LEFT JOIN preferences p ON p.user_id = d.user_id
WHERE d.name = :domain AND d.verified_at IS NOT NULL AND d.on_the_fly AND d.enabled AND u.disabled_at IS NULL
"""


def fly(db: Database, local: str, domain: str) -> Fly | None:
    """Where the domain lets its addresses make themselves; not asked: does the alias exist? None without a verified mailbox."""
    return db.row(Fly, _FLY, local=local, domain=domain)


_MAKE = """
INSERT INTO aliases (user_id, domain_id, local, origin)
SELECT d.user_id, d.id, :local, 'fly' FROM domains d WHERE d.id = :domain_id AND d.on_the_fly
ON CONFLICT ON CONSTRAINT alias_local_once_per_domain DO NOTHING
"""


def make(db: Database, wanted: Fly) -> bool:
    """The alias makes itself, as yet without a mailbox. False: somebody was first, and we waited for his commit."""
    return db.count(_MAKE, domain_id=wanted.domain_id, local=wanted.local) == 1


_COUNT_FLY = """
UPDATE domains
SET fly_made = CASE WHEN fly_day = CAST(now() AT TIME ZONE 'UTC' AS date) THEN fly_made + 1 ELSE 1 END,
    fly_day = CAST(now() AT TIME ZONE 'UTC' AS date)
WHERE id = :domain_id AND fly_per_day > CASE WHEN fly_day = CAST(now() AT TIME ZONE 'UTC' AS date) THEN fly_made ELSE 0 END
"""


def count_fly(db: Database, domain_id: int) -> bool:
    """Count one that made itself, in the same transaction. False: no more today. The row is held until the transaction ends."""
    return db.count(_COUNT_FLY, domain_id=domain_id) == 1


@dataclass(frozen=True)
class Reverse:
    """A contact's reverse address. `alive`, `enabled`: its alias; `shut`: the user's account; `blocked`: the contact."""

    contact_id: int
    alias_id: int
    user_id: int
    enabled: bool
    alive: bool
    shut: bool
    blocked: bool


_REVERSE = """
SELECT c.id AS contact_id, a.id AS alias_id, a.user_id, a.enabled AND d.enabled AS enabled, a.deleted_at IS NULL AS alive,
       u.disabled_at IS NOT NULL AS shut, c.blocked_at IS NOT NULL AS blocked
FROM contacts c JOIN domains d ON d.id = c.domain_id JOIN aliases a ON a.id = c.alias_id JOIN users u ON u.id = a.user_id
WHERE d.name = :domain AND d.verified_at IS NOT NULL AND c.reverse_local = :local
"""


def reverse(db: Database, local: str, domain: str) -> Reverse | None:
    """The contact and the alias that a reverse address stands for, whoever owns them."""
    return db.row(Reverse, _REVERSE, local=local, domain=domain)
