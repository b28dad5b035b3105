"""ARC (RFC 8617): the sets that a message came with, what is to be said of them, and the set that is put on top.

No key is looked up, so no signature of an earlier set is checked here (docs/dkim.md says why). What can be seen is checked:
numbers, parts and cv= (RFC 8617 5.2, steps 1 to 3). Whether the signatures held is taken from the trusted receiver: from the
set that it made itself, else from arc= in its Authentication-Results. Where nobody says, nothing is sealed.
Not here: whose fields are trusted (mail/trust.py), which fields a signature covers (mail/dkim.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.mail import dkim, trust, words
from postern.mail.header import Field
from postern.mail.rewrite import ARC_FIELDS
from postern.mail.stamp import Malformed, Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.mail.header import HeaderBlock
    from postern.mail.signing_key import SigningKey

RESULTS, MESSAGE, SEAL = b"ARC-Authentication-Results", b"ARC-Message-Signature", b"ARC-Seal"
PARTS = (RESULTS, MESSAGE, SEAL)
"""The three fields of a set, in the order in which they are sealed."""

MOST_SETS = 50
"""RFC 8617 4.2.1. A further one would break the chain."""

NONE, PASS, FAIL = "none", "pass", "fail"

_INSTANCE = re.compile(rb"[ \t]*i[ \t]*=[ \t]*([0-9]{1,2})[ \t]*(?:;|$)")


@dataclass(frozen=True)
class Plan:
    """What is to be done about ARC. `stamp`: what the receiver said, as it goes into the new set; empty: none is made.

    `cv`: what is said of the sets before; `sealed`: the fields of those, in the order in which they are sealed.
    `keeps`: whether those that came stay in the message.
    """

    keeps: bool = False
    instance: int = 0
    cv: str = NONE
    sealed: tuple[bytes, ...] = ()
    stamp: bytes = b""


def plan(block: HeaderBlock, authserv: str) -> Plan:
    """By RFC 8617 5.1, for a message that the receiver called `authserv` took in. Never raises."""
    stamp = trust.stamp(block, authserv)
    came = [field for field in block.fields if field.name.lower() in ARC_FIELDS]
    if not came:
        return Plan(instance=1, stamp=_content(stamp.field)) if stamp else Plan()
    instances = [_instance(field) for field in came]
    highest = max(instances)
    if min(instances) < 1 or highest >= MOST_SETS:
        # There is no number for a further set.
        return Plan()
    sets = _sets(came)
    if _said(sets.get((highest, SEAL.lower()))) == FAIL:
        # 5.1, step 2: the chain has ended; whoever reads it sees that.
        return Plan(keeps=True)
    cv = _judged(block, sets, len(came), highest, authserv) or _said_of_all(stamp)
    if cv not in (PASS, FAIL) or stamp is None:
        return Plan()
    # 5.1.2: there is no order in a broken chain, so the new set signs itself alone.
    earlier = _in_order(sets, highest) if cv == PASS else ()
    return Plan(True, highest + 1, cv, earlier, _content(stamp.field))


def _judged(
    block: HeaderBlock, sets: dict[tuple[int, bytes], Field], many: int, highest: int, authserv: str
) -> str:
    """PASS, FAIL, or empty when their form and place do not tell."""
    whole = len(sets) == many == highest * len(PARTS)
    if not whole or any(
        _said(sets[at, SEAL.lower()]) != (PASS if at > 1 else NONE) for at in range(1, highest + 1)
    ):
        return FAIL
    if _is_receivers(block, sets, highest, authserv):
        # It judged those below; that nothing was changed since, the signed way from it to us says.
        return PASS
    return ""


def _said_of_all(stamp: trust.Stamp | None) -> str:
    """arc= of the receiver; of several that differ, none counts."""
    said = {one.result for one in stamp.results if one.method == "arc"} if stamp else set()
    return said.pop() if len(said) == 1 else ""


def _is_receivers(
    block: HeaderBlock, sets: dict[tuple[int, bytes], Field], highest: int, authserv: str
) -> bool:
    """Did the receiver make the newest set? It stands where only the receiver writes, and names and signs for it."""
    results, seal = sets[highest, RESULTS.lower()], sets[highest, SEAL.lower()]
    ours = trust.zone(block, authserv)
    if not all(any(field is one for one in ours) for field in (results, seal)):
        return False
    try:
        name = Reader(words.to_text(_content(results).partition(b";")[2])).authserv_id()
    except Malformed:
        return False
    signer = _tags(seal).get(b"d", b"").decode("ascii", "replace").lower()
    return name.lower() == authserv.lower() and trust.signs_for(signer, authserv)


def _sets(fields: Sequence[Field]) -> dict[tuple[int, bytes], Field]:
    """By instance and name in small letters; of two alike the first."""
    found: dict[tuple[int, bytes], Field] = {}
    for field in fields:
        found.setdefault((_instance(field), field.name.lower()), field)
    return found


def _in_order(sets: dict[tuple[int, bytes], Field], highest: int) -> tuple[bytes, ...]:
    return tuple(sets[at, part.lower()].raw for at in range(1, highest + 1) for part in PARTS)


def _instance(field: Field) -> int:
    """0 when it names none. Of the first two fields i= is looked for at any place, of the third at the first (4.1.1)."""
    if field.name.lower() == RESULTS.lower():
        match = _INSTANCE.match(field.value)
        return int(match[1]) if match else 0
    number = _tags(field).get(b"i", b"")
    return int(number) if number.isdigit() and len(number) <= 2 else 0


def _said(seal: Field | None) -> str:
    return _tags(seal).get(b"cv", b"").decode("ascii", "replace").lower() if seal else ""


def _tags(field: Field) -> dict[bytes, bytes]:
    """The list of tags (RFC 6376 3.2), as far as it is one; of two alike the first."""
    found: dict[bytes, bytes] = {}
    for text in field.value.split(b";"):
        name, equals, value = text.partition(b"=")
        if equals:
            found.setdefault(name.strip(b" \t"), value.strip(b" \t"))
    return found


def _content(field: Field) -> bytes:
    """Behind the colon, with its folds, from the first word on."""
    return field.raw[len(field.name) + 1 :].lstrip(b" \t\r\n")


def made(key: SigningKey, plan: Plan, fields: Sequence[Field], body_hash: bytes) -> list[bytes]:
    """The fields of the new set in the order in which they stand on top of the message, without line ends.

    `fields`: those of the message as it goes out, its DKIM-Signature among them (RFC 8617 4.1.2).
    """
    number = ("i", str(plan.instance))
    results = RESULTS + b": i=%d;\r\n\t" % plan.instance + plan.stamp
    names = dkim.covered(fields, (dkim.NAME.lower(),))
    message = dkim.over_message(key, MESSAGE, number, fields, names, body_hash)
    seal = dkim.signed(
        key,
        SEAL,
        (
            number,
            ("a", key.algorithm),
            ("cv", plan.cv),
            ("d", key.domain),
            ("s", key.selector),
        ),
        (*plan.sealed, results, message),
    )
    return [seal, message, results]
