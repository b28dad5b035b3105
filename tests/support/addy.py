"""How addy.io's apps read what a server answers: the models of its Android and iOS apps, the stricter of the two a field.

    read("Alias", answer.json["data"])

A type with `?` may be null or missing; one without may be neither: Swift refuses the whole answer then, and Kotlin falls over
the field later. Fields that no model names are passed over, as both do. AddyManager reads every time with DateTime.parse.
"""

from __future__ import annotations

import re
from typing import Any

MODELS = {
    "Recipient": (
        "id:text user_id:text email:text can_reply_send:flag should_encrypt:flag inline_encryption:flag "
        "protected_headers:flag remove_pgp_keys:flag remove_pgp_signatures:flag fingerprint:text? email_verified_at:time? "
        "aliases_count:number? created_at:time updated_at:time"
    ),
    "Alias": (
        "id:text user_id:text aliasable_id:text? aliasable_type:text? local_part:text extension:text? domain:text email:text "
        "active:flag pinned:flag description:text? from_name:text? attached_recipients_only:flag emails_forwarded:number "
        "emails_blocked:number emails_replied:number emails_sent:number recipients:[Recipient]? last_forwarded:time? "
        "last_blocked:time? last_replied:time? last_sent:time? created_at:time updated_at:time deleted_at:time?"
    ),
    "Domain": (
        "id:text user_id:text domain:text description:text? from_name:text? aliases_count:number? "
        "default_recipient:Recipient? active:flag catch_all:flag auto_create_regex:text? domain_verified_at:time? "
        "domain_mx_validated_at:time? domain_sending_verified_at:time? created_at:time updated_at:time"
    ),
    "Username": (
        "id:text user_id:text username:text description:text? from_name:text? aliases_count:number? "
        "default_recipient:Recipient? active:flag catch_all:flag auto_create_regex:text? can_login:flag "
        "created_at:time updated_at:time"
    ),
    "FailedDelivery": (
        "id:text user_id:text recipient_id:text? recipient_email:text? alias_id:text? alias_email:text? bounce_type:text "
        "remote_mta:text sender:text? destination:text? ir_dedupe_key:text? type:text email_type:text email_type_text:text "
        "status:text code:text is_stored:flag quarantined:flag resent:flag attempted_at:time created_at:time updated_at:time"
    ),
    "BlocklistEntry": (
        "id:text user_id:text value:text type:text blocked:number? last_blocked:time? created_at:time updated_at:time"
    ),
    "Account": (
        "id:text username:text disabled:flag? from_name:text? email_subject:text? banner_location:text bandwidth:number "
        "username_count:number username_limit:number default_username_id:text default_recipient_id:text "
        "default_alias_domain:text default_alias_format:text subscription:text? subscription_type:text? "
        "subscription_ends_at:time? bandwidth_limit:number recipient_count:number recipient_limit:number? "
        "active_domain_count:number active_domain_limit:number? active_shared_domain_alias_count:number "
        "active_shared_domain_alias_limit:number? active_rule_count:number active_rule_limit:number? "
        "total_emails_forwarded:number total_emails_blocked:number total_emails_replied:number total_emails_sent:number "
        "total_aliases:number total_active_aliases:number total_inactive_aliases:number total_deleted_aliases:number "
        "total_pinned_aliases:number created_at:time updated_at:time"
    ),
    "Token": "name:text created_at:time expires_at:time?",
    "Version": "major:number minor:number patch:number version:text?",
    "Chart": "forwardsData:[number] labels:[text] outboundMessageTotals:[number] repliesData:[number] sendsData:[number]",
    "DomainOptions": "data:[text] sharedDomains:[text] defaultAliasDomain:text defaultAliasFormat:text",
    "Links": "first:text? last:text? prev:text? next:text?",
    "Link": "url:text? label:text active:flag",
    "Meta": (
        "current_page:number from:number? last_page:number links:[Link] path:text per_page:number to:number? total:number"
    ),
    "Login": "api_key:text name:text created_at:time expires_at:time?",
    "Bulk": "ids:[text] message:text",
    "Error": "message:text",
}

MOST = 2**31 - 1
"""Kotlin's Int; `bandwidth` and its limit are Longs."""

_PLAIN = {"text": str, "flag": bool, "number": int}
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def read(model: str, found: Any) -> Any:
    """As the apps read it; AssertionError says which field they would fall over."""
    assert isinstance(found, dict), f"{model}: no object but {found!r}"
    for field in MODELS[model].split():
        name, _, kind = field.partition(":")
        value = found.get(name)
        if value is None:
            assert kind.endswith("?"), f"{model}.{name} is null or missing"
        else:
            _check(f"{model}.{name}", kind.rstrip("?"), value)
    return found


def page(model: str, found: Any) -> Any:
    """A page of a listing."""
    read("Links", found["links"])
    read("Meta", found["meta"])
    return [read(model, one) for one in found["data"]]


def _check(place: str, kind: str, value: Any) -> None:
    if kind.startswith("["):
        assert isinstance(value, list), f"{place} is no list"
        for one in value:
            _check(place, kind[1:-1], one)
    elif kind in MODELS:
        read(kind, value)
    elif kind == "time":
        assert isinstance(value, str) and _TIME.fullmatch(value), f"{place} is no time but {value!r}"
    else:
        is_right = isinstance(value, _PLAIN[kind]) and (kind == "flag" or not isinstance(value, bool))
        assert is_right, f"{place} is no {kind} but {value!r}"
        assert kind != "number" or "bandwidth" in place or value <= MOST, f"{place} is no 32-bit number"
