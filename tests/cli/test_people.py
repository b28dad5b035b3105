"""The operator's commands about people: users with their roles, invitations; each act leaves a line."""

from __future__ import annotations

import json

from postern.base.database import SYSTEM
from postern.store import passkeys, users
from postern.webauthn.registration import Credential
from support.instance import Instance


def acts(instance: Instance) -> list[str]:
    return [one["act"] for one in json.loads(instance.cli("acts", "--json"))]


def test_a_user_is_made_with_mailbox_and_role(instance: Instance):
    assert "postern user link zoe" in instance.cli(
        "user", "add", "zoe", "--address", "zoe@real.example", "--admin"
    )
    found = {one["handle"]: one["role"] for one in json.loads(instance.cli("user", "list", "--json"))}
    assert found == {"jane": "user", "zoe": "admin"}
    assert instance.query("SELECT count(*) FROM mailboxes WHERE is_default AND verified_at IS NOT NULL") == [
        [2]
    ]
    assert "reserved" in instance.cli("user", "add", "operator", code=64)
    instance.cli("user", "add", "J oe", code=64)
    instance.cli("user", "add", "joe", "--address", "nonsense", code=64)
    assert instance.query("SELECT count(*) FROM users") == [[2]]


def test_roles_are_given_and_taken(instance: Instance):
    assert "is admin now" in instance.cli("user", "role", "jane", "admin")
    assert "is admin already" in instance.cli("user", "role", "jane", "admin")
    assert "is user now" in instance.cli("user", "role", "jane", "user")
    assert acts(instance) == ["set role", "set role"]


def test_a_user_is_signed_out_everywhere(instance: Instance):
    assert "signed out: 0" in instance.cli("user", "sign-out", "jane")
    assert acts(instance) == ["sign out user"]


def test_passkeys_are_listed(instance: Instance):
    assert "There is none." in instance.cli("user", "passkeys", "jane")
    context = instance.context()
    made = Credential(b"an id", b"a key", -7, 0, bytes(16), True, ("internal",))
    with context.pool.connection() as db, db.transaction(SYSTEM):
        jane = users.find(db, "jane")
        assert jane is not None
        passkeys.add(db, context.ring, jane.id, "Jane's phone", made)
    (one,) = json.loads(instance.cli("user", "passkeys", "jane", "--json"))
    assert (one["name"], one["last used"], one["synced"]) == ("Jane's phone", "-", True)
    instance.cli("user", "passkeys", "nobody", code=66)


def test_invitations_are_made_listed_and_revoked(instance: Instance):
    made = instance.cli("invitation", "new", "--note", "for Zoe", "--admin", "--days", "2")
    assert "/invitation/" in made and "2 days" in made
    (one,) = json.loads(instance.cli("invitation", "list", "--json"))
    assert (one["role"], one["note"], one["made by"]) == ("admin", "for Zoe", "operator")
    assert "Revoked" in instance.cli("invitation", "revoke", one["id"])
    instance.cli("invitation", "revoke", one["id"], code=66)
    instance.cli("invitation", "revoke", "x", code=66)
    instance.cli("invitation", "new", "--days", "0", code=64)
    assert acts(instance) == ["revoke invitation", "make invitation"]
    assert "Zoe" not in instance.cli("acts")
