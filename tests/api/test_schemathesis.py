"""The answers are as the document says, whatever is asked (schemathesis), and nothing of somebody else's is told or changed.

The real application on a real server over a real PostgreSQL. Each endpoint is asked what its contract allows and what it does
not, with ids of the asker's things and of a stranger's mixed in. The same cases each time: what is new in them comes with new
endpoints.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from postern.ops.serve import make_server
from postern.web.api.openapi.document import document
from postern.web.api.openapi.entries import Entry, entries
from support.api import SimpleLogin, new_key
from support.estate import MARK, Estate, furnish
from support.people import SHARED, Site

EXAMPLES = 12
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
THINGS = ("aliases", "contacts", "mailboxes", "domains")
THINGS_BY_WORD = {
    "contact": "contacts",
    "recipient": "mailboxes",
    "mailbox": "mailboxes",
    "alias": "aliases",
    "domain": "domains",
    "username": "domains",
}
"""A word in a path or in the name of a field -> the table that its ids are of; the first that fits counts."""

SCHEMA = schemathesis.openapi.from_dict(document())


def handlers() -> list[Entry]:
    """The endpoints, those that one function answers once: PGP has ten switches, none of which works."""
    return list({(one.method, one.endpoint.where): one for one in entries()}.values())


every_endpoint = pytest.mark.parametrize(
    "entry", handlers(), ids=lambda entry: f"{entry.method} {entry.path}"
)


@pytest.fixture(scope="module")
def address(pages: Site) -> Iterator[str]:
    """Where the application is served."""
    server = make_server(pages.app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with contextlib.closing(requests.Session()) as found:
        found.trust_env = False
        yield found


@pytest.fixture(scope="module")
def stranger(pages: Site) -> Estate:
    return furnish(pages)


class Asker:
    """Somebody with one of everything, a key for all, and what of his and of a stranger's a request may name."""

    def __init__(self, site: Site, stranger: Estate) -> None:
        self.estate = furnish(site)
        self.key = new_key(site, self.estate.person)
        own, others = self._things(site, self.estate), self._things(site, stranger)
        self.own = own
        self.any = {kind: own[kind] + others[kind] for kind in own}
        offered = SimpleLogin(site, self.key).get("/api/v5/alias/options").json["suffixes"]
        self.texts = {"domain": [SHARED], "signed_suffix": [one["signed_suffix"] for one in offered]}

    @staticmethod
    def _things(site: Site, estate: Estate) -> dict[str, list[tuple[int, str]]]:
        found: dict[str, list[tuple[int, str]]] = {}
        for table in THINGS:
            sql = f"SELECT id, CAST(uid AS text) FROM {table} WHERE user_id = :id ORDER BY id"
            found[table] = [
                (int(str(number)), str(uid)) for number, uid in site.run(sql, id=estate.person.id)
            ]
        return found

    def heads(self, entry: Entry) -> dict[str, str]:
        """What its client sends with each request."""
        if entry.dialect == "addy.io":
            return {"Authorization": f"Bearer {self.key}", "X-Requested-With": "XMLHttpRequest"}
        return {"Authentication": self.key}

    def id(self, words: str, dialect: str, data: st.DataObject) -> Any:
        """An id of what the words are about: three times of four his own, else a stranger's or of something else."""
        table = next((table for word, table in THINGS_BY_WORD.items() if word in words), "")
        nearer = self.own.get(table) or [one for things in self.any.values() for one in things]
        any_one = [one for things in self.any.values() for one in things]
        chosen = data.draw(st.sampled_from(nearer if data.draw(st.integers(0, 3)) else any_one))
        return chosen[dialect == "addy.io"]

    def meant(self, entry: Entry, name: str, value: Any, data: st.DataObject) -> Any:
        """The value of a field, or mostly one of the same kind that means something here."""
        is_list, is_id = isinstance(value, list), name.removesuffix("s").endswith("id")
        if not (is_id or name in self.texts) or not data.draw(st.integers(0, 3)):
            return value
        words = entry.path if name in ("id", "ids") else name
        several = range(data.draw(st.integers(1, 3)) if is_list else 1)
        found = [
            self.id(words, entry.dialect, data) if is_id else data.draw(st.sampled_from(self.texts[name]))
            for _ in several
        ]
        return list(dict.fromkeys(found)) if is_list else found[0]


def cases(entry: Entry) -> st.SearchStrategy[Any]:
    """What the contract allows; and what it does not, where anything can be wrong."""
    operation = SCHEMA[entry.template][entry.method]
    allowed = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if not (entry.contract.body or entry.contract.query):
        return allowed
    return st.one_of(allowed, allowed, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))


def rows_of(site: Site, estate: Estate) -> set[str]:
    """Every row that is the stranger's."""
    tables = site.run(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'postern' AND column_name = 'user_id'"
    )
    each = (f"SELECT '{table} ' || CAST(t AS text) FROM {table} t WHERE user_id = :id" for (table,) in tables)
    return {str(row[0]) for row in site.run(" UNION ALL ".join(each), id=estate.person.id)}


@every_endpoint
def test_each_answer_is_as_the_document_says(
    pages: Site, address: str, session: requests.Session, stranger: Estate, entry: Entry
):
    asker = Asker(pages, stranger)
    before = rows_of(pages, stranger)
    assert len(before) > 10

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases(entry), data=st.data())
    def ask(case: Any, data: st.DataObject) -> None:
        if "id" in case.path_parameters:
            case.path_parameters["id"] = asker.id(entry.path, entry.dialect, data)
        for fields in (case.query, case.body):
            for name in list(fields) if isinstance(fields, dict) else ():
                fields[name] = asker.meant(entry, name, fields[name], data)
        case.headers = {}
        answer = case.call(base_url=address, headers=asker.heads(entry), session=session)
        case.validate_response(answer, checks=CHECKS)
        assert f"{MARK}-alias-{stranger.person.id}@" not in answer.text

    ask()
    assert rows_of(pages, stranger) == before
