"""The way out for mail: the relay that is set, and what is left of its budget."""

from __future__ import annotations

from postern.flow.deliver import relay_name, relay_settings
from postern.ops.doctor.item import CRITICAL, IMPORTANT, Item, fail, ok, warn
from postern.store import relays

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.scene import Scene

FULL = 0.9


def _signs_in(scene: Scene) -> Check:
    from postern.relay.smtp import Relay

    with Relay(relay_settings(scene.context)) as relay:
        relay.open()
    return ok(f"{relay_name(scene.context)} lets us in")


def _trouble(scene: Scene) -> Check:
    with scene.database() as db:
        relay = relays.find(db, relay_name(scene.context))
    if relay is None or not relay.in_trouble:
        return ok("no trouble since it took a message" if relay and relay.ok_at else "not used yet")
    return fail(f"in trouble, paused for {relay.paused_seconds} s: {relay.trouble}")


def _budget(scene: Scene) -> Check:
    config = scene.config
    with scene.database() as db:
        used = relays.usage(db, relay_name(scene.context))
    told = f"{used.hour} of {config.relay_per_hour} this hour, {used.day} of {config.relay_per_day} this day"
    if not config.relay_per_hour and not config.relay_per_day:
        return warn("no limit is set: a flood is sent to the end, and your account pays for it")
    over = [
        most and count >= most * FULL
        for count, most in ((used.hour, config.relay_per_hour), (used.day, config.relay_per_day))
    ]
    return warn(told) if any(over) else ok(told)


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
