"""Challenges: ours, young, for one purpose, and answered once."""

from __future__ import annotations

import pytest

from postern.base import clock
from postern.base.database import SYSTEM
from postern.flow import challenges
from postern.flow.challenges import SECONDS, SIZE, DeadChallenge
from postern.webauthn.options import CHALLENGE_BYTES
from support.instance import Instance
from support.store import RING


def test_one_is_good_for_what_it_was_given_out_for():
    challenges.check(RING, challenges.new(RING))
    challenges.check(RING, challenges.new(RING, 7), 7)
    assert SIZE == CHALLENGE_BYTES


@pytest.mark.parametrize(("made_for", "used_for"), [(7, None), (None, 7), (7, 8), (7, 77)])
def test_it_is_good_for_nothing_else(made_for: int | None, used_for: int | None):
    with pytest.raises(DeadChallenge):
        challenges.check(RING, challenges.new(RING, made_for), used_for)


@pytest.mark.parametrize("at", range(SIZE))
def test_a_changed_byte_makes_it_none_of_ours(at: int):
    made = bytearray(challenges.new(RING))
    made[at] ^= 1
    with pytest.raises(DeadChallenge):
        challenges.check(RING, bytes(made))


@pytest.mark.parametrize("text", [b"", b"x", b"x" * SIZE, b"x" * 1000])
def test_what_was_never_ours_is_refused(text: bytes):
    with pytest.raises(DeadChallenge):
        challenges.check(RING, text)


def test_it_lasts_half_an_hour(monkeypatch: pytest.MonkeyPatch):
    made, begin = challenges.new(RING), clock.now()
    monkeypatch.setattr(clock, "now", lambda: begin + SECONDS - 2)
    challenges.check(RING, made)
    monkeypatch.setattr(clock, "now", lambda: begin + SECONDS + 1)
    with pytest.raises(DeadChallenge):
        challenges.check(RING, made)


def test_it_is_answered_once(instance: Instance):
    made = challenges.new(RING)
    with instance.context().pool.connection() as db, db.transaction(SYSTEM):
        challenges.use_up(db, RING, made)
        with pytest.raises(DeadChallenge):
            challenges.use_up(db, RING, made)
