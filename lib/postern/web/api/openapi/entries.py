"""The endpoints of both dialects with their contracts, as the document and its page tell them."""

from __future__ import annotations

from dataclasses import dataclass

from postern.web.api.addy.contracts.table import GROUPS as ADDYS
from postern.web.api.addy.routes import ROUTES as ADDYS_ROUTES
from postern.web.api.simplelogin.contracts.table import GROUPS as SIMPLELOGINS
from postern.web.api.simplelogin.routes import ROUTES as SIMPLELOGINS_ROUTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.web.api.contract import Contract
    from postern.web.api.endpoint import Endpoint

DIALECTS = (
    ("SimpleLogin", SIMPLELOGINS_ROUTES, SIMPLELOGINS),
    ("addy.io", ADDYS_ROUTES, ADDYS),
)
"""Name, routes, contracts by heading."""


@dataclass(frozen=True)
class Entry:
    """One endpoint. `path` as the route table has it."""

    dialect: str
    heading: str
    method: str
    path: str
    endpoint: Endpoint
    contract: Contract

    @property
    def template(self) -> str:
        """The path with names for its parts: /api/aliases/{id}/toggle."""
        return self.path.replace("*", "{id}")


def entries() -> Iterator[Entry]:
    """All of them, by dialect and heading."""
    for dialect, routes, groups in DIALECTS:
        for heading, contracts in groups.items():
            for (method, path), contract in contracts.items():
                yield Entry(dialect, heading, method, path, routes[method, path], contract)
