"""/settings/apps: how password managers, browser extensions and phone apps are told where this server is."""

from __future__ import annotations

from postern.flow import apps
from postern.store import api_keys
from postern.web import qr_picture, render, room, session
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.apps import App
    from postern.flow.context import Context
    from postern.store.sessions import SignedIn
    from postern.web.render import Safe
    from postern.web.request import Request
    from postern.web.response import Response

PATH = "/settings/apps"

_MAKE = {api_keys.KEY: "Make a key", api_keys.PASSWORD: "Make an app password"}


@session.page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /settings/apps; `?app=` opens one."""
    site = context.config.url.rstrip("/")
    opened = request.query("app")
    groups = dict.fromkeys(one.group for one in apps.APPS)
    return room.show(
        context,
        request,
        who,
        "/settings",
        "apps",
        "Apps",
        tabs=room.tabs("Settings", room.SETTINGS_TABS, PATH),
        site=site,
        qr=qr_picture.picture(site, "QR code with the server’s address"),
        groups=render.join(
            render.render(
                "app_group",
                name=name,
                apps=render.join(
                    _app(one, site, one.key == opened) for one in apps.APPS if one.group == name
                ),
            )
            for name in groups
        ),
    )


@session.page
def moved(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /settings/api: where addy.io's apps send people for a key."""
    return responses.redirect("/settings/api-keys")


def _app(one: App, site: str, is_open: bool) -> Safe:
    return render.render(
        "app",
        key=one.key,
        name=one.name,
        steps=render.join(render.render("app_step", words=_words(step, site)) for step in one.steps),
        make=_MAKE[one.kind],
        open="open" if is_open else "",
    )


def _words(step: str, site: str) -> Safe:
    """A sentence, with the address to copy in it."""
    before, found, after = step.partition(apps.SITE)
    if not found:
        return render.join((step,))
    if after.startswith("/") or "curl" in before:
        label, _, command = before.partition(": ")
        return render.render("app_value", before=f"{label}:", value=f"{command}{site}{after}", after="")
    return render.render("app_value", before=before, value=site, after=after)
