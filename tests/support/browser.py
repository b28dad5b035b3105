"""Chromium, and people who use the site with it.

    every_look                              a test for phone and desktop, by day and by night, with and without JavaScript
    with open_chromium() as chromium        one browser; a Visitor has a profile of his own in it
    with open_served(cluster, …) as site    a Site (support/people.py) at http://localhost:PORT, on the project's own server

A Visitor does what people do, by the words that they read: go, press, fill, pick, tick, see. When he has come to a page, and
when he is done, a Judge looks at it (support/judge.py); `finish()` fails with all its faults. Not here: the fixtures
(tests/browser/conftest.py).

Pictures are taken when POSTERN_TESTS_SHOTS names a folder: <name>-<look>.webp.
"""

from __future__ import annotations

import base64
import contextlib
import os
import pathlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

import tiers
from postern.base.database import SYSTEM
from postern.flow import sign_in
from postern.ops.local.superuser import Superuser
from postern.ops.serve import make_server
from support.judge import Judge
from support.people import Person, Site, open_site

PATIENCE_MS = 60_000
"""How long a visitor waits for what should be there before the test fails. Never how long it takes."""

DEVICES: dict[str, dict[str, Any]] = {
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
    "desktop": {"viewport": {"width": 1280, "height": 900}},
}

THEMES = ("light", "dark")

FLAGS = (
    "--disable-gpu",
    # Nothing but this machine can be reached: a page that asks for more fails, and Chromium's own errands end at once.
    "--host-resolver-rules=MAP localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost",
    "--disable-background-networking",
    "--disable-domain-reliability",
    "--disable-features=OptimizationHints,MediaRouter,AutofillServerCommunication",
)


@dataclass(frozen=True)
class Look:
    """What a visitor holds in his hands."""

    device: str = "desktop"
    theme: str = "light"
    script: bool = True

    def __str__(self) -> str:
        return f"{self.device}-{self.theme}{'' if self.script else '-plain'}"


DESKTOP, PHONE = Look(), Look("phone")
LOOKS = [Look(device, theme, script) for device in DEVICES for theme in THEMES for script in (True, False)]
few_looks = pytest.mark.parametrize("look", [DESKTOP, Look("phone", "dark", script=False)], ids=str)
"""Each device, theme and way once, for long ways; tests/browser/test_tour.py looks at every page in all of them."""

every_look = pytest.mark.parametrize("look", LOOKS, ids=str)


