"""App passwords: an app gets a key for one, of its scope, that ends with it; what was wrong with a sign-in is not told.

The calls that apps make: tests/api/test_auth.py. The wall between users: tests/store/test_tenants.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.base import redact
from postern.base.errors import BadInput, Busy, PosternError, TooFast
from postern.flow import api_keys as keeping
from postern.flow import app_passwords, codes
from postern.flow.api_keys import MOST, TooManyKeys, Wanted
from postern.flow.app_passwords import Device, SignedIn, WrongPassword
from postern.ops.local.superuser import Superuser
from postern.store import api_keys
from postern.store.api_keys import ALIASES, ALL, KEY, PASSWORD, READ, ApiKey
from postern.store.sign_in_codes import ADDRESS_AN_HOUR, CLIENT_AN_HOUR
from support.people import Person, Site, open_site

PHONE = Device("SimpleLogin on a phone", "192.0.2.0/24")


@pytest.fixture(scope="module")
def site(cluster: Superuser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(cluster, tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture(autouse=True)
def _quiet(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No drain is woken, what others tried does not count, and what the log learns to hide is forgotten."""
    site.run("DELETE FROM sign_in_codes")
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)
    monkeypatch.setattr(redact, "_known", redact._known)


@pytest.fixture
def jane(site: Site) -> Person:
    return site.person()


def make(site: Site, person: Person, scope: str = ALIASES, days: int | None = 90) -> str:
    """One more, however many mails that would be."""
    site.run("DELETE FROM messages WHERE user_id = :id", id=person.id)
    return app_passwords.make(site.context, person.id, Wanted("Phone", scope, days, PASSWORD))


def sign_in(site: Site, login: str, password: str, device: Device = PHONE) -> SignedIn:
    site.run("DELETE FROM messages")
    return app_passwords.sign_in(site.context, login, password, device)


def keys(site: Site, person: Person) -> list[ApiKey]:
    with site.context.pool.connection() as db, db.transaction(person.id):
        return api_keys.of_user(db, person.id)


def works(site: Site, key: str) -> bool:
    return keeping.use(site.context, key) is not None


# The password.


def test_one_is_twenty_letters_in_four_groups_that_nobody_mistakes(site: Site, jane: Person):
    made = {make(site, jane) for _ in range(5)}
    assert len(made) == 5
    for password in made:
        assert re.fullmatch(r"(?:[0-9A-HJKMNP-TV-Z]{5}-){3}[0-9A-HJKMNP-TV-Z]{5}", password)


@given(st.data())
def test_it_is_read_whatever_its_case_blanks_and_dashes(data: st.DataObject):
    code = codes.new(app_passwords.LETTERS)
    typed = ""
    for letter in code:
        typed += data.draw(st.sampled_from([letter, letter.lower()]))
        typed += data.draw(st.sampled_from(["", "", " ", "-", "\u00a0", "\n"]))
    assert app_passwords.meant(typed) == code
    assert app_passwords.meant(code.replace("0", "o").replace("1", "l")) == code


@pytest.mark.parametrize(
    "typed", ["", "-", "x" * 19, "x" * 21, "é" * 20, "x" * 100_000, "\0" * 20, "٣" * 20, "U" * 400]
)
def test_what_has_not_the_form_of_one_is_none(site: Site, jane: Person, typed: str):
    assert app_passwords.meant(typed) == ""
    make(site, jane)
    assert not app_passwords.belongs(site.context, jane.id, typed)
    with pytest.raises(WrongPassword):
        sign_in(site, jane.handle, typed)


def test_none_is_stored_or_logged(site: Site, jane: Person):
    password = make(site, jane)
    sign_in(site, jane.handle, password)
    everything = str(site.run("SELECT k::text FROM api_keys k")) + site.instance.log()
    bare = password.replace("-", "")
    assert bare[:5] in everything, "its first letters tell it from others"
    assert bare[:6] not in everything and password[:7] not in everything
    assert bare[5:] not in everything and password[6:] not in everything
    assert "SimpleLogin on a phone" not in everything, "the name of the device is sealed"


def test_it_is_not_taken_for_a_key_nor_a_key_for_it(site: Site, jane: Person):
    password, key = make(site, jane), keeping.make(site.context, jane.id, Wanted("x", ALL, None))
    assert not works(site, password)
    assert not app_passwords.belongs(site.context, jane.id, key)
    with pytest.raises(WrongPassword):
        sign_in(site, jane.handle, key)


