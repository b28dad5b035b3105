"""Settings."""

from __future__ import annotations

from postern.web.api.contract import Contract, Either, Named, OneOf

_GENERATOR = OneOf("word", "uuid")

SETTING = Named(
    "Setting",
    {
        "alias_generator": _GENERATOR,
        "random_alias_default_domain": str,
        "notification": bool,
        "sender_format": OneOf("AT"),
        "random_alias_suffix": OneOf("word"),
    },
)

CONTRACTS = {
    ("GET", "/api/setting"): Contract("What new aliases are like, and where they are made.", {200: SETTING}),
    ("PATCH", "/api/setting"): Contract(
        "Change what is named of it. The last three are the same for all, and another value is refused.",
        {200: SETTING},
        body={
            "alias_generator?": _GENERATOR,
            "random_alias_default_domain?": str,
            "notification?": bool,
            "sender_format?": str,
            "random_alias_suffix?": str,
        },
    ),
    ("GET", "/api/setting/domains"): Contract(
        "Where random aliases may be made, as pairs: whether the domain is shared, and its name.",
        {200: [[Either(bool, str)]]},
    ),
    ("GET", "/api/v2/setting/domains"): Contract(
        "Where random aliases may be made.", {200: [{"domain": str, "is_custom": bool}]}
    ),
}
