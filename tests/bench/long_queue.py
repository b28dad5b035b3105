"""A delivery while the queue holds a million finished rows and a hundred thousand due ones, beside one from an empty queue."""

from __future__ import annotations

import contextlib
import datetime
import json
import pathlib

from figure import Goal, Line, Section, median
from world import World

from postern.base.database import SYSTEM
from postern.ops.bench import drains
from postern.ops.bench.bench import Bench
from postern.ops.bench.lab import Lab
from postern.ops.bench.requests import SIZES, message

FINISHED, DUE, EACH, ROUNDS = 1_000_000, 100_000, 200, 3
DRAIN_SECONDS = 6
"""Of a drain over the long queue: it comes to the rows that fill it after those that are counted."""

FILL = """
SET session_replication_role TO replica;
SET search_path TO "{schema}";
INSERT INTO messages (uid, user_id, alias_id, source, size, mail_from_sealed, stream_header, chunk_count)
SELECT gen_random_uuid(), m.user_id, m.alias_id, 'bench', 4000, m.mail_from_sealed, m.stream_header, 0
FROM (SELECT * FROM messages ORDER BY id LIMIT 1) m CROSS JOIN generate_series(1, {all});
INSERT INTO deliveries (uid, user_id, message_id, mailbox_id, state, due_at, finished_at)
SELECT gen_random_uuid(), d.user_id, m.id, d.mailbox_id, CASE WHEN m.place <= {finished} THEN 'sent' ELSE 'queued' END,
       now(), CASE WHEN m.place <= {finished} THEN now() END
FROM (SELECT * FROM deliveries ORDER BY id LIMIT 1) d
     CROSS JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM messages WHERE chunk_count = 0) m
WHERE NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.message_id = m.id);
SET session_replication_role TO DEFAULT;
ANALYZE messages, deliveries
"""
EARLIER = (
    "UPDATE deliveries SET due_at = due_at - interval '1 hour' WHERE state = 'queued' AND message_id > :last"
)


def measure(world: World) -> Section:
    found: dict[str, list[float]] = {"empty": [], "long": []}
    many = 20 if world.quick else EACH
    with contextlib.ExitStack() as stack:
        empty, long = world.bench(), world.bench()
        # One home has one lab: the note of its schema has one place.
        other = world.instance.home + "-long"
        pathlib.Path(other, "bench").mkdir(parents=True)
        settings = world.instance.config
        long.home = other
        long.settings = lambda: _at(settings, other)
        for bench in (empty, long):
            stack.enter_context(bench.stack)
        drains.filled(empty, empty.lab(), "4k", 1)
        drains.filled(long, long.lab(), "4k", 1)
        finished, due = (FINISHED, DUE) if not world.quick else (2000, 200)
        _fill(world, long.lab(), finished, due)
        for _ in range(world.rounds(ROUNDS)):
            for name, bench in (("empty", empty), ("long", long)):
                found[name].append(_each(bench, bench.lab(), many))
    told = {name: median(numbers) for name, numbers in found.items()}
    lines = [
        Line("a delivery from an empty queue", told["empty"]),
        Line(f"from one with {finished:,} finished and {due:,} due rows", told["long"]),
    ]
    words = f"{finished:,} finished and {due:,} due rows to none, a delivery"
    return Section("queue", lines, [Goal(words, 1.5, told["long"] / told["empty"], "×")])


def _at(settings: object, home: str) -> object:
    from dataclasses import replace

    return replace(settings, home=home)


def _fill(world: World, lab: Lab, finished: int, due: int) -> None:
    """As the server's own user: without looking up each row's references."""
    sql = FILL.format(schema=lab.context.config.db_schema, all=finished + due, finished=finished)
    with contextlib.closing(world.place.connect_superuser()) as superuser:
        for statement in sql.split(";"):
            superuser.run(statement)
    env = pathlib.Path(lab.home, ".env")
    env.write_text(env.read_text() + f"POSTERN_DRAIN_SECONDS={DRAIN_SECONDS}\n")


def _each(bench: Bench, lab: Lab, many: int) -> float:
    """Milliseconds from one delivery to the next, by the log."""
    with lab.context.pool.connection() as db:
        with db.transaction(SYSTEM):
            last = int(db.value("SELECT max(id) FROM messages"))
        for number in range(many):
            drains.take_in(lab, message(SIZES["receipt.4k"], number))
        with db.transaction(SYSTEM):
            assert db.count(EARLIER, last=last) == many
    before = _sent(lab)
    lab.drains.release()
    try:
        import sys

        from postern.base import home

        bench.spawner.run([sys.executable, f"{home.program()}/cron/deliver.py"], lab.environ)
    finally:
        lab.drains.acquire()
    times = _sent(lab)[len(before) :]
    assert len(times) == many, f"{len(times)} of {many} were delivered"
    return (times[-1] - times[0]) * 1000 / (many - 1)


def _sent(lab: Lab) -> list[float]:
    """When each delivery was sent, Unix time."""
    times = []
    for path in sorted(pathlib.Path(lab.home, "logs").glob("*.log")):
        for line in path.read_text().splitlines():
            found = json.loads(line)
            if found["event"] == "delivery.sent":
                at = datetime.datetime.fromisoformat(found["time"].replace("Z", "+00:00"))
                times.append(at.timestamp())
    return sorted(times)
