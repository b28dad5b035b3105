"""The WSGI application, and the one place where an error becomes an HTTP answer. Which page is where: web/routes.py."""

from __future__ import annotations

import threading
from dataclasses import replace

from postern.base.errors import BadInput, Busy, ConfigError, DatabaseUnavailable, PosternError, TooFast
from postern.base.hsts import hsts_value
from postern.web import limits
from postern.web import request as requests
from postern.web import response as responses
from postern.web.paths import MethodNotAllowed
from postern.web.routes import find_handler, pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from postern.flow.context import Context
    from postern.web.request import Request
    from postern.web.response import Response


class App:
    """The application of one process. The context is opened with the first request, and again after it failed."""

    def __init__(self, opener: Callable[[], Context]) -> None:
        self._opener = opener
        self._opening = threading.Lock()
        self._context: Context | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """WSGI (PEP 3333)."""
        request_id = "-"
        head_only = environ.get("REQUEST_METHOD") == "HEAD"
        try:
            request = requests.read(environ)
            request_id = request.id
            response = self._answer(request)
        except BadInput as error:
            response = _unreadable(environ, error)
        start_response(response.status_line, response.all_headers(request_id, self._hsts()))
        if response.stream is not None and not head_only:
            return response.stream[1]
        return [b"" if head_only else response.body]

    def context(self) -> Context:
        """What the handlers work with, opened when it is first asked for. ConfigError."""
        with self._opening:
            self._context = self._context or self._opener()
            return self._context

    def wants_resident(self) -> bool:
        """Whether the settings could be read, and want a helper that stays (resident/)."""
        return self._context is not None and self._context.config.resident == "on"

    def close(self) -> None:
        """Close its connections: a process that ends says goodbye to the database."""
        if self._context is not None:
            self._context.pool.close()

    def _hsts(self) -> str:
        """Strict-Transport-Security; never from a site at http:// (RFC 6797 7.2), which is on this machine."""
        config = self._context.config if self._context is not None else None
        return hsts_value(config.hsts) if config is not None and config.url.startswith("https://") else ""

    def _answer(self, request: Request) -> Response:
        try:
            context = self.context()
            bound = replace(context, log=context.log.with_fields(request=request.id))
            limits.check(bound, request)
            if request.is_api:
                from postern.web.api import door

                return door.answer(bound, request)
            return find_handler(request)(bound, request)
        except PosternError as error:
            return self._problem(request, error)
        except Exception as error:  # noqa: BLE001
            return self._problem(request, error)

    def _problem(self, request: Request, error: Exception) -> Response:
        """The visitor learns what he can do; the operator finds the rest in the log under the same id."""
        status = error.http_status if isinstance(error, PosternError) else 500
        if status >= 500:
            self._tell_operator(request, error)
        headers = []
        if isinstance(error, MethodNotAllowed):
            headers.append(("Allow", error.allowed))
        if status == 503:
            headers.append(("Retry-After", "60"))
        if isinstance(error, TooFast):
            headers += limits.headers(error)
        if isinstance(error, (Busy, DatabaseUnavailable)):
            title, remedy = (
                "Closed for a moment",
                "Please try again in a few minutes. Mail is not lost meanwhile.",
            )
        elif status >= 500:
            title, remedy = "Something is wrong on our side", "Please try again in a few minutes."
        else:
            title, remedy = getattr(error, "reason", "That did not work."), getattr(error, "remedy", "")
        if request.is_api:
            from postern.web.api import problem

            return problem.answer(request, error, status, f"{title} {remedy}", headers)
        if request.wants_html():
            from postern.web import render

            page = render.page(
                "problem", title, heading=title, remedy=remedy, status=str(status), request_id=request.id
            )
            return responses.html(status, page, *headers)
        return responses.text(status, f"{title} {remedy} [{request.id}]", *headers)

    def _tell_operator(self, request: Request, error: Exception) -> None:
        """Into the log; without one (the settings are broken) to the web server's error log."""
        if self._context is not None:
            # Parts of a path may be secrets: a sign-in link's token.
            path = "/api" if request.is_api else pattern(request.path)
            log = self._context.log.with_fields(request=request.id, path=path)
            if isinstance(error, PosternError):
                log.error("web.problem", reason=error.reason, remedy=error.remedy)
            else:
                log.exception("web.fault", error)
            return
        words = str(error) if isinstance(error, ConfigError) else f"{type(error).__name__}: {error}"
        from postern.base import redact

        stream = request.environ["wsgi.errors"]
        stream.write(redact.clean(f"postern [{request.id}] {words}") + "\n")
        stream.flush()


def _unreadable(environ: dict[str, Any], error: BadInput) -> Response:
    """The answer to a request of which not even the path can be read."""
    if requests.raw_path(environ).lstrip("/").startswith("api/"):
        from postern.web.api import cors

        return responses.json(error.http_status, {"error": str(error)}, *cors.HEADERS)
    return responses.text(error.http_status, str(error))


def application(component: str) -> App:
    """The application as a door serves it."""

    def opener() -> Context:
        import os

        from postern.base import home
        from postern.flow.context import open_context

        home.check_packages(home.find())
        context = open_context(os.environ, component, lean=component == "cgi")
        if component == "web":
            # A process that lives on takes in what libraries say; for one request the import of logging is too dear.
            context.log.install()
        return context

    return App(opener)
