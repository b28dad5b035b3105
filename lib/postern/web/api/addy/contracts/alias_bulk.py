"""Up to 25 aliases at once."""

from __future__ import annotations

from postern.web.api.addy.contracts.shapes import ALIAS
from postern.web.api.contract import UUID, Contract

_IDS = {"ids": [UUID]}
_DONE = {"message": str, "ids": [UUID]}

_DOES = {
    "activate": "Turn aliases on",
    "deactivate": "Turn aliases off",
    "pin": "Pin aliases",
    "unpin": "Unpin aliases",
    "delete": "Delete aliases",
    "restore": "Restore deleted aliases",
    "forget": "Forget aliases with all that is their own",
}

CONTRACTS = {
    ("POST", "/api/v1/aliases/get/bulk"): Contract(
        "Up to 25 aliases.", {200: {"data": [ALIAS]}}, body=_IDS, fails=(404,)
    ),
    **{
        ("POST", f"/api/v1/aliases/{name}/bulk"): Contract(
            f"{says}, up to 25. Those that are as wanted already are passed over; none left is a 404.",
            {200: _DONE},
            body=_IDS,
            fails=(404,),
        )
        for name, says in _DOES.items()
    },
    ("POST", "/api/v1/aliases/recipients/bulk"): Contract(
        "Forward up to 25 aliases to these recipients. None stands for the default one.",
        {200: _DONE},
        body={**_IDS, "recipient_ids?": [UUID]},
        fails=(404,),
    ),
}
