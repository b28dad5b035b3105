"""postern quarantine …: mail that is held for a user. Deliveries of every state: cli/queue.py."""

from __future__ import annotations

from postern.base.errors import Conflict, NotFound
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns
    from postern.flow.context import Context
    from postern.store.users import User


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "quarantine", "mail that is held until somebody looks at it")
    listing = common.verb(
        verbs, "list", "show what is held for a user, newest first", "postern quarantine list jane"
    )
    listing.add_argument("handle", help="the user")
    listing.add_argument("--most", type=common.whole_number, default=200, metavar="N")
    listing.add_argument("--addresses", action="store_true", help="open who says to have sent it, too")
    common.json_flag(listing)
    listing.set_defaults(run=list_held)
    for name, text in (("release", "deliver held mail now"), ("drop", "give held mail up, for good")):
        yes = " --yes" if name == "drop" else ""
        act = common.verb(verbs, name, text, f"postern quarantine {name} jane ID{yes}")
        act.add_argument("handle", help="the user")
        act.add_argument("id", nargs="+", help="from the listing")
        act.set_defaults(run=move, act=name)
        if yes:
            common.yes_flag(act, "nobody will read it")


def list_held(args: argparse.Namespace) -> None:
    """postern quarantine list"""
    from postern.store import held

    with common.as_operator() as (context, db):
        user = common.get_user(db, args.handle)
        found = held.held(db, user.id, context.config.quarantine_days, args.most)
    rows: list[dict[str, object]] = [
        {
            "id": one.uid,
            "alias": one.alias,
            "why": one.held_why,
            "size": one.size,
            "received": one.received_at,
            "days left": one.days_left,
        }
        for one in found
    ]
    if args.addresses:
        for row, one in zip(rows, found):
            row["from"] = one.summary(context.ring).get("from")
    common.show(rows, args.json, f"Nothing is held for {user.handle}.")


def move(args: argparse.Namespace) -> None:
    """postern quarantine release, postern quarantine drop"""
    from postern.flow import quarantine

    if args.act == "drop":
        common.check_sure(args, "What is given up cannot be brought back.")
    with common.instance() as context:
        for text in args.id:
            user, waiting = _waiting(context, args.handle, text)
            try:
                for delivery_id in waiting:
                    (quarantine.drop if args.act == "drop" else quarantine.release)(
                        context, user.id, delivery_id
                    )
            except quarantine.NotHeld:
                raise _not_held(user, text) from None
            except Conflict as error:
                raise Conflict(error.reason, f"See: postern mailbox resume {user.handle} ADDRESS") from None
            common.write_down(context, f"{args.act} held mail", user.handle)
            print(f"{text}: {'given up' if args.act == 'drop' else 'is delivered now'}.")


def _waiting(context: Context, handle: str, text: str) -> tuple[User, list[int]]:
    """The user, and the deliveries of that message that wait for him."""
    from postern.store import held

    uid = common.uid(text, f"postern quarantine list {handle}")
    with common.across_users(context) as db:
        user = common.get_user(db, handle)
    with context.pool.connection() as db, db.transaction(user.id):
        # As that user: an id of another's mail is none.
        found = held.waiting(db, uid)
    if not found:
        raise _not_held(user, text)
    return user, found


def _not_held(user: User, text: str) -> NotFound:
    return NotFound(f"{text} is not held for {user.handle}.", f"See: postern quarantine list {user.handle}")
