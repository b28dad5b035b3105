"""/aliases: the home page. Make an alias in one click, find one among many, change several at once."""

from __future__ import annotations

from dataclasses import replace

from postern.base.errors import BadInput, PosternError
from postern.flow import aliases as making
from postern.store import alias_list, aliases, domains, mailboxes, preferences
from postern.store.alias_list import Wanted
from postern.web import alias_row, ids, pager, render, room, said, session
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.alias_list import Counts
    from postern.store.aliases import Alias
    from postern.store.domains import Domain
    from postern.store.mailboxes import Mailbox
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

HOME = "/aliases"
WELCOME = "/welcome"
PER_PAGE = 50
MAX_WORDS = 100

_FILTERS = (
    ("all", "All"),
    ("on", "On"),
    ("off", "Off"),
    ("pinned", "Pinned"),
    ("deleted", "Deleted"),
)
_SORTS = (
    ("newest", "Newest"),
    ("seen", "Last used"),
    ("forwarded", "Most mail"),
    ("name", "Name"),
)
_USUAL = {"q": "", "state": "all", "sort": "newest"}
_ACTS = ("on", "off", "pin", "unpin", "delete", "restore")


@session.page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /aliases. `?made=` and `?undo=` carry the uid of what was just made or deleted."""
    return _page(context, request, who)


@session.action
def make_random(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /aliases/random: the one click."""
    try:
        alias = making.make_random(context, who.user_id)
    except PosternError as error:
        return _page(context, request, who, wrong=error)
    return responses.redirect(f"{HOME}?made={alias.uid}")


