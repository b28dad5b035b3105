"""Making aliases in SimpleLogin's dialect: at random, or a prefix that somebody typed with a suffix that was offered."""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.flow import aliases
from postern.mail import names
from postern.store import domains, quotas
from postern.web import response as responses
from postern.web.api.given import Wrong
from postern.web.api.simplelogin import alias_json, hostname, ids, suffix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.flow.context import Context
    from postern.store.aliases import Alias
    from postern.store.api_keys import Bearer
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response

KINDS = {"": "", "word": names.WORDS, "uuid": names.UUID}
"""The query's `mode` -> our kind; nothing: as the user has set."""


def options_v4(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v4/alias/options: the suffixes as pairs."""
    found, can = _offered(context, who)
    return _options(request, [[one.text, one.signed] for one in found], can)


def options_v5(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v5/alias/options: the suffixes as objects."""
    found, can = _offered(context, who)
    shape = [
        {"suffix": one.text, "signed_suffix": one.signed, "is_custom": one.custom, "is_premium": False}
        for one in found
    ]
    return _options(request, shape, can)


def make_random(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/alias/random/new: 201 with the alias. Bitwarden's one call.

    Each call makes a new one, also for a site that has one already; SimpleLogin gives the same one again.
    """
    mode = request.query("mode")
    if mode not in KINDS:
        raise Wrong("mode", "There is no such mode.", "Send word or uuid.")
    alias = aliases.make_random(context, who.user_id, kind=KINDS[mode], note=given.text("note"))
    return _made(context, alias)


def make_custom_v2(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v2/alias/custom/new: to the user's default mailbox."""
    return _make_custom(context, who, given, ())


def make_custom_v3(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v3/alias/custom/new: to the mailboxes named."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        chosen = ids.chosen_mailboxes(db, who.user_id, given.numbers("mailbox_ids"))
    return _make_custom(context, who, given, chosen)


def _make_custom(context: Context, who: Bearer, given: Given, mailbox_ids: Sequence[int]) -> Response:
    prefix = "".join(given.text("alias_prefix").split()).lower()
    if not prefix:
        raise Wrong("alias_prefix", "There is no prefix.", "Send what shall stand before the suffix.")
    ending, domain_name = suffix.read(context.ring, who.user_id, given.text("signed_suffix"))
    with context.pool.connection() as db, db.transaction(who.user_id):
        domain = domains.find(db, domain_name)
    if domain is None:
        raise BadInput("The domain of this suffix is gone.", "Ask for the options again.")
    alias = aliases.make_custom(
        context,
        who.user_id,
        prefix + ending,
        domain.id,
        mailbox_ids,
        given.text("note"),
        given.text("name"),
    )
    return _made(context, alias)


def _made(context: Context, alias: Alias) -> Response:
    with context.pool.connection() as db, db.transaction(alias.user_id):
        shape = alias_json.shape(db, context.ring, alias)
    return responses.json(201, {"alias": alias.address, **shape})


def _offered(context: Context, who: Bearer) -> tuple[list[suffix.Suffix], bool]:
    """The suffixes, and whether the user may have one more alias."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = suffix.offered(db, context.ring, who.user_id)
        limit = quotas.limits(db, context.config, who.user_id)["aliases"]
        can = quotas.used(db, who.user_id).aliases < limit
    if not found:
        # The clients take the first one without looking.
        raise BadInput(
            "There is no domain to make aliases on.", "Add one under Domains, or ask the operator."
        )
    return found, can


def _options(request: Request, suffixes: Sequence[object], can: bool) -> Response:
    """Which alias a site has already is not known here, so none is recommended."""
    prefix = hostname.site_name(request.raw_query("hostname"))
    return responses.json(200, {"can_create": can, "prefix_suggestion": prefix, "suffixes": suffixes})
