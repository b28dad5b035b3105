"""What SimpleLogin has and Postern has not, answered in the shape that keeps its clients going.

Notifications are mailed; nothing costs anything; there are no phone numbers, and no accounts of others to sign in by.
"""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.web import ids as numbers
from postern.web import response as responses
from postern.web.api.simplelogin.ids import MAX_PAGE, Forbidden

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.api_keys import Bearer
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response


def notifications(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/notifications: none."""
    if not 0 <= numbers.number_or(request.query("page"), -1) <= MAX_PAGE:
        raise BadInput("page must be provided in request query.", "Count pages from 0.")
    return responses.json(200, {"more": False, "notifications": []})


def read_notification(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/notifications/*/read: there is none to read. Forbidden."""
    raise Forbidden


def unlink_proton(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/setting/unlink_proton_account: nobody has one linked."""
    raise BadInput("The account cannot be unlinked.", "It is linked to none.")


def pay(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/apple/process_payment: nothing is sold here, so no payment is taken."""
    raise BadInput("Processing failed.", "There is nothing to pay for here.")


def phone(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET or POST /api/phone/reservations/*: there are no phone numbers."""
    raise BadInput("Invalid reservation.", "There are no phone numbers here.")


def social(context: Context, request: Request, given: Given) -> Response:
    """POST /api/auth/facebook, /google and /apple: nobody else vouches for users here."""
    raise BadInput("This way of signing in is not offered here.", "Sign in with an app password.")
