"""What Postern has not, answered so that clients go on."""

from __future__ import annotations

from postern.web.api.contract import ANYTHING, Contract
from postern.web.api.simplelogin.contracts.shapes import PAGE_ID

_PHONE = Contract("Messages to a phone number. There are none: this always fails.", {})
_SOCIAL = Contract(
    "Sign in by an account elsewhere. Nobody else vouches for users: this always fails.",
    {},
    body={"device?": str},
)

CONTRACTS = {
    ("GET", "/api/notifications"): Contract(
        "Notifications. There are none: what happens is mailed.",
        {200: {"more": bool, "notifications": [ANYTHING]}},
        query={"page": PAGE_ID},
    ),
    ("POST", "/api/notifications/*/read"): Contract(
        "Mark a notification as read. There are none: this always fails.", {}
    ),
    ("DELETE", "/api/setting/unlink_proton_account"): Contract(
        "Unlink an account at Proton. None is linked: this always fails.", {}
    ),
    ("POST", "/api/apple/process_payment"): Contract(
        "Take a payment. Nothing is sold: this always fails.",
        {},
        body={"receipt_data?": str, "is_macapp?": bool},
    ),
    ("GET", "/api/phone/reservations/*"): _PHONE,
    ("POST", "/api/phone/reservations/*"): _PHONE,
    ("POST", "/api/auth/facebook"): _SOCIAL,
    ("POST", "/api/auth/google"): _SOCIAL,
    ("POST", "/api/auth/apple"): _SOCIAL,
}
