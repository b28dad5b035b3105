"""Pages that SimpleLogin's clients open in a browser, at the addresses that they have there: on to ours."""

from __future__ import annotations

from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.web.request import Request
    from postern.web.response import Response


def aliases(context: Context, request: Request) -> Response:
    """GET /onboarding and what follows it, and /dashboard/."""
    return responses.redirect("/aliases")


def settings(context: Context, request: Request) -> Response:
    """GET /dashboard/pricing: there are no prices."""
    return responses.redirect("/settings")


def keys(context: Context, request: Request) -> Response:
    """GET /dashboard/api_key."""
    return responses.redirect("/settings/api-keys")


def sign_in(context: Context, request: Request) -> Response:
    """GET /auth/…: a token in it opens nothing, and where it wants to go next is not asked."""
    return responses.redirect("/sign-in")


def register(context: Context, request: Request) -> Response:
    """GET /auth/register."""
    return responses.redirect("/register")
