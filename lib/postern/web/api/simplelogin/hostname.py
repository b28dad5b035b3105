"""The name of a site from what clients send as `hostname`: a host, with or without a port, or a whole URL, often not encoded.

`https://www.groupon.co.uk/deals?x=1` gives `groupon`. There is no list of public suffixes here: where the last label is a
country's and the one before it is one of a few usual ones, both are left out; else only the last.
"""

from __future__ import annotations

import contextlib

SECOND_LEVEL = frozenset(
    (
        "ac",
        "co",
        "com",
        "edu",
        "go",
        "gob",
        "gov",
        "gouv",
        "ltd",
        "me",
        "mil",
        "ne",
        "net",
        "nom",
        "or",
        "org",
        "sch",
    )
)
"""What stands before a country's label, and is nobody's name."""

LONGEST = 30
_LONGEST_GIVEN = 2048


def site_name(hostname: str) -> str:
    """Lower-case letters, digits and hyphens; empty where no name can be made of it. Never raises."""
    host = hostname[:_LONGEST_GIVEN].strip().lower()
    host = host.partition("://")[2] or host
    for mark in "/?#\\":
        host = host.partition(mark)[0]
    host = host.rpartition("@")[2]
    if host.startswith("["):
        return ""
    labels = [label for label in host.partition(":")[0].split(".") if label]
    if not labels or labels[-1].isdigit():
        return ""
    return _plain(_own_label(labels))


def _own_label(labels: list[str]) -> str:
    if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in SECOND_LEVEL:
        return labels[-3]
    return labels[-2] if len(labels) > 1 else labels[0]


def _plain(label: str) -> str:
    if not label.isascii() or label.startswith("xn--"):
        import unicodedata

        with contextlib.suppress(UnicodeError):  # not every xn-- is one
            label = label.encode("ascii").decode("idna")
        label = unicodedata.normalize("NFKD", label)
    kept = "".join(letter for letter in label if letter.isascii() and (letter.isalnum() or letter == "-"))
    return kept[:LONGEST].strip("-")
