"""Clients of the two APIs, asking the real application in this process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from postern.flow import api_keys, app_passwords
from postern.flow.api_keys import Wanted
from postern.store.api_keys import ALL, PASSWORD
from support.people import Person, Site
from support.wsgi import Answer, ask


def new_key(site: Site, person: Person, scope: str = ALL) -> str:
    """A key of that person."""
    key = api_keys.make(site.context, person.id, Wanted("a test", scope, None))
    site.run("DELETE FROM messages WHERE user_id = :id", id=person.id)  # the notice counts against a limit
    return key


@dataclass
class Client:
    """Asks with a key; `heads` are the headers that carry it."""

    site: Site
    key: str

    def heads(self) -> dict[str, str]:
        raise NotImplementedError

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; `body` becomes JSON, bytes go as they are. Names of headers with _ for -."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {**self.heads(), **{name.replace("_", "-"): value for name, value in headers.items()}}
        if data and not any(name.lower() == "content-type" for name in sent):
            sent["Content-Type"] = "application/json"
        return ask(self.site.app, method, path, sent, data, QUERY_STRING=urlsplit(path).query)

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.ask("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.ask("PUT", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.ask("PATCH", path, body, **headers)

    def delete(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.ask("DELETE", path, body, **headers)


class SimpleLogin(Client):
    """With the bare key in its own header."""

    def heads(self) -> dict[str, str]:
        return {"Authentication": self.key}


class Addy(Client):
    """With a bearer token."""

    def heads(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.key}",
            "X-Requested-With": "XMLHttpRequest",
            "Accept": "application/json",
        }


def new_password(site: Site, person: Person, scope: str = ALL) -> str:
    """A fresh app password; the notice of it is taken out of the queue."""
    password = app_passwords.make(site.context, person.id, Wanted("Phone", scope, None, PASSWORD))
    site.run("DELETE FROM messages WHERE user_id = :id", id=person.id)
    return password