@contextlib.contextmanager
def open_chromium() -> Iterator[Any]:
    """Debian's Chromium, without a window, and without a sandbox: that needs rights which containers withhold."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=tiers.program("chromium-headless-shell"), args=FLAGS
        )
        try:
            yield chromium
        finally:
            chromium.close()


@contextlib.contextmanager
def open_served(cluster: Superuser, folder: pathlib.Path, **settings: str) -> Iterator[Site]:
    """A Site whose application a browser can reach. Its address is known only once the server listens."""
    with open_site(cluster, folder, **settings) as site, make_server(site.app, "127.0.0.1", 0) as server:
        site.instance.write_env(POSTERN_URL=f"http://localhost:{server.server_port}")
        site.context = site.instance.context()
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
            site.instance.wait_for_drain()


class Visitor:
    """A person at a browser that nobody has used before."""

    def __init__(self, chromium: Any, site: Site, look: Look) -> None:
        self.site = site
        self.look = look
        self._context = chromium.new_context(
            base_url=site.context.config.url,
            color_scheme=look.theme,
            java_script_enabled=look.script,
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="UTC",
            permissions=["clipboard-read", "clipboard-write"],
            **DEVICES[look.device],
        )
        self._context.set_default_timeout(PATIENCE_MS)
        self.page = self._context.new_page()
        self.judge = Judge(self.page, str(look), script=look.script)

    @property
    def path(self) -> str:
        """Where the visitor is."""
        return str(urlsplit(self.page.url).path)

    def go(self, path: str, *, status: int = 200) -> None:
        """Open a page by its address; `status` is what it must answer with."""
        with self._step(status):
            self.page.goto(path)

    def press(self, name: str, *, within: str = "", leads_to: str = "", status: int = 200) -> None:
        """The one button, link, or fold-out that is called so; `within`: in the row or section that has this text.

        `leads_to`: the path of the page that comes once a script is done; for others the browser is known to wait.
        """
        with self._step(status, leads_to):
            self._control(name, within).click()

    def fill(self, label: str, text: str) -> None:
        """Type into the field of this label."""
        self._field(label).fill(text)

    def pick(self, label: str, option: str) -> None:
        """Choose from the list of this label."""
        self._field(label).select_option(label=option)

    def tick(self, label: str, *, on: bool = True) -> None:
        """The check box or radio button of this label."""
        self._field(label).set_checked(on)

    def choose_file(self, label: str, file: pathlib.Path) -> None:
        """In the field of this label."""
        self._field(label).set_input_files(file)

    def key(self, key: str, *, leads_to: str = "", status: int = 200) -> None:
        """Press a key of the keyboard, by Playwright's name for it; `leads_to` as above."""
        with self._step(status, leads_to):
            self.page.keyboard.press(key)

    def see(self, text: str) -> None:
        """It stands on the page, for eyes."""
        from playwright.sync_api import expect

        expect(self._visible(text).first, f"{self.path} shows {text!r}").to_be_visible()

    def see_no(self, text: str) -> None:
        """It does not, or not any more."""
        from playwright.sync_api import expect

        expect(self._visible(text), f"{self.path} does not show {text!r}").to_have_count(0)

    def download(self, name: str) -> bytes:
        """What the browser keeps after this button or link is pressed."""
        with self.page.expect_download() as waiting:
            self._control(name, "").click()
        return pathlib.Path(waiting.value.path()).read_bytes()

    def shot(self, name: str) -> None:
        """A picture of the whole page, where pictures are asked for."""
        folder = os.environ.get("POSTERN_TESTS_SHOTS")
        if not folder:
            return
        devtools = self._context.new_cdp_session(self.page)
        size = devtools.send("Page.getLayoutMetrics")["cssContentSize"]
        whole = {"clip": {**size, "scale": 1}, "captureBeyondViewport": True}
        # Of all formats the smallest for pages; Playwright's own way to take pictures does not know it.
        taken = devtools.send("Page.captureScreenshot", {"format": "webp", "quality": 80, **whole})
        devtools.detach()
        path = pathlib.Path(folder, f"{name}-{self.look}.webp")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def sign_in(self, person: Person) -> None:
        """By a link of the operator's."""
        with self.site.context.pool.connection() as db, db.transaction(SYSTEM):
            link = sign_in.make_link(self.site.context, db, person.user)
        self.go(urlsplit(link).path)
        self.press(f"Sign in as {person.handle}")

    def authenticator(self) -> Authenticator:
        """Plug in a device that holds passkeys and says yes to everything."""
        return Authenticator(self._context.new_cdp_session(self.page))

    def finish(self) -> None:
        """The last look, and good-bye. Fails with everything that the Judge found."""
        if not self.page.is_closed():
            try:
                self.judge.look()
            finally:
                self._context.close()
        assert not self.judge.faults, "\n".join(self.judge.faults)

    @contextlib.contextmanager
    def _step(self, status: int, leads_to: str = "") -> Iterator[None]:
        """What may lead to another page."""
        self.judge.status = status
        if leads_to:
            with self.page.expect_navigation(url=lambda url: urlsplit(url).path == leads_to):
                yield
        else:
            yield
        self.page.wait_for_load_state()
        assert self.judge.status == status, (
            f"{self.path}: {self.judge.status}\n{self.page.inner_text('body')}"
        )
        self.judge.look()

    def _control(self, name: str, within: str) -> Any:
        place = self.page.locator("body")
        if within:
            place = self.page.locator("li, tr, article, section, fieldset").filter(has_text=within).last
        found = place.get_by_role("button", name=name, exact=True)
        for role in ("link", "switch"):
            found = found.or_(place.get_by_role(role, name=name, exact=True))
        return found.or_(place.locator("summary").get_by_text(name, exact=True)).filter(visible=True)

    def _field(self, label: str) -> Any:
        return self.page.get_by_label(label, exact=True).and_(self.page.locator("input, select, textarea"))

    def _visible(self, text: str) -> Any:
        return self.page.get_by_text(text).filter(visible=True)


class Authenticator:
    """Chromium's virtual authenticator (the WebAuthn domain of its DevTools protocol)."""

    def __init__(self, devtools: Any) -> None:
        self._devtools = devtools
        devtools.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        made = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._id = {"authenticatorId": made["authenticatorId"]}

    @property
    def credentials(self) -> list[dict[str, Any]]:
        """The passkeys that it holds."""
        found: list[dict[str, Any]] = self._devtools.send("WebAuthn.getCredentials", self._id)["credentials"]
        return found

    def touch(self, *, on: bool = True) -> None:
        """Whether somebody touches it when it asks for that; where nobody does, it waits."""
        self._devtools.send("WebAuthn.setAutomaticPresenceSimulation", {**self._id, "enabled": on})

    def refuse(self) -> None:
        """From now on its owner does not show who he is: wrong finger, wrong PIN."""
        self._devtools.send("WebAuthn.setUserVerified", {**self._id, "isUserVerified": False})