# Signing in.


@pytest.mark.parametrize("scope", [READ, ALIASES, ALL])
def test_an_app_gets_a_key_of_the_passwords_scope(site: Site, jane: Person, scope: str):
    signed_in = sign_in(site, jane.handle, make(site, jane, scope))
    found = keeping.use(site.context, signed_in.key)
    assert found is not None
    assert (found.user_id, found.scope, found.name(site.context.ring)) == (jane.id, scope, PHONE.name)
    assert (signed_in.name, signed_in.handle) == (PHONE.name, jane.handle)
    assert signed_in.address == f"{jane.handle}@real.example"
    assert (signed_in.created_at, signed_in.expires_at) == (found.created_at, found.expires_at)


def test_the_login_is_the_handle_or_any_proven_mailbox(site: Site, jane: Person):
    password = make(site, jane)
    for login in (jane.handle, jane.handle.upper(), f" {jane.handle} ", f"{jane.handle}@REAL.example"):
        assert sign_in(site, login, password).handle == jane.handle
        site.run("DELETE FROM sign_in_codes")
    site.run("UPDATE mailboxes SET verified_at = NULL, is_default = false WHERE user_id = :id", id=jane.id)
    with pytest.raises(WrongPassword):
        sign_in(site, f"{jane.handle}@real.example", password)
    assert sign_in(site, jane.handle, password).address == ""


def test_what_is_wrong_is_answered_alike(site: Site, jane: Person):
    password, his = make(site, jane), make(site, site.person())
    told = set()
    for login, typed in (
        (jane.handle, his),
        (f"{jane.handle}@real.example", his),
        ("nobody", password),
        ("nobody@real.example", password),
        ("", password),
        ("@", password),
        ("x" * 100_000, password),
        (jane.handle, ""),
    ):
        with pytest.raises(WrongPassword) as caught:
            sign_in(site, login, typed)
        told.add(str(caught.value))
    assert len(told) == 1
    assert len(keys(site, jane)) == 1


ENDS = {
    "it is expired": "UPDATE api_keys SET expires_at = now() WHERE user_id = :id",
    "its user is disabled": "UPDATE users SET disabled_at = now() WHERE id = :id",
    "its user is unconfirmed": "UPDATE users SET confirmed_at = NULL WHERE id = :id",
    "its user is deleted": "DELETE FROM users WHERE id = :id",
    "it is revoked": "DELETE FROM api_keys WHERE user_id = :id AND kind = 'password'",
}


@pytest.mark.parametrize("case", ENDS)
def test_neither_it_nor_its_key_works_when(site: Site, jane: Person, case: str):
    password = make(site, jane)
    key = sign_in(site, jane.handle, password).key
    assert works(site, key)
    site.run(ENDS[case], id=jane.id)
    assert not works(site, key)
    with pytest.raises(WrongPassword):
        sign_in(site, jane.handle, password)


def test_revoking_it_revokes_its_keys_and_no_others(site: Site, jane: Person):
    first, second = make(site, jane), make(site, jane)
    key, kept = sign_in(site, jane.handle, first).key, sign_in(site, jane.handle, second).key
    (uid,) = [one.uid for one in keys(site, jane) if one.head == first[:5]]
    assert [one.made_by for one in keys(site, jane)].count(uid) == 1
    keeping.revoke(site.context, jane.id, uid)
    assert not works(site, key) and works(site, kept)


@pytest.mark.parametrize(
    ("password_days", "wanted", "days"),
    [(30, None, 30), (30, 7, 7), (30, 365, 30), (None, 7, 7), (None, None, None)],
)
def test_a_key_ends_as_the_app_wants_and_never_after_its_password(
    site: Site, jane: Person, password_days: int | None, wanted: int | None, days: int | None
):
    device = Device(PHONE.name, PHONE.network, wanted)
    signed_in = sign_in(site, jane.handle, make(site, jane, days=password_days), device)
    left = None if signed_in.expires_at is None else signed_in.expires_at - signed_in.created_at
    # The password was made a moment before its key.
    assert (None if left is None else round(left.total_seconds() / 86400)) == days


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Firefox on Linux", "Firefox on Linux"),
        ("", "An app"),
        (" \n\0\u202e ", "An app"),
        ("a\u202eb\tc", "a b c"),
        ("é" * 100, "é" * 60),
        ("x" * 100_000, "x" * 60),
    ],
    ids=lambda text: repr(text[:9]),
)
def test_a_key_is_named_after_the_device(site: Site, jane: Person, sent: str, kept: str):
    assert sign_in(site, jane.handle, make(site, jane), Device(sent, "")).name == kept
    assert keys(site, jane)[0].name(site.context.ring) == kept


