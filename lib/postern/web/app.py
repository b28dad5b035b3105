"""The WSGI application: the route table, and the one place where an error becomes an HTTP answer."""

from __future__ import annotations

import threading
from dataclasses import replace
from importlib import import_module

from postern.base.errors import BadInput, Busy, ConfigError, DatabaseUnavailable, NotFound, PosternError
from postern.base.hsts import hsts_value
from postern.web import request as requests
from postern.web import response as responses
from postern.web.request import Request
from postern.web.response import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from postern.flow.context import Context

ROUTES = {
    ("GET", "/"): "postern.web.front:show",
    ("GET", "/health"): "postern.web.health:show",
    ("POST", "/hooks/inbound"): "postern.web.hooks:inbound",
    ("GET", "/sign-in"): "postern.web.sign_in:show",
    ("GET", "/sign-in/link/*"): "postern.web.sign_in:show_link",
    ("POST", "/sign-in/link/*"): "postern.web.sign_in:use_link",
    ("GET", "/account"): "postern.web.account:show",
    ("POST", "/sign-out"): "postern.web.account:sign_out",
    ("POST", "/sign-out/everywhere"): "postern.web.account:sign_out_everywhere",
}
"""Method and path to `module:function`; a module is imported when its first request comes, and not before. A path that ends
in /* stands for any one last part."""


class MethodNotAllowed(BadInput):
    """The path is ours, the method is not; `allowed` goes into the answer (RFC 9110 15.5.6)."""

    http_status = 405

    def __init__(self, allowed: str) -> None:
        super().__init__("This address does not take that method.", f"It takes: {allowed}.")
        self.allowed = allowed


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
            response = responses.text(error.http_status, str(error))
        start_response(response.status_line, response.all_headers(request_id, self._hsts()))
        return [b"" if head_only else response.body]

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
            with self._opening:
                context = self._context = self._context or self._opener()
            bound = replace(context, log=context.log.with_fields(request=request.id))
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
        if isinstance(error, (Busy, DatabaseUnavailable)):
            title, remedy = (
                "Closed for a moment",
                "Please try again in a few minutes. Mail is not lost meanwhile.",
            )
        elif status >= 500:
            title, remedy = "Something is wrong on our side", "Please try again in a few minutes."
        else:
            title, remedy = getattr(error, "reason", "That did not work."), getattr(error, "remedy", "")
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
            # The last part of a path may be a secret: a sign-in link's token.
            log = self._context.log.with_fields(request=request.id, path=route(request.path))
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


def route(path: str) -> str:
    """The path as ROUTES names it; one that is not in there comes without its last part, too."""
    return path if any(path == known for _, known in ROUTES) else path.rpartition("/")[0] + "/*"


def find_handler(request: Request) -> Callable[[Context, Request], Response]:
    """The handler of a request. NotFound or MethodNotAllowed."""
    method = "GET" if request.method == "HEAD" else request.method
    path = route(request.path)
    where = ROUTES.get((method, path))
    if where is None:
        allowed = sorted(known for known, known_path in ROUTES if known_path == path)
        if allowed:
            raise MethodNotAllowed(", ".join(allowed + ["HEAD"] * ("GET" in allowed)))
        raise NotFound("There is no page at this address.", "Check it, or start at the front page.")
    module, _, name = where.partition(":")
    handler: Callable[[Context, Request], Response] = getattr(import_module(module), name)
    return handler


def application(component: str) -> App:
    """The application as a door serves it."""

    def opener() -> Context:
        import os

        from postern.base import home
        from postern.flow.context import open_context

        home.check_packages(home.find())
        context = open_context(os.environ, component)
        if component == "web":
            # A process that lives on takes in what libraries say; for one request the import of logging is too dear.
            context.log.install()
        return context

    return App(opener)
