"""The TXT record that publishes a signing key (RFC 6376 3.6.1), and whether what is published is that.

Not here: asking the DNS (dns/doh.py).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.mail.signing_key import SigningKey

LONGEST = 255
"""Bytes of one string of a TXT record (RFC 1035 3.3.14); a record may have several, which are read as one text."""


def name(key: SigningKey) -> str:
    """Where it stands."""
    return f"{key.selector}._domainkey.{key.domain}"


def text(key: SigningKey) -> str:
    """What it says."""
    return f"v=DKIM1; k={key.kind}; p={key.public}"


def line(key: SigningKey) -> str:
    """NAME TXT and its strings, each short enough, as zone files have them."""
    whole = text(key)
    strings = [whole[at : at + LONGEST] for at in range(0, len(whole), LONGEST)]
    return f"{name(key)} TXT " + " ".join(f'"{string}"' for string in strings)


def fault(published: Sequence[str], key: SigningKey) -> str:
    """What is wrong with the records at its name; empty when they let receivers verify what it signs."""
    records = [_tags(one) for one in published if "p=" in one.replace(" ", "")]
    if not records:
        return "there is no such record"
    if len(records) > 1:
        return f"there are {len(records)} records, and receivers may take either"
    tags = records[0]
    if not tags["p"]:
        return "the record takes the key back (p= is empty)"
    if tags["p"] != key.public:
        shorter = key.public.startswith(tags["p"])
        return "the key is cut off" if shorter else "it is another key"
    return _fault_of_others(tags, key)


def _fault_of_others(tags: dict[str, str], key: SigningKey) -> str:
    if tags.get("v", "DKIM1") != "DKIM1":
        return f"v={tags['v']} instead of v=DKIM1"
    if tags.get("k", "rsa") != key.kind:
        return f"k={tags.get('k', 'rsa')} instead of k={key.kind}"
    if "sha256" not in tags.get("h", "sha256").split(":"):
        return "h= leaves out sha256"
    if not {"*", "email"} & set(tags.get("s", "*").split(":")):
        return "s= leaves out email"
    if "y" in tags.get("t", "").split(":"):
        return "t=y says that it is a test, so receivers do not count it"
    return ""


def _tags(record: str) -> dict[str, str]:
    """Blanks are left out: they mean nothing in these values."""
    found: dict[str, str] = {}
    for part in record.split(";"):
        tag, _, value = part.partition("=")
        found.setdefault(tag.strip(), "".join(value.split()))
    return found
