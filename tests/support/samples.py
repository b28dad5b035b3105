"""What every route is tried with in tests/abuse: an id or token for its `*`, and a form that it would take.

A route that is added to postern/web/routes.py and not here fails those tests, with a message that says what to add. Names in
braces and in STARS are those of an Estate (support/estate.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from postern.web.routes import ROUTES
from support.estate import Estate

STARS = {
    "/aliases/*": "alias",
    "/aliases/*/save": "alias",
    "/aliases/*/on": "alias",
    "/aliases/*/off": "alias",
    "/aliases/*/delete": "alias",
    "/aliases/*/restore": "gone",
    "/aliases/*/contacts": "alias",
    "/contacts/*/block": "contact",
    "/contacts/*/unblock": "contact",
    "/mailboxes/*/proof": "unproven",
    "/mailboxes/*/default": "mailbox",
    "/mailboxes/*/resume": "mailbox",
    "/mailboxes/*/delete": "mailbox",
    "/domains/*": "domain",
    "/domains/*/check": "claimed",
    "/domains/*/save": "domain",
    "/domains/*/describe": "domain",
    "/domains/*/delete": "domain",
    "/quarantine/*/release": "held",
    "/quarantine/*/drop": "held",
    "/mail/*": "held",
    "/failed/*/retry": "failed",
    "/failed/*/drop": "failed",
    "/blocked/*/remove": "blocked",
    "/admin/users/*": "user",
    "/admin/users/*/enable": "user",
    "/admin/users/*/disable": "user",
    "/admin/users/*/role": "user",
    "/admin/users/*/quotas": "user",
    "/admin/users/*/delete": "user",
    "/admin/invitations/*/revoke": "guest",
    "/admin/deliveries/*/retry": "failed",
    "/admin/deliveries/*/drop": "failed",
    "/settings/sessions/*/end": "session",
    "/settings/passkeys/*": "passkey",
    "/settings/passkeys/*/rename": "passkey",
    "/settings/passkeys/*/remove": "passkey",
    "/settings/api-keys/*/revoke": "api_key",
    "/sign-in/link/*": "link",
    "/sign-in/mail/*": "mail",
    "/invitation/*": "invitation",
    "/mailbox/*": "proof",
    "/block/*": "block",
    "/settings/data/aliases/*": "simplelogin",
    "/admin/help/*": "pipe",
    "/admin/help/img/*": "admin-log-phone-light.webp",
}
"""Route -> what its `*` stands for: a name of estate.ids, a name of estate.tokens, or a word of the program (WORDS)."""

WORDS = {"simplelogin", "pipe", "admin-log-phone-light.webp"}


@dataclass(frozen=True)
class Form:
    """What a page of ours would send there. `status`: of the answer; `changes`: whether a row does."""

    fields: dict[str, str] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    status: int = 303
    changes: bool = True


_NEW = {"handle": "new-{handle}", "address": "new-{handle}@real.example"}

FORMS = {
    "/sign-in": Form({"address": "{handle}@real.example"}),
    "/sign-in/code": Form({"code": "{code}"}),
    "/sign-in/passkey": Form({"challenge": "{challenge}", "answer": "{signed}"}),
    "/sign-in/mail/*": Form(),
    "/sign-in/link/*": Form(),
    "/sign-in/recovery": Form({"handle": "{handle}", "code": "{recovery}"}),
    "/invitation/*": Form(_NEW),
    "/register": Form(_NEW),
    "/mailbox/*": Form(status=200),
    "/block/*": Form({"List-Unsubscribe": "One-Click"}, status=200),
    "/welcome/mailbox": Form({"address": "new-{handle}@real.example"}),
    "/welcome/alias": Form(),
    "/welcome/done": Form(changes=False),
    "/sign-out": Form(),
    "/sign-out/everywhere": Form(),
    "/aliases/random": Form(),
    "/aliases/custom": Form({"local": "new-{handle}", "domain": "{site}", "note": "x"}, ("{mailbox}",)),
    "/aliases/bulk": Form({"act": "off"}, ("{alias}",)),
    "/aliases/*/save": Form({"note": "new", "name": "new", "pinned": "1"}, ("{mailbox}",)),
    "/aliases/*/on": Form(changes=False),
    "/aliases/*/off": Form(),
    "/aliases/*/delete": Form(),
    "/aliases/*/restore": Form(),
    "/aliases/*/contacts": Form({"address": "new@shop.example"}),
    "/contacts/*/block": Form(),
    "/contacts/*/unblock": Form(changes=False),
    "/mailboxes/add": Form({"address": "new-{handle}@real.example"}),
    "/mailboxes/*/proof": Form(),
    "/mailboxes/*/default": Form(),
    "/mailboxes/*/resume": Form(changes=False),
    "/mailboxes/*/delete": Form(),
    "/domains/claim": Form({"name": "new-{handle}.example"}),
    "/domains/subdomain": Form({"label": "new-{handle}", "parent": "{site}"}),
    "/domains/*/check": Form(status=409),
    "/domains/*/save": Form({"on_the_fly": "1", "per_day": "7"}),
    "/domains/*/describe": Form({"note": "new", "mailbox": "{mailbox}"}),
    "/domains/*/delete": Form({"name": "zebra-own-{number}.example"}),
    "/quarantine/*/release": Form(),
    "/quarantine/*/drop": Form(),
    "/failed/*/retry": Form(),
    "/failed/*/drop": Form(),
    "/blocked": Form({"sender": "new@shop.example"}),
    "/blocked/*/remove": Form(),
    "/settings": Form(
        {"domain": "{site}", "kind": "uuid", "dmarc_fail": "forward", "offer_block": "1", "digest": "weekly"}
    ),
    "/settings/sessions/end-others": Form(),
    "/settings/sessions/*/end": Form(),
    "/settings/passkeys": Form({"challenge": "{new_challenge}", "answer": "{new_passkey}", "name": "x"}),
    "/settings/passkeys/*/rename": Form({"name": "new"}),
    "/settings/passkeys/*/remove": Form(),
    "/settings/api-keys": Form({"name": "x", "scope": "read", "lifetime": "30"}, status=200),
    "/settings/api-keys/*/revoke": Form(),
    "/settings/recovery-codes": Form(status=200),
    "/settings/recovery-codes/file": Form({"codes": "0123-4567-89AB-CDEF"}, status=200, changes=False),
    "/admin/users/*/enable": Form(changes=False),
    "/admin/users/*/disable": Form(),
    "/admin/users/*/role": Form({"role": "admin"}),
    "/admin/users/*/quotas": Form({"aliases": "7"}),
    "/admin/users/*/delete": Form({"handle": "zebra-user-{number}"}),
    "/admin/invitations": Form({"role": "user", "days": "7", "note": "x"}, status=200),
    "/admin/invitations/*/revoke": Form(),
    "/admin/deliveries/*/retry": Form(),
    "/admin/deliveries/*/drop": Form(),
    "/settings/data/import": Form({"file": "alias\nnew@alias.example\n"}),
    "/settings/data/import/make": Form({"uid": "{import}", "to": ""}, status=200),
    "/settings/data/delete": Form({"handle": "{handle}"}, status=200),
}
"""Route -> the form. All of them are POST."""

BY_SIGNATURE = {"/hooks/inbound", "/hooks/mailgun/mime", "/hooks/postmark", "/hooks/ses"}
"""Posts that machines send, each proven by a signature (Postmark's by a password); there is no form."""

BY_TOKEN = {"/block/*"}
"""Posts that come from anywhere: mail programs send them, the token is the proof (RFC 8058)."""

OPEN = {
    "/sign-in",
    "/sign-in/code",
    "/sign-in/passkey",
    "/sign-in/mail/*",
    "/sign-in/link/*",
    "/sign-in/recovery",
    "/invitation/*",
    "/register",
    "/mailbox/*",
}
"""Posts of people who need not be signed in: they have no session that a form could be tied to, so its origin decides."""

GETS = sorted(path for method, path in ROUTES if method == "GET")
POSTS = sorted(path for method, path in ROUTES if method == "POST" and path not in BY_SIGNATURE)
STARRED = sorted((method, path) for method, path in ROUTES if "*" in path)


def place(path: str, estate: Estate) -> str:
    """The path with what its `*` stands for."""
    if "*" not in path:
        return path
    name = STARS.get(path, "")
    known = {**estate.names, **{word: word for word in WORDS}}
    assert name in known, (
        f"{path} is new: say in STARS of tests/support/samples.py what its * stands for, one of {sorted(known)}; "
        "and if it is none of these, let tests/support/estate.py make one."
    )
    return path.replace("*", known[name])


def form(path: str, estate: Estate) -> tuple[dict[str, str], tuple[str, ...]]:
    """The fields and the chosen rows of the form."""
    assert path in FORMS, (
        f"POST {path} is new: say in FORMS of tests/support/samples.py what a good form for it is; "
        "and if it needs no session, in OPEN, BY_TOKEN or BY_SIGNATURE why that is right."
    )
    known = {**estate.names, "number": str(estate.person.id)}
    fields = {name: text.format_map(known) for name, text in FORMS[path].fields.items()}
    return fields, tuple(one.format_map(known) for one in FORMS[path].chosen)


def is_of_a_person(path: str) -> bool:
    """Whether the `*` is the id of something that belongs to somebody; admins may name what is others'."""
    return (
        not path.startswith("/admin/")
        and STARS.get(path, "") not in WORDS
        and path not in OPEN
        and path not in BY_TOKEN
    )
