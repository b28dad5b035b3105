"""Passenger: which of its three kinds a host has, the panel told about the app, and how the app is started anew.

    cpanel       cPanel's own: the app is registered through `uapi`; takes no directive from .htaccess
    cloudlinux   CloudLinux's "Setup Python App": its program registers the app (cloudlinux.py)
    stock        Apache with Phusion's module: the host's administrator writes vhost() into the virtual host

The app root is the program's folder, and that is the document root. The module leaves the files of a document root to
Apache, so .htaccess (htaccess-passenger.conf) lets none through but static/.
Not here: that file, and whether an operator wants Passenger (web_server.py).
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass

from postern.base.config import read_file
from postern.ops.install import cloudlinux, cpanel
from postern.ops.install.answers import DOOR
from postern.ops.install.cpanel import CpanelRefused
from postern.ops.install.installation import StepFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NOTICED_SECONDS = 10
"""Passenger looks for tmp/restart.txt that often (PassengerStatThrottleRate)."""

LONGEST_NAME = 50
"""Characters of an app's name in cPanel."""


@dataclass(frozen=True)
class App:
    """What a panel is told. `account`: the account's own folder; `python`: the interpreter that install.sh chose."""

    top: str
    account: str
    domain: str
    python: str

    @property
    def root(self) -> str:
        """The program's folder as panels want it: from the account's on."""
        path = os.path.relpath(os.path.realpath(self.top), os.path.realpath(self.account))
        if path.startswith(".."):
            raise StepFailed(
                f"{self.top} does not lie in {self.account}, so no panel can run an app there.",
                "Put the program into the account's own folder, or answer POSTERN_INSTALL_DOOR=cgi.",
            )
        return path

    @property
    def name(self) -> str:
        """For cPanel; an account may have several."""
        domain = re.sub(r"[^A-Za-z0-9]+", "-", self.domain)
        return "postern-" + domain[-(LONGEST_NAME - len("postern-")) :]


def kind(top: str, home: str) -> str:
    """`cloudlinux` or `cpanel` where such a panel offers Passenger, `stock` where .env asks for it without one, else empty."""
    # CloudLinux first: where it runs cPanel, its module is the one that Apache has.
    if cloudlinux.available(top):
        return "cloudlinux"
    if _cpanel_offers():
        return "cpanel"
    # Whether Apache has the module cannot be seen from an account.
    return "stock" if read_file(os.path.join(home, ".env"))[0].get(DOOR) == "passenger" else ""


def plan(kind: str, app: App) -> str:
    """What register() would do; empty when the panel has it so, or there is none to tell."""
    if kind == "cpanel":
        return _cpanel_plan(app)[0]
    return cloudlinux.plan(app.top, app.root, app.domain) if kind == "cloudlinux" else ""


def register(kind: str, app: App) -> bool:
    """Tell the panel about the app. False: it had it so, or there is no panel to tell."""
    if kind == "cloudlinux":
        return cloudlinux.register(app.top, app.root, app.domain)
    if kind != "cpanel":
        return False
    said, function, arguments = _cpanel_plan(app)
    if said:
        cpanel.call("PassengerApps", function, **arguments)
    return bool(said)


def unregister(kind: str, app: App) -> bool:
    """Take the app out of the panel; False when it has none, or there is no panel."""
    if kind == "cloudlinux":
        return cloudlinux.unregister(app.top, app.root)
    name, there = _cpanel_app(app) if kind == "cpanel" else ("", {})
    if there:
        cpanel.call("PassengerApps", "unregister_application", name=name)
    return bool(there)


def restart(top: str) -> None:
    """Have the app started anew: at its next request, once Passenger has noticed (NOTICED_SECONDS)."""
    folder, path = os.path.join(top, "tmp"), os.path.join(top, "tmp", "restart.txt")
    try:
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)  # noqa: S103 - Passenger looks into it as another user
        with open(path, "ab"):
            before = os.stat(path).st_mtime
        # It compares whole seconds: a second call within one must show as well.
        when = max(time.time(), before + 1)
        os.utime(path, (when, when))
    except OSError as error:
        raise StepFailed(
            f"{path} cannot be written ({error.strerror}), so Passenger goes on with the old program.",
            "See that the disk has room and that the folder belongs to this account, then run install.sh again.",
        ) from None


def in_the_way(top: str) -> list[str]:
    """HTML files that hide pages: Passenger takes index.html for / and page.html for /page, and .htaccess then refuses."""
    return sorted(name for name in os.listdir(top) if name.endswith(".html"))


def vhost(app: App, user: str) -> str:
    """What the host's administrator adds to the virtual host, where Passenger is Phusion's own."""
    return f"""\
DocumentRoot "{app.top}"
PassengerEnabled on
PassengerAppRoot "{app.top}"
PassengerAppType wsgi
PassengerStartupFile passenger_wsgi.py
PassengerAppEnv production
PassengerFriendlyErrorPages off
PassengerPython "{app.python}"
PassengerUser {user}
<Directory "{app.top}">
    AllowOverride AuthConfig FileInfo Options
    Require all granted
</Directory>
"""


def _cpanel_offers() -> bool:
    """The host may have switched the feature off."""
    if not cpanel.available():
        return False
    try:
        cpanel.call("PassengerApps", "list_applications")
    except CpanelRefused:
        return False
    return True


def _cpanel_app(app: App) -> tuple[str, dict[str, Any]]:
    """Name and entry of the app that runs this folder, whatever it is called."""
    listed: dict[str, dict[str, Any]] = cpanel.call("PassengerApps", "list_applications") or {}
    for name, entry in listed.items():
        # The manual shows absolute paths in the list, and takes relative ones.
        if os.path.realpath(os.path.join(app.account, str(entry.get("path")))) == os.path.realpath(app.top):
            return name, entry
    return app.name, {}


def _cpanel_plan(app: App) -> tuple[str, str, dict[str, str]]:
    """In words, the function to call, and its arguments."""
    name, there = _cpanel_app(app)
    wanted = {"domain": app.domain, "base_uri": "/", "deployment_mode": "production", "enabled": "1"}
    if not there:
        said = f"register {app.root} for {app.domain} as {name} in cPanel's Application Manager"
        return said, "register_application", {"name": name, "path": app.root, **wanted}
    wrong = [key for key, value in wanted.items() if str(there.get(key)) != value]
    said = f"change {' and '.join(wrong)} of {name} in cPanel's Application Manager" if wrong else ""
    return said, "edit_application", {"name": name, **wanted}
