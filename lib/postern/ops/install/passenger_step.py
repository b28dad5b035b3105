"""The Passenger step: the panel is told about the app, or the operator what to give to the host; then it is started anew."""

from __future__ import annotations

import os
import pwd
from urllib.parse import urlsplit

from postern.ops.install import passenger
from postern.ops.install.doors import python
from postern.ops.install.installation import Installation, Step, StepFailed
from postern.ops.install.web_server import mode, panel


def _app(site: Installation) -> passenger.App:
    domain = urlsplit(site.answers.get("POSTERN_URL")).hostname or ""
    return passenger.App(site.top, pwd.getpwuid(os.geteuid()).pw_dir, domain, python())


def _kind(site: Installation) -> str:
    return panel(site) or "stock"


def _plan(site: Installation) -> str:
    return passenger.plan(_kind(site), _app(site)) if mode(site) == "passenger" else ""


def _do(site: Installation) -> str:
    if mode(site) != "passenger":
        return "not used: CGI"
    hidden = passenger.in_the_way(site.top)
    if hidden:
        raise StepFailed(
            f"{', '.join(hidden)} in {site.top} would stand before pages of Postern.",
            "Move them away, or delete them.",
        )
    kind, app = _kind(site), _app(site)
    registered = passenger.register(kind, app)
    passenger.restart(site.top)
    if kind == "stock":
        user = pwd.getpwuid(os.geteuid()).pw_name
        site.next_steps.append(
            f"If the site does not run under Passenger yet, the host adds to its virtual host:\n{passenger.vhost(app, user)}"
        )
    return f"{kind}, {'registered' if registered else 'as it must be'}, started anew"


def _undo(site: Installation) -> str:
    gone = passenger.unregister(panel(site), _app(site))
    return "taken out of the panel" if gone else "nothing was registered"


PASSENGER = Step("Passenger", _plan, _do, _undo)
