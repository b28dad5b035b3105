"""Whether the walls between users stand: what our role may do past them, and which tables have none."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database


@dataclass(frozen=True)
class Role:
    """Our role at the server. Row level security does not hold a superuser, nor who may bypass it."""

    superuser: bool
    bypasses: bool


_ROLE = "SELECT rolsuper AS superuser, rolbypassrls AS bypasses FROM pg_roles WHERE rolname = current_user"


def role(db: Database) -> Role:
    """Who we are."""
    found = db.row(Role, _ROLE)
    assert found is not None, "who asks is there"
    return found


_OPEN = """
SELECT CAST(c.relname AS text) FROM pg_class c
WHERE c.relnamespace = to_regnamespace(current_setting('search_path')) AND c.relkind = 'r'
  AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped)
  AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
ORDER BY 1
"""


def without(db: Database) -> list[str]:
    """Tables that say whose their rows are, and have no row level security that holds their owner."""
    return [str(name) for (name,) in db.run(_OPEN)]
