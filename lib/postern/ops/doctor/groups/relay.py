"""The way out for mail: the relays that are set, and what is left of their budgets."""

from __future__ import annotations

from postern.base.relay_place import places
from postern.flow import outlet
from postern.ops.doctor.item import CRITICAL, IMPORTANT, Item, fail, ok, warn
from postern.store import relay_pace, relays

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.scene import Scene

FULL = 90  # percent


def _signs_in(scene: Scene) -> Check:
    """Each of them: a second one that does not work is found out when it is needed."""
    names = []
    for one in outlet.outlets(scene.context):
        with one.relay:
            one.relay.open()
        names.append(one.place.name)
    return ok(f"{' and '.join(names)} {'let' if len(names) > 1 else 'lets'} us in")


def _trouble(scene: Scene) -> Check:
    with scene.database() as db:
        found = [relays.find(db, place.name) for place in places(scene.config)]
    used = [relay for relay in found if relay is not None]
    bad = [relay for relay in used if relay.in_trouble]
    if not bad:
        return ok("no trouble since it took a message" if any(one.ok_at for one in used) else "not used yet")
    several = len(found) > 1
    told = (
        f"{f'{one.name} is ' if several else ''}in trouble, paused for {one.paused_seconds} s: {one.trouble}"
        for one in bad
    )
    # With another one at hand mail goes on.
    return (fail if len(bad) == len(found) else warn)("; ".join(told))


def _budget(scene: Scene) -> Check:
    known = places(scene.config)
    with scene.database() as db:
        used = [(place, relay_pace.find(db, place.name), relays.usage(db, place.name)) for place in known]
    if any(not place.per_hour and not place.per_day for place in known):
        return warn("no limit is set: a flood is sent to the end, and your account pays for it")
    told = "; ".join(
        f"{f'{place.name}: ' if len(known) > 1 else ''}{usage.hour} of {outlet.tighter(place.per_hour, pace.hour)} this hour, "
        f"{usage.day} of {outlet.tighter(place.per_day, pace.day)} this day"
        for place, pace, usage in used
    )
    # What one has no room for goes to the next.
    return warn(told) if min(outlet.used_percent(*one) for one in used) >= FULL else ok(told)


CHECKS = (
    Item(
        "relay.signs-in",
        "SH-08",
        CRITICAL,
        "The relay answers, its certificate verifies, and it lets us in",
        "Run `postern relay test ADDRESS`: it shows the step that fails. Compare POSTERN_RELAY_… with the relay's page.",
        "docs/relays.md",
        _signs_in,
        needs=("keys.strong",),
        audit=True,
        symptom="The relay refuses user or password, or does not answer",
    ),
    Item(
        "relay.trouble",
        "SH-08",
        CRITICAL,
        "The relay took the last message",
        "Mend what it says; then: postern queue run",
        "docs/queue.md",
        _trouble,
        needs=("database.migrated", "keys.strong"),
        symptom="Mail waits in the queue, and the relay is paused",
    ),
    Item(
        "relay.budget",
        "SH-18",
        IMPORTANT,
        "The relay's budget is set, and not nearly used up",
        "Raise POSTERN_RELAY_PER_HOUR and POSTERN_RELAY_PER_DAY to what your plan allows, or take a larger one.",
        "docs/relays.md",
        _budget,
        needs=("database.migrated", "keys.strong"),
        symptom="Mail goes out late: the relay's budget is used up",
    ),
)
