"""Domain names as they stand in the DNS: lower case, A-labels (RFC 5890).

IDNA 2008 as far as mail needs it: mapping (NFKC, lower case), letters, digits and marks only, Punycode. Python's
own `idna` codec is IDNA 2003, which sends mail for straße.example to strasse.example: another domain, maybe another owner.
Not here: the rules for right-to-left and joining letters; a name that breaks them cannot be registered anyway.
"""

from __future__ import annotations

import re
import unicodedata

MAX_DOMAIN = 253  # RFC 1035 2.3.4: 255 bytes on the wire, less the first length byte and the root
MAX_LABEL = 63  # RFC 1035 2.3.4

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)
_LETTERS = frozenset(("Ll", "Lm", "Lo", "Mn", "Mc", "Nd"))  # what RFC 5892 lets stand in a U-label, in rough


def to_ascii(domain: str) -> str | None:
    """The A-label form of a host name; None when it is no host name."""
    # Punycode takes square time: nothing longer than a domain gets there.
    if not domain or len(domain) > MAX_DOMAIN + 1:
        return None
    mapped = domain if domain.isascii() else unicodedata.normalize("NFKC", domain).replace("\u3002", ".")
    labels = [_label(label) for label in mapped.lower().removesuffix(".").split(".")]
    if "" in labels:
        return None
    name = ".".join(labels)
    return name if len(name) <= MAX_DOMAIN else None


def _label(label: str) -> str:
    """One label as an A-label; empty when it cannot be one."""
    if not label.isascii():
        label = unicodedata.normalize("NFC", label)
        if any(unicodedata.category(c) not in _LETTERS and c != "-" for c in label):
            return ""
        label = "xn--" + label.encode("punycode").decode("ascii")
    return label if len(label) <= MAX_LABEL and _LABEL.fullmatch(label) else ""
