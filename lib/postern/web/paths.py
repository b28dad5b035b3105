"""The paths of a route table: which one a request means, and the refusal when it means none.

A table is keyed by method and path. A part `*` of a path stands for any one part: an id or a token, which the handler finds
with request.part(n).
"""

from __future__ import annotations

from postern.base.errors import BadInput, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from postern.base.errors import PosternError

UNKNOWN = "*"


class MethodNotAllowed(BadInput):
    """The path is ours, the method is not; `allowed` goes into the answer (RFC 9110 15.5.6)."""

    http_status = 405

    def __init__(self, allowed: str) -> None:
        super().__init__("This address does not take that method.", f"It takes: {allowed}.")
        self.allowed = allowed


class Paths:
    """The paths of one table."""

    def __init__(self, table: Iterable[tuple[str, str]]) -> None:
        self._methods: dict[str, list[str]] = {}
        for method, path in table:
            self._methods.setdefault(path, []).append(method)
        self._shapes = sorted(tuple(path.split("/")) for path in self._methods if "*" in path)

    def pattern(self, path: str) -> str:
        """The path as the table names it; that of an unknown page is UNKNOWN: who knows what stands in it."""
        if path in self._methods:
            return path
        parts = path.split("/")
        for shape in self._shapes:
            if len(shape) == len(parts) and all(one in ("*", part) for one, part in zip(shape, parts)):
                return "/".join(shape)
        return UNKNOWN

    def refusal(self, pattern: str) -> PosternError:
        """What to raise for a method that this path does not take, or for a path that is none."""
        allowed = sorted(self._methods.get(pattern, ()))
        if allowed:
            return MethodNotAllowed(", ".join(allowed + ["HEAD"] * ("GET" in allowed)))
        return NotFound("There is no page at this address.", "Check it, or start at the front page.")
