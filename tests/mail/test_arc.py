"""mail/arc.py: what is made of the sets that a message came with, and dkimpy's judgement of the chain that leaves."""

from __future__ import annotations

import pathlib

import dkim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.mail import arc, canonical, header, rewrite
from postern.mail import dkim as own_dkim
from postern.mail.address import Mailbox
from postern.mail.arc import FAIL, NONE, PASS, Plan
from postern.mail.signing_key import SigningKey
from support.instance import ROOT
from support.signing import chain, judge, on_the_wire, parsed, signing_key_of

AUTHSERV = "mx.cloudflare.net"
US = signing_key_of("alias.example")
CLOUDFLARE = signing_key_of("cloudflare-email.net")
LIST = signing_key_of("list.example")

RECEIVED = b"Received: from x (192.0.2.1)\r\n\tby cloudflare-email.net (cloudflare) id a;\r\n\tnow\r\n"
STAMP = (
    b"Authentication-Results: mx.cloudflare.net;\r\n\tdkim=pass header.d=shop.example;\r\n"
    b"\tdmarc=pass header.from=shop.example%b\r\n"
)
THEIRS = b"Received: by shop.example; before\r\n"
WRITTEN = (
    b"From: Bob <bob@shop.example>\r\nTo: shop@alias.example\r\nSubject: Gr\xc3\xbc\xc3\x9fe\r\n"
    b"Date: Mon, 02 Nov 2026 10:14:01 +0100\r\n\r\nHi  there. \r\n.\r\n"
)


def sealed_by(key: SigningKey, name: str, cv: str, content: bytes) -> bytes:
    """With one more set on top of those that are there, made by whoever has this key."""
    block, body = header.split([content])
    fields = header.parse(block).fields
    earlier = [field for field in fields if field.name.lower() in rewrite.ARC_FIELDS]
    instance = len(earlier) // 3 + 1
    sealed = tuple(field.raw for at in range(0, len(earlier), 3) for field in reversed(earlier[at : at + 3]))
    # The newest set stands on top, and the oldest is sealed first.
    sealed = tuple(raw for at in range(len(sealed) - 3, -1, -3) for raw in sealed[at : at + 3])
    plan = Plan(True, instance, cv, sealed, name.encode() + b"; dmarc=pass header.from=shop.example")
    made = arc.made(key, plan, fields, canonical.body_hash(body))
    return b"".join([field + b"\r\n" for field in made]) + content


def received(below: bytes, arc_result: bytes = b"", *, seals: str = "") -> bytes:
    """As Cloudflare hands it on: its Received, its set where it makes one (`seals`: its cv=), its stamp."""
    stamp = STAMP % (b";\r\n\tarc=" + arc_result if arc_result else b"")
    with_set = sealed_by(CLOUDFLARE, AUTHSERV, seals, below) if seals else below
    return RECEIVED + with_set[: len(with_set) - len(below)] + stamp + below


def forwarded(content: bytes) -> tuple[Plan, bytes]:
    """What leaves: From rewritten, signed, and sealed by the plan."""
    block, body = header.split([content])
    came = header.parse(block)
    plan = arc.plan(came, AUTHSERV)
    author = rewrite.author_of(came)
    if author is not None:
        author = Mailbox(author.name, author.address)
    written = rewrite.forward(
        came,
        rewrite.Forward(
            "shop@alias.example", author, "bob.x@alias.example", (), b"mark", {}, keeps_arc=plan.keeps
        ),
    )
    pieces = list(body)
    fields, digest = header.parse(written).fields, canonical.body_hash(pieces)
    made = [own_dkim.signature(US, fields, digest)]
    if plan.stamp:
        every = (*header.parse(made[0] + b"\r\n\r\n").fields, *fields)
        made = [*arc.made(US, plan, every, digest), *made]
    return plan, on_the_wire(b"".join([one + b"\r\n" for one in made]) + written + b"".join(pieces))


def test_a_message_without_sets_gets_the_first_one_with_what_the_receiver_said():
    plan, sent = forwarded(received(THEIRS + WRITTEN))
    assert (plan.instance, plan.cv, plan.sealed) == (1, NONE, ())
    assert chain(sent, US)[0] == dkim.CV_Pass
    assert judge(sent, US) == 1
    (results,) = parsed(sent).all(b"ARC-Authentication-Results")
    assert results.value.startswith(b"i=1;\tmx.cloudflare.net;\tdkim=pass header.d=shop.example;")
    assert not parsed(sent).all(b"Authentication-Results")


