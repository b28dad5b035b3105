"""/domains: the shared ones, and the user's own: claimed, shown by a TXT record, set up, deleted."""

from __future__ import annotations

from postern.base.errors import BadInput, NotFound, PosternError
from postern.flow import own_domain
from postern.store import domain_mailboxes, domains, mailboxes
from postern.web import ids, render, room, said, session, times
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.domains import Domain
    from postern.store.mailboxes import Mailbox
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

LIST = "/domains"


@session.page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /domains."""
    return _list(context, request, who)


@session.action
def claim(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /domains/claim."""
    try:
        domain = own_domain.claim(context, who.user_id, fields.text("name"))
    except PosternError as error:
        return _list(context, request, who, wrong=error, typed=fields.text("name"))
    return responses.redirect(f"{LIST}/{domain.uid}")


@session.action
def take_subdomain(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /domains/subdomain."""
    try:
        parent_id = ids.number(fields.get("parent", ""))
        domain = own_domain.take_subdomain(context, who.user_id, fields.text("label"), parent_id)
    except PosternError as error:
        return _list(context, request, who, wrong=error, label=fields.text("label"))
    return responses.redirect(f"{LIST}/{domain.uid}")


@session.page
def show_one(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /domains/*."""
    return _one(context, request, who)


@session.action
def check(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /domains/*/check: look for the TXT record now."""
    domain = _find(context, request, who)
    try:
        own_domain.check(context, domain)
    except PosternError as error:
        return _one(context, request, who, wrong=error)
    return responses.redirect(said.path(f"{LIST}/{domain.uid}", "domain-verified"))


@session.action
def save(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /domains/*/save: on the fly, and how many a day."""
    domain = _find(context, request, who)
    per_day = ids.number_or(fields.text("per_day"), -1)
    try:
        own_domain.set_fly(context, domain, fields.get("on_the_fly") == "1", per_day)
    except BadInput as error:
        return _one(context, request, who, wrong=error)
    return responses.redirect(said.path(f"{LIST}/{domain.uid}", "domain-saved"))


@session.action
def describe(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /domains/*/describe: whether it takes mail, where new aliases of it forward, and a note."""
    domain = _find(context, request, who)
    uid = fields.get("mailbox", "")
    try:
        own_domain.describe(context, domain, fields.text("note"))
        own_domain.forward_new_to(context, domain, _mailbox(context, who, uid) if uid else None)
        own_domain.enable(context, domain, fields.get("on") == "1")
    except BadInput as error:
        return _one(context, request, who, wrong=error)
    return responses.redirect(said.path(f"{LIST}/{domain.uid}", "domain-saved"))


@session.action
def delete(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /domains/*/delete: its name must be typed."""
    domain = _find(context, request, who)
    if fields.text("name").lower() != domain.name:
        error = BadInput(
            "The name is not that of the domain; nothing was deleted.", f"Type {domain.name} to delete it."
        )
        return _one(context, request, who, wrong=error)
    own_domain.give_back(context, domain)
    return responses.redirect(said.path(LIST, "domain-deleted"))


def _find(context: Context, request: Request, who: SignedIn) -> Domain:
    """The user's own domain that the path names. NotFound; shared ones have no page."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        domain = domains.get(db, ids.uid(request.part(2)))
    if domain is None or domain.user_id != who.user_id:
        raise NotFound("There is no such domain.", "Go to your domains, and choose one.")
    return domain


def _mailbox(context: Context, who: SignedIn, uid: str) -> Mailbox:
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = mailboxes.get(db, ids.uid(uid))
    if found is None:
        raise NotFound("There is no such mailbox.", "Load the page again, and choose from its list.")
    return found


def _list(
    context: Context,
    request: Request,
    who: SignedIn,
    wrong: PosternError | None = None,
    typed: str = "",
    label: str = "",
) -> Response:
    with context.pool.connection() as db, db.transaction(who.user_id):
        own = domains.of_user(db, who.user_id)
        shared = [one for one in domains.usable(db, who.user_id) if one.user_id is None]
    offered = [one for one in shared if one.subdomains]
    return room.show(
        context,
        request,
        who,
        LIST,
        "domains",
        "Domains",
        status=200 if wrong is None else wrong.http_status,
        wrong=room.wrong(wrong),
        typed=typed,
        own=_rows(own) if own else render.render("domain_none"),
        shared=render.render("domain_shared", rows=render.join(map(_shared, shared)))
        if shared
        else render.EMPTY,
        subdomain=_offer(context, who, offered, label) if offered else render.EMPTY,
    )


def _rows(own: list[Domain]) -> Safe:
    return render.render(
        "domain_list",
        rows=render.join(
            render.render(
                "domain_row",
                uid=str(one.uid),
                name=one.name,
                note=_row_note(one),
                badge=render.render("domain_verified" if one.verified_at else "domain_claimed"),
            )
            for one in own
        ),
    )


def _row_note(domain: Domain) -> str:
    if not domain.enabled:
        return "off: its aliases refuse mail"
    return domain.note or ("any address makes itself" if domain.on_the_fly else "")


def _shared(domain: Domain) -> Safe:
    return render.render("domain_shared_row", name=domain.name)


def _offer(context: Context, who: SignedIn, offered: list[Domain], label: str) -> Safe:
    options = render.join(render.render("option", value=str(one.id), words="." + one.name) for one in offered)
    return render.render("domain_subdomain", csrf=room.csrf_token(context, who), label=label, parents=options)


def _one(context: Context, request: Request, who: SignedIn, wrong: PosternError | None = None) -> Response:
    domain = _find(context, request, who)
    with context.pool.connection() as db, db.transaction(who.user_id):
        many = domains.count_aliases(db, domain.id)
    token = room.csrf_token(context, who)
    uid = str(domain.uid)
    if domain.verified_at is None:
        middle = render.render(
            "domain_proof",
            csrf=token,
            uid=uid,
            record=own_domain.record_name(domain),
            value=own_domain.record_value(domain),
            checked=render.render("domain_checked", at=times.minute(domain.checked_at))
            if domain.checked_at
            else render.EMPTY,
        )
    else:
        middle = render.render(
            "domain_set",
            csrf=token,
            uid=uid,
            enabled="checked" if domain.enabled else "",
            mailboxes=_choices(context, who, domain),
            note=domain.note,
            longest=str(own_domain.MAX_NOTE),
            on_the_fly="checked" if domain.on_the_fly else "",
            per_day=str(domain.fly_per_day),
            most=str(own_domain.MOST_A_DAY),
            name=domain.name,
        )
    return room.show(
        context,
        request,
        who,
        LIST,
        "domain",
        domain.name,
        status=200 if wrong is None else wrong.http_status,
        wrong=room.wrong(wrong),
        name=domain.name,
        uid=uid,
        badge=render.render("domain_verified" if domain.verified_at else "domain_claimed"),
        middle=middle,
        aliases="1 alias" if many == 1 else f"{many:,} aliases",
    )


def _choices(context: Context, who: SignedIn, domain: Domain) -> Safe:
    """The mailboxes to which new aliases may forward."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        own = mailboxes.of_user(db, who.user_id)
        chosen = domain_mailboxes.of(db, domain.id)
    return render.join(
        [
            render.render("option", value="", words="your default mailbox"),
            *(
                render.render(
                    "option_chosen" if one.id == chosen else "option",
                    value=str(one.uid),
                    words=one.address(context.ring),
                )
                for one in own
                if one.verified_at is not None
            ),
        ]
    )
