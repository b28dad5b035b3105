"""The apps that people use Postern by, and how each is told where the server is: for the page of them, and for `postern app`.

Which of their calls work, and how that was tried: docs/clients/.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.store.api_keys import ALIASES, ALL, KEY, PASSWORD

SITE = "{site}"
"""Stands for the server's address in a step."""

MANAGERS, EXTENSIONS, PHONES, SCRIPTS = (
    "Password managers",
    "Browser extensions",
    "On the phone",
    "Scripts",
)


@dataclass(frozen=True)
class App:
    """One of them. `name`: as people know it; `key`: as an address and a command line have it; `kind` and `scope`: of what is
    made for it under API keys; `steps`: sentences, in order; `scans`: it reads its set-up off a screen."""

    key: str
    name: str
    group: str
    kind: str
    scope: str
    steps: tuple[str, ...]
    scans: bool = False

    def steps_at(self, url: str) -> tuple[str, ...]:
        """The steps for the server at this address."""
        return tuple(step.replace(SITE, url.rstrip("/")) for step in self.steps)


APPS = (
    App(
        "bitwarden",
        "Bitwarden",
        MANAGERS,
        KEY,
        ALIASES,
        (
            "Open the generator, choose Username, and as its type Forwarded email alias.",
            "As the service choose SimpleLogin.",
            "Server URL: {site}",
            "API key: the one that you made.",
        ),
    ),
    App(
        "keyguard",
        "Keyguard",
        MANAGERS,
        KEY,
        ALIASES,
        (
            "Open the generator, and add an email forwarder of the kind addy.io.",
            "Server (base URL): {site}",
            "API token: the key that you made. Domain: one of those under Domains.",
        ),
    ),
    App(
        "simplelogin-extension",
        "SimpleLogin’s extension",
        EXTENSIONS,
        KEY,
        ALL,
        (
            "Open its settings, and put in as API URL: {site}",
            "Sign in with the API key that you made.",
        ),
    ),
    App(
        "addy-extension",
        "addy.io’s extension",
        EXTENSIONS,
        KEY,
        ALL,
        (
            "On its first screen, put in as the instance: {site}",
            "Sign in with the API key that you made.",
        ),
    ),
    App(
        "simplelogin-phone",
        "SimpleLogin, for Android and iOS",
        PHONES,
        PASSWORD,
        ALL,
        (
            "On the screen where you sign in, change the API URL to: {site}",
            "Sign in with the address of your mailbox and the app password that you made. An API key does as well.",
        ),
    ),
    App(
        "addy-phone",
        "addy.io, for Android and iOS",
        PHONES,
        KEY,
        ALL,
        (
            "Make a key, and scan the code that is shown beside it. That is all.",
            "Or type it in: the key, and as the instance: {site}",
        ),
        scans=True,
    ),
    App(
        "addymanager",
        "AddyManager, for Android and iOS",
        PHONES,
        KEY,
        ALL,
        (
            "On its first screen choose that you host the server yourself.",
            "Instance URL: {site}",
            "API key: the one that you made.",
        ),
    ),
    App(
        "script",
        "The shell",
        SCRIPTS,
        KEY,
        ALIASES,
        (
            "Send the key along with each request: curl -X POST -H 'Authentication: KEY' {site}/api/alias/random/new",
            "What else can be asked: {site}/api/openapi.json",
        ),
    ),
)

BY_KEY = {one.key: one for one in APPS}
