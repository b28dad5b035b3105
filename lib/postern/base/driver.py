"""pg8000 for a process that answers one request: imported without what a connection in clear never uses.

Four fifths of a cold CGI request that asks the database were pg8000's own imports (docs/performance.md), and most of these
serve what does not occur here: certificates for TLS channel binding (asn1crypto, ssl), times in formats other than the
server's own (dateutil), version numbers (importlib.metadata). While pg8000 is imported and connects, stand-ins lie in their
places; then they are gone, and who needs one later gets the real one.

Not for connections with TLS, nor for a process with threads: another might import ssl just then.
What a stand-in must offer is held against the pinned packages by tests/base/test_driver.py.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


@contextlib.contextmanager
def lean() -> Iterator[None]:
    """Import pg8000 and connect inside of this; outside, everything is as ever."""
    if "pg8000" in sys.modules or threading.active_count() > 1:
        yield
        return
    ours = {name: module for name, module in _stand_ins().items() if name not in sys.modules}
    sys.modules.update(ours)
    try:
        yield
    finally:
        for name in ours:
            del sys.modules[name]


def _stand_ins() -> dict[str, ModuleType]:
    """The module of each name, as far as pg8000 and scramp look into it."""
    never: Any = type("Never", (), {})
    return {
        "asn1crypto": _package("asn1crypto", pem=None),
        "asn1crypto.x509": _module("asn1crypto.x509", Certificate=never),
        "dateutil": _package("dateutil"),
        "dateutil.parser": _module("dateutil.parser", ParserError=ValueError, parse=_parse_date),
        "importlib.metadata": _module("importlib.metadata", version=_no_version),
        "ssl": _module("ssl", SSLObject=never, SSLSocket=never),
    }


def _no_version(_name: str) -> str:
    return "0"


def _parse_date(text: str) -> object:
    """dateutil's own, for a time that is not in the server's usual format."""
    from importlib import import_module

    return import_module("dateutil.parser").parse(text)


def _module(name: str, **holds: object) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(holds)
    return module


def _package(name: str, **holds: object) -> ModuleType:
    return _module(name, __path__=[], **holds)
