"""Each endpoint of the APIs says what it takes and gives, and says it where no request pays for it."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

import tiers
from postern.web.api.openapi.document import document
from postern.web.api.openapi.entries import DIALECTS

every_dialect = pytest.mark.parametrize(
    ("routes", "groups"), [one[1:] for one in DIALECTS], ids=[one[0] for one in DIALECTS]
)


@every_dialect
def test_each_route_has_one_contract_and_each_contract_its_route(routes, groups):
    entries = Counter(key for contracts in groups.values() for key in contracts)
    assert set(routes) - set(entries) == set(), "these routes have no contract (web/api/contract.py says how)"
    assert set(entries) - set(routes) == set(), "these contracts have no route"
    assert [key for key, many in entries.items() if many > 1] == []


@every_dialect
def test_contracts_are_whole(routes, groups):
    for contracts in groups.values():
        for (method, path), contract in contracts.items():
            assert contract.says.endswith("."), path
            assert path.count("*") <= 1, f"{path}: the document calls it id"
            assert contract.answers or "always fails" in contract.says, path
            assert method != "GET" or not contract.body, path


def test_the_document_tells_each_endpoint_once_under_a_name_of_its_own():
    told = [one for path in document()["paths"].values() for one in path.values()]
    assert len(told) == sum(len(routes) for _, routes, _ in DIALECTS)
    assert len({one["operationId"] for one in told}) == len(told)


IMPORT_ALL = """
import sys
from importlib import import_module
from postern.web.api import door, problem
for start in ("/api/", "/api/v1/"):
    for endpoint in door.routes(start).values():
        if not endpoint.where.startswith("openapi."):
            import_module("postern.web.api." + endpoint.where.partition(":")[0])
print(*[name for name in sys.modules if "contract" in name or "openapi" in name])
"""


def test_no_request_pays_for_contracts():
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL],
        env={"PYTHONPATH": str(tiers.TOP / "lib")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""