# Being asked again.


def test_it_belongs_to_its_user_while_it_works(site: Site, jane: Person):
    password, other = make(site, jane), site.person()
    assert app_passwords.belongs(site.context, jane.id, password.lower())
    assert not app_passwords.belongs(site.context, other.id, password)
    site.run("UPDATE api_keys SET expires_at = now() WHERE user_id = :id", id=jane.id)
    assert not app_passwords.belongs(site.context, jane.id, password)


# Limits.


def tried(site: Site, login: str, typed: str, network: str = "192.0.2.0/24") -> type[PosternError] | None:
    try:
        sign_in(site, login, typed, Device("x", network))
    except PosternError as error:
        return type(error)
    return None


def test_tries_are_limited_for_a_login_from_a_network_known_or_not(site: Site, jane: Person):
    password = make(site, jane)
    for login in (jane.handle, "nobody"):
        for _ in range(ADDRESS_AN_HOUR):
            assert tried(site, login, "wrong") is WrongPassword
        assert tried(site, login, "wrong") is TooFast
    assert tried(site, jane.handle, password) is TooFast, "not even with the right one"
    assert tried(site, jane.handle, password, "198.51.100.0/24") is None, "elsewhere she gets in"


def test_tries_are_limited_for_a_network(site: Site):
    for number in range(CLIENT_AN_HOUR):
        assert tried(site, f"nobody-{number}", "wrong") is WrongPassword
    assert tried(site, "nobody", "wrong") is TooFast


def test_there_are_twenty_of_both_kinds_at_most(site: Site, jane: Person):
    password = make(site, jane)
    for _ in range(MOST - 1):
        site.run("DELETE FROM messages WHERE user_id = :id", id=jane.id)
        keeping.make(site.context, jane.id, Wanted("x", READ, None))
    with pytest.raises(TooManyKeys):
        make(site, jane)
    with pytest.raises(TooManyKeys):
        sign_in(site, jane.handle, password)
    assert len(keys(site, jane)) == MOST


def test_its_user_is_told_of_each_and_of_each_sign_in_and_not_flooded(site: Site, jane: Person):
    def notices() -> int:
        sql = "SELECT count(*) FROM messages WHERE user_id = :id AND kind = 'notice'"
        return int(str(site.run(sql, id=jane.id)[0][0]))

    password = make(site, jane)
    for count in range(1, keeping.NOTICES_AN_HOUR):
        assert notices() == count
        site.run("DELETE FROM sign_in_codes")
        app_passwords.sign_in(site.context, jane.handle, password, PHONE)
    site.run("DELETE FROM sign_in_codes")
    with pytest.raises(Busy):
        app_passwords.sign_in(site.context, jane.handle, password, PHONE)
    assert len(keys(site, jane)) == keeping.NOTICES_AN_HOUR


def test_the_notice_names_app_and_password_and_is_short(site: Site):
    notice = app_passwords._entered(site.context, PHONE.name, "Phone")
    assert "“SimpleLogin on a phone”" in notice.paragraphs[0] and "“Phone”" in notice.paragraphs[0]
    assert len(" ".join((notice.subject, *notice.paragraphs, notice.small_print))) < 240


@pytest.mark.parametrize(
    "wanted",
    [Wanted(" ", READ, 30, PASSWORD), Wanted("x", "admin", 30, PASSWORD), Wanted("x", READ, 0, PASSWORD)],
    ids=str,
)
def test_one_is_not_made_with_what_makes_no_key(site: Site, jane: Person, wanted: Wanted):
    with pytest.raises(BadInput, match=r"app password|scope"):
        app_passwords.make(site.context, jane.id, wanted)
    assert keys(site, jane) == []


def test_the_kinds_are_those_of_the_schema(site: Site):
    sql = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'api_key_kind_is_known'"
    found = re.findall(r"'(\w+)'", str(site.run(sql)[0][0]))
    assert tuple(found) == api_keys.KINDS == (KEY, PASSWORD)