def test_the_receivers_own_set_is_built_upon_and_the_whole_chain_holds():
    plan, sent = forwarded(received(THEIRS + WRITTEN, seals=NONE))
    assert (plan.instance, plan.cv) == (2, PASS)
    assert chain(sent, US, CLOUDFLARE)[0] == dkim.CV_Pass
    listed = sealed_by(LIST, "list.example", NONE, WRITTEN)
    plan, sent = forwarded(received(THEIRS + listed, b"pass", seals=PASS))
    assert (plan.instance, plan.cv) == (3, PASS)
    word, results, reason = chain(sent, US, CLOUDFLARE, LIST)
    assert (word, [one["instance"] for one in results]) == (dkim.CV_Pass, [3, 2, 1]), reason


def test_without_a_set_of_its_own_the_receivers_word_counts_and_without_a_word_nothing_is_sealed():
    listed = THEIRS + sealed_by(LIST, "list.example", NONE, WRITTEN)
    plan, sent = forwarded(received(listed, b"pass"))
    assert (plan.instance, plan.cv) == (2, PASS)
    assert chain(sent, US, LIST)[0] == dkim.CV_Pass
    for said in (b"", b"none", b"temperror", b"pass;\r\n\tarc=fail"):
        plan, sent = forwarded(received(listed, said))
        assert plan == Plan()
        assert not [one for one in parsed(sent).fields if one.name.lower().startswith(b"arc-")]
        assert judge(sent, US) == 1


def test_a_chain_that_fails_is_ended_by_a_set_that_seals_itself_alone():
    listed = THEIRS + sealed_by(LIST, "list.example", NONE, WRITTEN)
    plan, sent = forwarded(received(listed, b"fail"))
    assert (plan.instance, plan.cv, plan.sealed) == (2, FAIL, ())
    word, results, reason = chain(sent, US, LIST)
    assert word is None
    assert "reported failure" in reason
    assert results[0]["ams-valid"]
    # dkimpy checks a seal of the whole chain; of this one its own set alone is sealed (RFC 8617 5.1.2).
    alone = b"".join(
        [one.raw + b"\r\n" for one in parsed(sent).fields if one.name.lower() in rewrite.ARC_FIELDS][:3]
    )
    as_first = alone + sent[sent.index(b"DKIM-Signature:") :]
    fields = parsed(as_first).fields
    seal, message, stamp = fields[0], fields[1], fields[2]
    unsigned = seal.raw[: seal.raw.index(b"\tb=") + 3]
    data = b"".join([canonical.field(one.raw) + b"\r\n" for one in (stamp, message)])
    data += canonical.field(unsigned)
    assert b"".join(seal.raw[len(unsigned) :].split()) == _signature(US, data)


def _signature(key: SigningKey, data: bytes) -> bytes:
    import base64

    return base64.b64encode(key.sign(data))


def test_nothing_is_put_on_a_chain_that_ended():
    ended = THEIRS + sealed_by(LIST, "list.example", FAIL, WRITTEN)
    plan, sent = forwarded(received(ended, b"fail"))
    assert plan == Plan(keeps=True)
    assert len(parsed(sent).all(b"ARC-Seal")) == 1


def _sets(*numbers: int, cv: bytes = b"pass", drop: bytes = b"") -> bytes:
    """Sets of these numbers, as far as their form goes."""
    lines = b""
    for number in numbers:
        said = b"none" if number == 1 else cv
        lines += b"ARC-Seal: i=%d; cv=%b; d=x.example; s=x; b=x\r\n" % (number, said)
        lines += b"ARC-Message-Signature: i=%d; d=x.example; s=x; h=from; b=x\r\n" % number
        lines += b"ARC-Authentication-Results: i=%d; x.example; none\r\n" % number
    return lines.replace(drop, b"X-Dropped:") if drop else lines


