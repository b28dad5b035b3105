"""postern queue …"""

from __future__ import annotations

from postern.base.errors import BadInput, Conflict, NotFound
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns
    from postern.flow.context import Context
    from postern.store.queue import Entry

PAUSE_MINUTES = 60
MOST_MINUTES = 7 * 24 * 60


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
    show = common.verb(verbs, "show", "show everything about a delivery", "postern queue show 17")
    show.add_argument("id", type=common.whole_number)
    common.json_flag(show)
    show.set_defaults(run=show_delivery)
    for name, text in (("retry", "make deliveries due now"), ("drop", "give deliveries up")):
        change = common.verb(
            verbs, name, text, f"postern queue {name} 17 18{' --yes' if name == 'drop' else ''}"
        )
        change.add_argument("id", nargs="+", type=common.whole_number)
        if name == "drop":
            common.yes_flag(change, "their mail is deleted when nobody else waits for it")
        change.set_defaults(run=change_deliveries, verb=name)
    pause = common.verb(
        verbs, "pause", "deliver nothing for a while; mail waits", "postern queue pause --minutes 60"
    )
    pause.add_argument("--minutes", type=common.whole_number, default=PAUSE_MINUTES, metavar="N")
    pause.set_defaults(run=pause_queue)
    go_on = common.verb(verbs, "resume", "deliver again", "postern queue resume")
    go_on.set_defaults(run=pause_queue, minutes=0)
    run = common.verb(verbs, "run", "deliver what is due, now", "postern queue run")
    run.set_defaults(run=run_queue)


def list_queue(args: argparse.Namespace) -> None:
    """postern queue list; without a state: what is not finished well."""
    from postern.store import queue

    with common.as_operator() as (context, db):
        found = queue.entries(db, args.state or ["queued", "failed"], args.most)
    rows = [_row(context, entry) for entry in found]
    common.show(rows, args.json, "Nothing waits and nothing failed.")


def _row(context: Context, e: Entry) -> dict[str, object]:
    return {
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


def show_delivery(args: argparse.Namespace) -> None:
    """postern queue show; without the addresses, which `postern message show` opens."""
    from postern.store import queue

    with common.as_operator() as (context, db):
        entry = queue.find(db, args.id)
        if entry is None:
            raise NotFound(f"There is no delivery {args.id}.", "Take the number from: postern queue list")
        row = _row(context, entry)
        row["uid"] = entry.uid
    common.show([row], args.json, "")


def pause_queue(args: argparse.Namespace) -> None:
    """postern queue pause, postern queue resume"""
    from postern.base.relay_place import places
    from postern.store import admin_acts, relays

    if args.minutes > MOST_MINUTES:
        raise BadInput(
            f"That is more than {MOST_MINUTES} minutes.", "Mail is given up after POSTERN_RETRY_DAYS."
        )
    with common.as_operator() as (context, db):
        for place in places(context.config):
            relays.stop(db, relays.lock(db, place.name).name, args.minutes * 60)
            act = "pause queue" if args.minutes else "resume queue"
            admin_acts.add(db, admin_acts.OPERATOR, act, place.name)
    if args.minutes:
        print(f"Nothing goes out for {args.minutes} minutes. Mail is still taken in.")
    else:
        print("Mail goes out again.")


def change_deliveries(args: argparse.Namespace) -> None:
    """postern queue retry, postern queue drop"""
    from postern.store import admin_acts, events, messages, queue

    if args.verb == "drop":
        common.check_sure(args, "What is dropped is never delivered, and its mail is deleted.")
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