@session.action
def make_custom(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /aliases/custom: with a name of one's own."""
    try:
        domain_id = ids.number(fields.get("domain", ""))
        with context.pool.connection() as db, db.transaction(who.user_id):
            chosen = making.choose_mailboxes(db, who.user_id, fields.chosen) if fields.chosen else ()
        alias = making.make_custom(
            context, who.user_id, fields.text("local"), domain_id, chosen, fields.get("note", "").strip()
        )
    except PosternError as error:
        return _page(context, request, who, wrong=error, typed=fields)
    return responses.redirect(f"{HOME}?made={alias.uid}")


@session.action
def bulk(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /aliases/bulk: one act on all that are chosen. What is not the user's is not there for it."""
    act = fields.get("act", "")
    if act not in _ACTS:
        raise BadInput("It is not said what to do.", "Go back, and press one of the buttons.")
    uids = [ids.uid(text) for text in fields.chosen]
    if not uids:
        return responses.redirect(said.path(HOME, "nothing-chosen"))
    with context.pool.connection() as db, db.transaction(who.user_id):
        if act in ("on", "off"):
            alias_list.enable(db, uids, act == "on")
        elif act in ("pin", "unpin"):
            alias_list.pin(db, uids, act == "pin")
        elif act == "delete":
            alias_list.delete(db, uids)
        else:
            alias_list.restore(db, uids)
    return responses.redirect(said.path(HOME, f"aliases-{act}"))


def _page(
    context: Context,
    request: Request,
    who: SignedIn,
    wrong: PosternError | None = None,
    typed: Fields | None = None,
) -> Response:
    wanted = _wanted(request)
    number = max(1, ids.number_or(request.query("page"), 1))
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = alias_list.page(db, who.user_id, wanted, PER_PAGE, (number - 1) * PER_PAGE)
        total = alias_list.count(db, who.user_id, wanted)
        counts = alias_list.counts(db, who.user_id)
        links = alias_list.mailboxes_of(db, [one.id for one in found])
        own_mailboxes = mailboxes.of_user(db, who.user_id)
        usable = domains.usable(db, who.user_id)
        default_domain = preferences.of_user(db, who.user_id).default_domain_id
        made = _just(db, request, "made")
        deleted = _just(db, request, "undo")
    if not (who.welcomed or counts.everything or counts.deleted or request.method == "POST"):
        return responses.redirect(WELCOME)
    rows = alias_row.rows(context, who, found, links, own_mailboxes)
    listing = (
        render.render("alias_list", rows=rows, bulk=_bulk(context, who, wanted))
        if found
        else _nothing(wanted, counts)
    )
    return room.show(
        context,
        request,
        who,
        HOME,
        "aliases",
        "Aliases",
        status=200 if wrong is None else wrong.http_status,
        made=_made(made),
        undo=alias_row.undo(context, who, deleted),
        wrong=room.wrong(wrong),
        ready=_readiness(who, usable, own_mailboxes),
        maker=_maker(context, who, usable, own_mailboxes, default_domain, typed, wrong is not None),
        words=wanted.words,
        filters=_filters(wanted, counts),
        sorts=_options(_SORTS, wanted.sort),
        state=wanted.state,
        total=_total(total),
        listing=listing,
        pager=_pager(wanted, number, total),
    )


def _wanted(request: Request) -> Wanted:
    """What the query asks for; what it says wrongly is as if it were not said."""
    state, sort = request.query("state"), request.query("sort")
    return Wanted(
        words=request.query("q").strip()[:MAX_WORDS],
        state=state if state in alias_list.STATES else _USUAL["state"],
        sort=sort if sort in alias_list.SORTS else _USUAL["sort"],
    )


def _just(db: Database, request: Request, name: str) -> Alias | None:
    uid = ids.uid_or_none(request.query(name))
    return aliases.get(db, uid) if uid else None


def _made(alias: Alias | None) -> Safe:
    if alias is None:
        return render.EMPTY
    return render.render("alias_made", address=alias.address, uid=str(alias.uid))


def _readiness(who: SignedIn, usable: Sequence[Domain], own: Sequence[Mailbox]) -> Safe:
    """What is missing before an alias can work, and the way back into the tour."""
    if not who.welcomed:
        return render.render("alias_tour")
    if not any(one.verified_at for one in own):
        return render.render("alias_needs_mailbox")
    return render.EMPTY if usable else render.render("alias_needs_domain")


def _maker(
    context: Context,
    who: SignedIn,
    usable: Sequence[Domain],
    own: Sequence[Mailbox],
    default_domain: int | None,
    typed: Fields | None,
    is_open: bool,
) -> Safe:
    """The form for a name of one's own; what was typed before stands in it again."""
    given: dict[str, str] = typed or {}
    chosen_domain = given.get("domain", str(default_domain or ""))
    boxes = render.join(
        render.render(
            "alias_mailbox_choice",
            uid=str(one.uid),
            address=render.address(one.address(context.ring)),
            checked="checked" if (str(one.uid) in typed.chosen if typed else one.is_default) else "",
        )
        for one in own
        if one.verified_at
    )
    options = _options([(str(one.id), "@" + one.name) for one in usable], chosen_domain)
    return render.render(
        "alias_maker",
        csrf=room.csrf_token(context, who),
        open="open" if is_open else "",
        local=given.get("local", ""),
        note=given.get("note", ""),
        domains=options,
        mailboxes=boxes,
    )


def _filters(wanted: Wanted, counts: Counts) -> Safe:
    many = {
        "all": counts.everything,
        "on": counts.on,
        "off": counts.off,
        "pinned": counts.pinned,
        "deleted": counts.deleted,
    }
    return render.join(
        render.render(
            "alias_filter_here" if state == wanted.state else "alias_filter",
            url=pager.address(HOME, _query(replace(wanted, state=state))),
            words=words,
            many=f"{many[state]:,}",
        )
        for state, words in _FILTERS
    )


def _options(choices: Sequence[tuple[str, str]], chosen: str) -> Safe:
    return render.join(
        render.render("option_chosen" if value == chosen else "option", value=value, words=words)
        for value, words in choices
    )


def _bulk(context: Context, who: SignedIn, wanted: Wanted) -> Safe:
    name = "alias_bulk_deleted" if wanted.state == "deleted" else "alias_bulk"
    return render.render(name, csrf=room.csrf_token(context, who))


def _nothing(wanted: Wanted, counts: Counts) -> Safe:
    """Nothing in the list: because there is nothing yet, or because nothing fits."""
    if wanted.words:
        return render.render("alias_none_found", words=wanted.words)
    if counts.everything or wanted.state != "all":
        return render.render("alias_none_here")
    return render.render("alias_none_yet")


def _total(total: int) -> str:
    return "1 alias" if total == 1 else f"{total:,} aliases"


def _pager(wanted: Wanted, number: int, total: int) -> Safe:
    return pager.links(HOME, _query(wanted), number, -(-total // PER_PAGE))


def _query(wanted: Wanted) -> dict[str, str]:
    """What a listing is asked for by; what is usual is left out."""
    given = {"q": wanted.words, "state": wanted.state, "sort": wanted.sort}
    return {name: value for name, value in given.items() if value != _USUAL[name]}
