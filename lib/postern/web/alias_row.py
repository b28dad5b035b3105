"""An alias as a row of a list, and the notice with which a deletion is taken back."""

from __future__ import annotations

from postern.web import render, room, times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postern.flow.context import Context
    from postern.store.aliases import Alias
    from postern.store.mailboxes import Mailbox
    from postern.store.sessions import SignedIn
    from postern.web.render import Safe


def rows(
    context: Context,
    who: SignedIn,
    found: Sequence[Alias],
    links: Mapping[int, Sequence[int]],
    own: Sequence[Mailbox],
) -> Safe:
    """The rows of these aliases. `links`: alias id to the ids of its mailboxes."""
    csrf = room.csrf_token(context, who)
    usual = [one.id for one in own if one.is_default]
    addresses = {one.id: one.address(context.ring) for one in own}
    return render.join(_row(csrf, one, _mailboxes(links[one.id], usual, addresses)) for one in found)


def _row(csrf: str, alias: Alias, where: str) -> Safe:
    return render.render(
        "alias_row",
        csrf=csrf,
        uid=str(alias.uid),
        address=render.address(alias.address),
        plain=alias.address,
        note=render.render("alias_row_note", note=alias.note) if alias.note else render.EMPTY,
        pinned=render.render("alias_row_pin") if alias.pinned else render.EMPTY,
        where=render.render("alias_row_where", where=where) if where else render.EMPTY,
        forwarded=f"{alias.forwarded:,}",
        blocked=f"{alias.blocked:,}",
        replied=f"{alias.replied:,}",
        seen=render.render("alias_row_seen", day=times.day(alias.seen_at))
        if alias.seen_at
        else render.render("alias_row_unused"),
        switch=switch(csrf, alias),
    )


def switch(csrf: str, alias: Alias) -> Safe:
    """On and off, as one button. A deleted alias has none."""
    if alias.deleted_at is not None:
        return render.render("alias_row_deleted", since=times.day(alias.deleted_at))
    name = "alias_switch_on" if alias.enabled else "alias_switch_off"
    return render.render(name, csrf=csrf, uid=str(alias.uid), plain=alias.address)


def _mailboxes(links: Sequence[int], usual: Sequence[int], addresses: Mapping[int, str]) -> str:
    """Where it forwards, when that is not the default mailbox alone."""
    if list(links) == list(usual):
        return ""
    return ", ".join(addresses[one] for one in links if one in addresses) or "no mailbox"


def undo(context: Context, who: SignedIn, alias: Alias | None) -> Safe:
    """The notice after a deletion, with the button that takes it back."""
    if alias is None or alias.deleted_at is None:
        return render.EMPTY
    token = room.csrf_token(context, who)
    return render.render("alias_undo", csrf=token, uid=str(alias.uid), address=alias.address)
