"""The operator's commands about people: users with their roles, invitations, API keys; each act leaves a line."""

from __future__ import annotations

import json
import pathlib
import re

from postern.base.database import SYSTEM
from postern.store import passkeys, users
from postern.webauthn.registration import Credential
from support.instance import DOMAIN, Instance


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


def test_who_can_sign_in_as_somebody_else_leaves_a_line(instance: Instance):
    link = instance.cli("user", "link", "jane").split("\n")[0]
    assert acts(instance) == ["make sign-in link"]
    assert link.rpartition("/")[2] not in instance.cli("acts")


def test_passkeys_are_listed(instance: Instance):
    assert "There is none." in instance.cli("user", "passkeys", "jane")
    context = instance.context()
    made = Credential(b"an id", b"a key", -7, 0, bytes(16), True, ("internal",))
    with context.pool.connection() as db, db.transaction(SYSTEM):
        jane = users.find(db, "jane")
        assert jane is not None
        passkeys.add(db, context.ring, jane.id, "Jane's phone", made)
    (one,) = json.loads(instance.cli("user", "passkeys", "jane", "--json"))
    assert (one["name"], one["last used"], one["synced"]) == ("Jane's phone", None, True)
    instance.cli("user", "passkeys", "nobody", code=66)


def test_aliases_are_taken_in_from_a_file(instance: Instance, tmp_path: pathlib.Path):
    file = tmp_path / "aliases.csv"
    file.write_text(f"alias,note\nnew@{DOMAIN},x\nold@elsewhere.example,y\n")
    told = instance.cli("account", "import", "jane", str(file))
    assert "1 would be made, 1 not." in told and "elsewhere.example is not yours" in told
    found = json.loads(
        instance.cli("account", "import", "jane", str(file), "--to", DOMAIN, "--make", "--json")
    )
    assert found == [
        {"alias": f"new@{DOMAIN}", "result": "made"},
        {"alias": f"old@{DOMAIN}", "result": "made"},
    ]
    assert "0 made, 2 not." in instance.cli("account", "import", "jane", str(file), "--to", DOMAIN, "--make")
    assert acts(instance) == ["import aliases", "import aliases"]
    assert "no domain" in instance.cli("account", "import", "jane", str(file), "--to", "x.example", code=66)
    assert "cannot be read" in instance.cli("account", "import", "jane", str(tmp_path / "none"), code=64)
    file.write_bytes(b"PK\x03\x04")
    assert "spreadsheet" in instance.cli("account", "import", "jane", str(file), code=64)


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


def test_api_keys_are_made_listed_and_revoked(instance: Instance):
    assert "There is none" in instance.cli("key", "list", "jane")
    made = instance.cli("key", "add", "jane", "--name", "Backup script", "--scope", "read", "--days", "30")
    key = made.split("\n")[0]
    assert re.fullmatch(r"postern[a-z2-7]{52}", key) and "30 days" in made
    (one,) = json.loads(instance.cli("key", "list", "jane", "--json"))
    assert (one["name"], one["scope"], one["works"]) == ("Backup script", "read", True)
    assert one["begins with"] == key[:11] and one["last used"] is None
    assert key[:12] not in instance.cli("key", "list", "jane") + instance.cli("acts")
    assert "revoked" in instance.cli("key", "add", "jane", "--name", "x", "--no-end")
    assert instance.query("SELECT count(*) FROM messages WHERE kind = 'notice'") == [[2]], "jane is told"
    assert "Revoked" in instance.cli("key", "revoke", "jane", one["id"])
    assert instance.query("SELECT scope FROM api_keys") == [["aliases"]]
    assert acts(instance) == ["revoke API key", "make API key", "make API key"]


def test_what_makes_no_sense_about_api_keys_is_refused(instance: Instance):
    instance.cli("user", "add", "zoe", "--address", "zoe@real.example")
    instance.cli("key", "add", "zoe", "--name", "x")
    (one,) = json.loads(instance.cli("key", "list", "zoe", "--json"))
    instance.cli("key", "revoke", "jane", one["id"], code=66)
    instance.cli("key", "revoke", "jane", "x", code=66)
    for handle in ("list", "add"):
        more = ["--name", "x"] if handle == "add" else []
        instance.cli("key", handle, "nobody", *more, code=66)
    instance.cli("key", "add", "jane", code=64)
    for wrong in (("--name", " "), ("--days", "0"), ("--days", "366"), ("--days", "1", "--no-end")):
        instance.cli("key", "add", "jane", "--name", "x", *wrong, code=64)
    instance.cli("key", "add", "jane", "--name", "x", "--scope", "admin", code=64)
    assert instance.query("SELECT count(*) FROM api_keys") == [[1]]
