"""postern queue …"""

from __future__ import annotations

from postern.base.errors import Conflict
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "queue", "deliveries: what waits, what failed, and why")
    listing = common.verb(verbs, "list", "show deliveries, oldest first", "postern queue list --state failed")
    listing.add_argument(
        "--state",
        action="append",
        choices=("queued", "held", "sent", "failed", "dropped"),
        help="again for more",
    )
    listing.add_argument("--most", type=common.whole_number, default=100, metavar="N")
    common.json_flag(listing)
    listing.set_defaults(run=list_queue)
    for name, text in (("retry", "make deliveries due now"), ("drop", "give deliveries up")):
        change = common.verb(verbs, name, text, f"postern queue {name} 17 18")
        change.add_argument("id", nargs="+", type=common.whole_number)
        change.set_defaults(run=change_deliveries, verb=name)
    run = common.verb(verbs, "run", "deliver what is due, now", "postern queue run")
    run.set_defaults(run=run_queue)


def list_queue(args: argparse.Namespace) -> None:
    """postern queue list; without a state: what is not finished well."""
    from postern.store import queue

    with common.as_operator() as (context, db):
        found = queue.entries(db, args.state or ["queued", "failed"], args.most)
    rows: list[dict[str, object]] = [
        {
            "id": e.id,
            "message": e.message_id,
            "user": e.handle,
            "alias": e.alias or None,
            "size": e.size,
            "state": "leased" if e.leased else "bounced" if e.bounced_at else e.state,
            "tries": e.attempts,
            "since": e.created_at,
            "due": e.due_at if e.state == "queued" else None,
            "relay": f"{e.said_stage} {e.said_code} {e.said(context.ring)}".strip() if e.said_stage else None,
        }
        for e in found
    ]
    common.show(rows, args.json, "Nothing waits and nothing failed.")


def change_deliveries(args: argparse.Namespace) -> None:
    """postern queue retry, postern queue drop"""
    from postern.store import admin_acts, events, messages, queue

    refused = []
    for delivery_id in args.id:
        with common.as_operator() as (context, db):
            if args.verb == "retry":
                user_id = queue.retry(db, delivery_id)
                kind, message_id = "retried", None
            else:
                user_id, message_id = queue.drop(db, delivery_id) or (None, None)
                kind = "dropped"
            if user_id is None:
                refused.append(str(delivery_id))
                continue
            events.add(db, context.ring, user_id, kind, delivery_id=delivery_id, message_id=message_id)
            admin_acts.add(db, admin_acts.OPERATOR, f"{args.verb} delivery", str(delivery_id))
            if message_id is not None:
                messages.clear_when_done(db, message_id)
        print(f"Delivery {delivery_id}: {kind}.")
    if refused:
        raise Conflict(
            f"Nothing was changed for {', '.join(refused)}: finished, gone, or in the hands of a drain.",
            "See: postern queue list --state queued --state failed --state sent",
        )


def run_queue(args: argparse.Namespace) -> None:
    """postern queue run"""
    from postern.cli.jobs import run_by_hand

    with common.instance() as context:
        done = run_by_hand(context, "deliver")
    print(done.said if done else "Another drain is at work; it will see what is new.")
