"""SPF records (RFC 7208): one is merged with what shall be allowed as well, and never broken.

Nothing that stands there is taken out, weakened or put in another order. New mechanisms come before the term that ends the
evaluation (`all`, or the modifier `redirect=`), for what stands behind it is never asked.
"""

from __future__ import annotations

import re

from postern.base.errors import Conflict

CLOUDFLARE = "include:_spf.mx.cloudflare.net"
MAX_LOOKUPS = 10
"""RFC 7208 4.6.4. What included records look up counts too, but is not seen here."""

_ENDS = re.compile(r"([-+~?]?all|redirect=\S*)", re.IGNORECASE)
_LOOKS_UP = re.compile(r"[-+~?]?(include:|a$|a[:/]|mx$|mx[:/]|ptr$|ptr:|exists:)|redirect=", re.IGNORECASE)


def text_of(content: str) -> str:
    """A TXT record's text, which the API gives as one or more quoted strings, or bare."""
    if not content.startswith('"'):
        return content
    return "".join(re.sub(r"\\(.)", r"\1", piece) for piece in re.findall(r'"((?:[^"\\]|\\.)*)"', content))


def is_spf(text: str) -> bool:
    """RFC 7208 4.5: the version, alone or followed by a blank."""
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def merge(found: list[str], wanted: list[str]) -> str:
    """The one record, with these mechanisms in it. Conflict where there are two records, or too many look-ups."""
    if len(found) > 1:
        raise Conflict(
            f"There are {len(found)} SPF records; that breaks all of them (RFC 7208 4.5).",
            "Make one of them in Cloudflare's DNS page, then say it again.",
        )
    terms = found[0].split() if found else ["v=spf1", "~all"]
    have = {term.lower().lstrip("+") for term in terms}
    new = [term for term in wanted if term.lower() not in have]
    if not new:
        return found[0]
    place = next((at for at, term in enumerate(terms) if _ENDS.fullmatch(term)), len(terms))
    merged = [*terms[:place], *new, *terms[place:]]
    lookups = sum(bool(_LOOKS_UP.match(term)) for term in merged[1:])
    if lookups > MAX_LOOKUPS:
        raise Conflict(
            f"The SPF record would ask for {lookups} look-ups, and {MAX_LOOKUPS} are allowed (RFC 7208 4.6.4).",
            "Take out of it what sends no mail any more, or use a subdomain for aliases.",
        )
    return " ".join(merged)
