"""Making aliases in addy.io's dialect, and where they can be made."""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.flow import aliases
from postern.flow.aliases import Taken
from postern.mail import names
from postern.store import domains, preferences
from postern.web import response as responses
from postern.web.api.addy import alias_json, ids
from postern.web.api.given import Wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.flow.context import Context
    from postern.store.aliases import Alias
    from postern.store.api_keys import Bearer
    from postern.store.domains import Domain
    from postern.store.preferences import Preferences
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response

CUSTOM = "custom"

KINDS = {
    "": "",
    "random_characters": names.CHARACTERS,
    "uuid": names.UUID,
    "random_words": names.WORDS,
    "random_noun": names.WORDS,
    "random_male_name": names.WORDS,
    "random_female_name": names.WORDS,
}
"""The field `format` -> our kind; nothing: as the user has set. Names of people are none of ours: two words stand for them."""

FORMATS = {names.CHARACTERS: "random_characters", names.UUID: "uuid", names.WORDS: "random_words"}
"""The other way round."""

LOCAL = "local_part_without_extension"
"""The field that clients look for when a name is refused."""


def make(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/aliases: 201 with the alias. The one call of Bitwarden and Keyguard, which send no format."""
    chosen = given.text("format")
    if chosen != CUSTOM and chosen not in KINDS:
        raise Wrong(
            "format",
            "The selected format is invalid.",
            f"Choose one of: {', '.join([*KINDS][1:])}, {CUSTOM}.",
        )
    domain = _domain(context, who, given.text("domain"))
    note = given.text("description")
    with context.pool.connection() as db, db.transaction(who.user_id):
        recipients = ids.recipients(db, who.user_id, given) if given.texts("recipient_ids") else []
    if chosen == CUSTOM:
        alias = _make_custom(context, who, given.text("local_part"), domain, recipients, note)
    else:
        alias = aliases.make_random(context, who.user_id, domain.id, KINDS[chosen], recipients, note)
    with context.pool.connection() as db, db.transaction(who.user_id):
        shape = alias_json.shape(db, context.ring, alias)
    return responses.json(201, {"data": shape})


def options(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/domain-options: the domains that may stand in `domain`."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        usable = domains.usable(db, who.user_id)
        chosen = preferences.of_user(db, who.user_id)
    return responses.json(
        200,
        {
            "data": [one.name for one in usable],
            "sharedDomains": [one.name for one in usable if one.user_id is None],
            "defaultAliasDomain": preferred(usable, chosen),
            "defaultAliasFormat": FORMATS[chosen.default_kind],
        },
    )


def preferred(usable: Sequence[Domain], chosen: Preferences) -> str:
    """The domain where a new alias is made when none is named; empty where there is none at all."""
    names = [one.name for one in usable]
    return next((one.name for one in usable if one.id == chosen.default_domain_id), names[0] if names else "")


def _make_custom(
    context: Context, who: Bearer, local: str, domain: Domain, recipients: Sequence[int], note: str
) -> Alias:
    try:
        local = aliases.check_local(local, domain.name)
    except BadInput as error:
        raise Wrong(LOCAL, error.reason, error.remedy) from None
    try:
        return aliases.make_custom(context, who.user_id, local, domain.id, recipients, note)
    except Taken as error:
        raise Wrong(LOCAL, "That alias already exists.", error.remedy) from None


def _domain(context: Context, who: Bearer, name: str) -> Domain:
    with context.pool.connection() as db, db.transaction(who.user_id):
        usable = domains.usable(db, who.user_id)
    for domain in usable:
        if domain.name == name.strip().lower():
            return domain
    known = ", ".join(domain.name for domain in usable)
    raise Wrong("domain", "This domain is not yours to use.", f"Choose one of: {known}.")
