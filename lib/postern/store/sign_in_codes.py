"""Sign-in codes: a browser asks with an address; the drain finds out whose it is and mails a link with a code.

Rows are the program's own work (user id 0): nobody is signed in yet. Neither token nor code is stored, only keyed hashes.
"""

from __future__ import annotations

import hmac
import uuid
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.base.keyring import KeyRing

MINUTES = 10
TRIES = 5
ADDRESS_AN_HOUR = 5
CLIENT_AN_HOUR = 30
ALL_AN_HOUR = 500
"""So often an address, a network, and all together may ask within an hour."""


@dataclass(frozen=True)
class Asked:
    """Who asked: keyed hashes of the address, of the network and of the browser's cookie."""

    address_index: bytes
    client_index: bytes
    browser_index: bytes


def client_index(ring: KeyRing, network: str) -> bytes:
    """The hash of the network that asks."""
    return ring.index("client", network.encode())


def browser_index(ring: KeyRing, token: str) -> bytes:
    """The hash of the cookie that ties a code to the browser that asked."""
    return ring.index("browser", token.encode())


def _token_index(ring: KeyRing, token: str) -> bytes:
    return ring.index("sign-in mail", token.encode())


def _code_index(ring: KeyRing, uid: uuid.UUID, code: str) -> bytes:
    return ring.index("sign-in code", uid.bytes + code.encode())


# Of many who ask at once, each would count before any of them is written. The number means nothing.
_ONE_BY_ONE = "SELECT pg_advisory_xact_lock(7365671)"

_ALLOWED = """
SELECT (SELECT count(*) FROM sign_in_codes WHERE address_index = :address AND created_at > now() - interval '1 hour') < :one
   AND (SELECT count(*) FROM sign_in_codes WHERE client_index = :client AND created_at > now() - interval '1 hour') < :net
   AND (SELECT count(*) FROM sign_in_codes WHERE created_at > now() - interval '1 hour') < :everybody
"""

_ADD = """
INSERT INTO sign_in_codes (uid, address_index, client_index, browser_index, agent_sealed, expires_at, posted_at)
VALUES (:uid, :address, :client, :browser, :agent, now() + make_interval(mins => :minutes), CASE WHEN :done THEN now() END)
"""


def ask(db: Database, ring: KeyRing, asked: Asked, agent: str, done: bool = False) -> bool:
    """Note that somebody asks. False: too often within the hour. `done`: no mail is wanted, it only counts.

    Nobody else asks until the transaction ends.
    """
    db.run(_ONE_BY_ONE)
    allowed = db.value(
        _ALLOWED,
        address=asked.address_index,
        client=asked.client_index,
        one=ADDRESS_AN_HOUR,
        net=CLIENT_AN_HOUR,
        everybody=ALL_AN_HOUR,
    )
    if not allowed:
        return False
    uid = uuid.uuid4()
    db.run(
        _ADD,
        uid=uid,
        address=asked.address_index,
        client=asked.client_index,
        browser=asked.browser_index,
        agent=ring.seal(agent.encode(), f"sign_in_codes.agent:{uid}"),
        minutes=MINUTES,
        done=done,
    )
    return True


@dataclass(frozen=True)
class Wish:
    """A row that nobody has looked up yet, locked."""

    id: int
    uid: uuid.UUID
    address_index: bytes
    agent_sealed: bytes

    def agent(self, ring: KeyRing) -> str:
        """The browser that asked, in a few words."""
        return ring.open(self.agent_sealed, f"sign_in_codes.agent:{self.uid}").decode()


_NEXT = """
SELECT id, uid, address_index, agent_sealed FROM sign_in_codes
WHERE posted_at IS NULL AND expires_at > now() ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""


def next_wish(db: Database) -> Wish | None:
    """The next row to look up; those that other drains look at are passed over."""
    return db.row(Wish, _NEXT)


@dataclass(frozen=True)
class Owner:
    """Whose address it is: a user who may sign in, and the mailbox that proves it."""

    user_id: int
    handle: str
    mailbox_id: int
    is_new: bool


# A proven mailbox of a confirmed user; else that of a registration that waits for its proof: of several the newest, lest
# somebody who typed the address before gave its owner a name.
_OWNER = """
SELECT u.id AS user_id, u.handle, m.id AS mailbox_id, u.confirmed_at IS NULL AS is_new
FROM mailboxes m JOIN users u ON u.id = m.user_id
WHERE m.address_index = :address AND u.disabled_at IS NULL
  AND (m.verified_at IS NOT NULL AND u.confirmed_at IS NOT NULL OR u.confirmed_at IS NULL)
