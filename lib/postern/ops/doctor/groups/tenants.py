"""Users, and the walls between them."""

from __future__ import annotations

from postern.ops.doctor.item import ADVICE, CRITICAL, IMPORTANT, Item, fail, judged, ok, warn
from postern.store import domains, users, walls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.scene import Scene

MANY_USERS = 200
"""Above it a shared host is the wrong place (docs/SCALING.md)."""


def _role(scene: Scene) -> Check:
    with scene.database() as db:
        role = walls.role(db)
    rights = [name for name, has in (("superuser", role.superuser), ("BYPASSRLS", role.bypasses)) if has]
    return judged(" and ".join(rights), "an ordinary role: row level security holds it")


def _walls(scene: Scene) -> Check:
    with scene.database() as db:
        bare = walls.without(db)
    return judged(
        f"without row level security: {', '.join(bare)}" if bare else "", "every table of users has its wall"
    )


def _domain(scene: Scene) -> Check:
    with scene.database() as db:
        shared = [one.name for one in domains.all_domains(db) if one.user_id is None]
    return ok(", ".join(shared)) if shared else fail("no domain is shared by all users")


def _admin(scene: Scene) -> Check:
    with scene.database() as db:
        admins = [user.handle for user in users.all_users(db) if user.role == users.ADMIN]
    return ok(", ".join(admins)) if admins else fail("nobody is an admin")


def _notices(scene: Scene) -> Check:
    """Sign-in links and notices need a sender."""
    with scene.database() as db:
        shared = domains.first_shared(db)
    told = scene.config.notices_from or (f"postern@{shared}" if shared else "")
    return ok(told) if told else fail("there is neither POSTERN_NOTICES_FROM nor a shared domain")


def _registration(scene: Scene) -> Check:
    if scene.config.registration == "open":
        return warn("anybody may open an account")
    return ok("by invitation")


def _many(scene: Scene) -> Check:
    with scene.database() as db:
        many = len(users.all_users(db))
    return warn(f"{many} users") if many > MANY_USERS else ok(f"{many} users")


CHECKS = (
    Item(
        "tenants.role",
        "SH-26",
        CRITICAL,
        "The database role is an ordinary one",
        "Make an ordinary role that owns the schema, and set POSTERN_DB_USER to it.",
        "docs/MULTI-TENANCY.md",
        _role,
        needs=("database.reachable",),
        audit=True,
        symptom="The doctor says that the walls between users do not stand",
    ),
    Item(
        "tenants.walls",
        "SH-26",
        CRITICAL,
        "Every table that holds users' things has row level security",
        "Nobody but a person takes it away. Bring the schema back from a backup, or ask for help.",
        "docs/MULTI-TENANCY.md",
        _walls,
        needs=("database.migrated",),
        audit=True,
    ),
    Item(
        "tenants.domain",
        "SH-07",
        CRITICAL,
        "There is a domain for aliases",
        "Run: postern domain add alias.example.org",
        "docs/domains.md",
        _domain,
        needs=("database.migrated",),
        symptom="Users cannot make an alias: there is no domain",
    ),
    Item(
        "tenants.notices",
        "SH-05",
        CRITICAL,
        "Postern's own mails have a sender",
        "Add a shared domain, or set POSTERN_NOTICES_FROM.",
        "docs/sign-in.md",
        _notices,
        needs=("database.migrated",),
    ),
    Item(
        "tenants.admin",
        "SH-22",
        IMPORTANT,
        "Somebody is an admin",
        "Run: postern user role jane admin",
        "docs/admin.md",
        _admin,
        needs=("database.migrated",),
    ),
    Item(
        "tenants.registration",
        "SH-26",
        ADVICE,
        "Accounts are opened by invitation",
        "Set POSTERN_REGISTRATION=invitation, unless you mean it.",
        "docs/admin.md",
        _registration,
        needs=("env.settings",),
        audit=True,
    ),
    Item(
        "tenants.many",
        "SH-25",
        ADVICE,
        "There are no more users than a shared host carries",
        "Read docs/SCALING.md.",
        "docs/SCALING.md",
        _many,
        needs=("database.migrated",),
    ),
)
