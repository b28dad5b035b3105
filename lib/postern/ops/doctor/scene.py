"""What the checks look at: one instance, opened once and as far as it lets itself be opened.

What several checks need is found out once. Nothing is changed by looking.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from postern.base.database import SYSTEM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeVar

    from postern.base.database import Database
    from postern.base.settings import Config
    from postern.flow.context import Context

    T = TypeVar("T")


@dataclass
class Scene:
    """`load` reads the settings and `open` the whole instance, each once; both may raise ConfigError. `now` is Unix time.

    `pages`: the paths of the site's pages. `ca_file`: CA certificates to trust for the site, empty for the system's.
    `resident` asks the process that stays what it holds; None: there is none.
    `domains` and `selectors`: what `doctor dns` is asked for, empty for all domains and for the selectors that are known.
    """

    home: str
    now: float
    load: Callable[[], Config]
    open: Callable[[], Context]
    pages: tuple[str, ...] = ("/",)
    ca_file: str = ""
    domains: tuple[str, ...] = ()
    selectors: tuple[str, ...] = ()
    inbound: str = ""
    resident: Callable[[], dict[str, Any] | None] = lambda: None
    _kept: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, find: Callable[[], T]) -> T:
        """What `find` finds, the first time."""
        if name not in self._kept:
            self._kept[name] = find()
        kept: T = self._kept[name]
        return kept

    @property
    def config(self) -> Config:
        """The settings. ConfigError."""
        return self.once("config", self.load)

    @property
    def context(self) -> Context:
        """The instance. ConfigError."""
        return self.once("context", self.open)

    @property
    def url(self) -> str:
        """The site's address without a slash at its end."""
        return self.config.url.rstrip("/")

    @contextlib.contextmanager
    def database(self) -> Iterator[Database]:
        """A transaction that crosses users; no key is needed for it. PosternError when the database cannot be used."""
        from postern.base.pool import Pool

        pool = self.once("pool", lambda: Pool(self.config))
        with pool.connection() as db, db.transaction(SYSTEM):
            yield db

    def close(self) -> None:
        """Close what was opened."""
        for name in ("pool", "context"):
            found = self._kept.pop(name, None)
            if found is not None:
                getattr(found, "pool", found).close()