@pytest.mark.parametrize(
    ("sets", "instance", "cv"),
    [
        (_sets(2, 1), 3, PASS),
        (_sets(1, 2), 3, PASS),
        (_sets(*range(49, 0, -1)), 50, PASS),
        (_sets(*range(50, 0, -1)), 0, NONE),
        (_sets(99, 1), 0, NONE),
        (_sets(0), 0, NONE),
        (_sets(1).replace(b"i=1", b"i=one"), 0, NONE),
        (_sets(3, 1), 4, FAIL),
        (_sets(1, 1), 2, FAIL),
        (_sets(2), 3, FAIL),
        (_sets(2, 1, cv=b"none"), 3, FAIL),
        (_sets(2, 1, cv=b""), 3, FAIL),
        (_sets(2, 1, drop=b"ARC-Seal: i=2;"), 3, FAIL),
        (_sets(2, 1, drop=b"ARC-Authentication-Results: i=1;"), 3, FAIL),
        (b"ARC-Seal: i=1\r\n", 2, FAIL),
    ],
)
def test_the_form_of_a_chain_is_judged_as_rfc_8617_says(sets: bytes, instance: int, cv: str):
    block = parsed(RECEIVED + STAMP % b"; arc=pass" + THEIRS + sets + WRITTEN)
    plan = arc.plan(block, AUTHSERV)
    assert (plan.instance, plan.cv if plan.stamp else NONE) == (instance, cv)
    assert len(plan.sealed) == (3 * (instance - 1) if cv == PASS else 0)


def test_a_set_that_only_pretends_to_be_the_receivers_is_not_believed():
    forged = sealed_by(LIST, AUTHSERV, NONE, WRITTEN)
    below_theirs = received(THEIRS + forged)
    assert arc.plan(parsed(below_theirs), AUTHSERV) == Plan()
    # Where the sender wrote no Received, his fields stand where the receiver's could; he cannot sign for it, though.
    assert arc.plan(parsed(received(forged)), AUTHSERV) == Plan()
    true = received(WRITTEN, seals=NONE)
    assert arc.plan(parsed(true), AUTHSERV).cv == PASS
    assert arc.plan(parsed(true.replace(b"i=1;\r\n\tmx.", b"i=1;\r\n\tmy.")), AUTHSERV) == Plan()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                b"ARC-Seal:",
                b"arc-message-signature:",
                b"ARC-Authentication-Results:",
                b"Received: by ",
                b"X:",
                b"\r\n ",
                b"\r\n",
                b" i=1;",
                b"i=2",
                b"i=\xff;",
                b"cv=none;",
                b"cv=pass;",
                b"cv=fail",
                b";",
                b"=",
                b"(",
                b" ",
                b"d=list.example;",
                b"cloudflare-email.net; now\r\n",
                b"mx.cloudflare.net;",
                b"arc=pass",
                b"Authentication-Results: ",
            ]
        ),
        max_size=40,
    ).map(b"".join)
)
def test_whatever_comes_there_is_a_plan_and_its_set_can_be_made(came: bytes):
    block = parsed(RECEIVED + STAMP % b"; arc=pass" + came + b"\r\n" + WRITTEN)
    plan = arc.plan(block, AUTHSERV)
    assert 0 <= plan.instance <= arc.MOST_SETS
    if plan.stamp:
        made = arc.made(
            signing_key_of("alias.example", "ed25519"),
            plan,
            block.fields,
            b"",
        )
        assert [b"\r" in one.replace(b"\r\n", b"") for one in made] == [False] * 3


def test_nothing_is_sealed_where_the_receiver_said_nothing():
    assert arc.plan(parsed(WRITTEN), AUTHSERV) == Plan()
    assert arc.plan(parsed(STAMP % b"" + WRITTEN), AUTHSERV) == Plan()
    assert arc.plan(parsed(RECEIVED + STAMP.replace(b"mx.", b"my.") % b"" + WRITTEN), AUTHSERV) == Plan()
    assert arc.plan(parsed(RECEIVED + _sets(1) + WRITTEN), AUTHSERV) == Plan()


@pytest.mark.parametrize("corpus", [ROOT / "tests" / "mail" / "messages", ROOT.parent / "shared" / "corpus"])
def test_every_message_of_the_corpora_leaves_signed_and_sealed(corpus: pathlib.Path):
    files = sorted(corpus.rglob("*.eml"))
    if not files:
        pytest.skip(f"there is no corpus at {corpus}")
    for file in files:
        below = file.read_bytes()
        if not header.parse(header.split([below])[0]).fields:
            continue  # without a header block, what the receiver puts on top would become one with the body
        plan, sent = forwarded(received(THEIRS + below))
        assert judge(sent, US) == 1, file
        # Of the chains that came with some, nobody has the keys; their form is judged above.
        if plan.instance == 1:
            assert chain(sent, US)[0] == dkim.CV_Pass, file