ORDER BY u.confirmed_at IS NULL, m.is_default DESC, CASE WHEN u.confirmed_at IS NULL THEN -u.id ELSE u.id END LIMIT 1
"""


def owner(db: Database, address_index: bytes) -> Owner | None:
    """Who may sign in with this address."""
    return db.row(Owner, _OWNER, address=address_index)


_POSTED = """
UPDATE sign_in_codes
SET posted_at = now(), user_id = CAST(:user_id AS bigint), mailbox_id = CAST(:mailbox_id AS bigint),
    token_index = :token, code_index = :code
WHERE id = :id
"""


def posted(db: Database, ring: KeyRing, wish: Wish, found: Owner | None, token: str, code: str) -> None:
    """It was looked up; where the address is somebody's, this token or this code signs the browser in."""
    db.run(
        _POSTED,
        id=wish.id,
        user_id=found.user_id if found else None,
        mailbox_id=found.mailbox_id if found else None,
        token=_token_index(ring, token) if found else None,
        code=_code_index(ring, wish.uid, code) if found else None,
    )


@dataclass(frozen=True)
class Open:
    """A row that may still sign somebody in."""

    id: int
    uid: uuid.UUID
    user_id: int
    mailbox_id: int
    handle: str
    browser_index: bytes
    code_index: bytes


_BY_LINK = """
SELECT c.id, c.uid, c.user_id, c.mailbox_id, u.handle, c.browser_index, c.code_index
FROM sign_in_codes c JOIN users u ON u.id = c.user_id
WHERE c.token_index = :token AND c.used_at IS NULL AND c.tries < :tries AND c.expires_at > now() AND u.disabled_at IS NULL
FOR UPDATE OF c
"""


def by_token(db: Database, ring: KeyRing, token: str) -> Open | None:
    """What a mailed link stands for, locked, while it is good."""
    return db.row(Open, _BY_LINK, token=_token_index(ring, token), tries=TRIES)


_BY_BROWSER = """
SELECT c.id, c.uid, c.user_id, c.mailbox_id, u.handle, c.browser_index, c.code_index
FROM sign_in_codes c JOIN users u ON u.id = c.user_id
WHERE c.browser_index = :browser AND c.used_at IS NULL AND c.tries < :tries AND c.expires_at > now()
  AND c.code_index IS NOT NULL AND u.disabled_at IS NULL
ORDER BY c.id FOR UPDATE OF c
"""

_WRONG = "UPDATE sign_in_codes SET tries = tries + 1 WHERE browser_index = :browser AND used_at IS NULL"


def by_code(db: Database, ring: KeyRing, browser: bytes, code: str) -> Open | None:
    """What the code that a browser typed stands for, locked. None for a wrong one, which counts for all that it asked for."""
    found = None
    for one in db.rows(Open, _BY_BROWSER, browser=browser, tries=TRIES):
        if hmac.compare_digest(one.code_index, _code_index(ring, one.uid, code)):
            found = one
    if found is None:
        db.run(_WRONG, browser=browser)
    return found


_USE = "UPDATE sign_in_codes SET used_at = now() WHERE browser_index = :browser AND used_at IS NULL"


def use(db: Database, browser: bytes) -> None:
    """All that this browser asked for is used up."""
    db.run(_USE, browser=browser)


_CONFIRM = """
WITH confirmed AS (UPDATE users SET confirmed_at = now() WHERE id = :user_id AND confirmed_at IS NULL),
     invited AS (UPDATE invitations SET used_at = now() WHERE used_by = :user_id AND used_at IS NULL)
UPDATE mailboxes m SET verified_at = now(),
    is_default = NOT EXISTS (SELECT 1 FROM mailboxes o WHERE o.user_id = m.user_id AND o.is_default)
WHERE m.id = :mailbox_id AND m.verified_at IS NULL
"""


def confirm(db: Database, found: Open) -> None:
    """Whoever reads the mail has proven the mailbox; a registration is complete with that, and its invitation used up."""
    db.run(_CONFIRM, user_id=found.user_id, mailbox_id=found.mailbox_id)


_FORGET = "DELETE FROM sign_in_codes WHERE created_at < now() - interval '2 hours'"


def forget_old(db: Database) -> int:
    """Drop those that sign nobody in and count for no limit."""
    return db.count(_FORGET)
