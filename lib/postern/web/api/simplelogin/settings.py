"""Settings in SimpleLogin's dialect. What is settled here for all is shown, and cannot be changed."""

from __future__ import annotations

from dataclasses import replace

from postern.flow import preferences as choosing
from postern.mail import names
from postern.store import domains, preferences
from postern.web import response as responses
from postern.web.api.given import Wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.api_keys import Bearer
    from postern.store.domains import Domain
    from postern.store.preferences import Preferences
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response

SETTLED = {"notification": False, "sender_format": "AT", "random_alias_suffix": "word"}
"""No news are mailed; a sender is `Bob | bob at shop.test`; what is offered behind a prefix is `.otter72`."""

GENERATORS = {"word": (names.WORDS, names.CHARACTERS), "uuid": (names.UUID,)}
"""`alias_generator` -> our kinds that are shown so, the one that it sets first."""


def show(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/setting."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        return responses.json(200, _shape(db, who.user_id))


def change(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """PATCH /api/setting: what is named is changed, all of it or none."""
    for name, settled in SETTLED.items():
        value = given.text(name) if isinstance(settled, str) else given.flag(name)
        if given.has(name) and value != settled:
            raise Wrong(name, f"The setting {name} cannot be changed here.", "Leave it as it is shown.")
    with context.pool.connection() as db, db.transaction(who.user_id):
        own = _changed(preferences.of_user(db, who.user_id), domains.usable(db, who.user_id), given)
    choosing.save(context, who.user_id, own)
    return show(context, request, who, given)


def domains_v1(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/setting/domains: where random aliases may be made, as pairs: whether it is shared, and its name."""
    return responses.json(200, [[one.user_id is None, one.name] for one in _usable(context, who)])


def domains_v2(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v2/setting/domains: the same as objects."""
    found = [{"domain": one.name, "is_custom": one.user_id is not None} for one in _usable(context, who)]
    return responses.json(200, found)


def _changed(own: Preferences, usable: list[Domain], given: Given) -> Preferences:
    generator, domain_name = given.text("alias_generator"), given.text("random_alias_default_domain")
    if given.has("alias_generator"):
        kinds = GENERATORS.get(generator)
        if kinds is None:
            raise Wrong("alias_generator", "There is no such generator.", "Send word or uuid.")
        own = own if own.default_kind in kinds else replace(own, default_kind=kinds[0])
    if given.has("random_alias_default_domain"):
        domain = next((one for one in usable if one.name == domain_name.strip().lower()), None)
        if domain is None:
            raise Wrong(
                "random_alias_default_domain", "Invalid domain.", "Send one of /api/v2/setting/domains."
            )
        own = replace(own, default_domain_id=domain.id)
    return own


def _usable(context: Context, who: Bearer) -> list[Domain]:
    with context.pool.connection() as db, db.transaction(who.user_id):
        return domains.usable(db, who.user_id)


def _shape(db: Database, user_id: int) -> dict[str, object]:
    own, usable = preferences.of_user(db, user_id), domains.usable(db, user_id)
    chosen = next((one for one in usable if one.id == own.default_domain_id), usable[0] if usable else None)
    generator = next(name for name, kinds in GENERATORS.items() if own.default_kind in kinds)
    return {
        "alias_generator": generator,
        "random_alias_default_domain": "" if chosen is None else chosen.name,
        **SETTLED,
    }
