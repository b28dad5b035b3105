"""Rules, which there are none of."""

from __future__ import annotations

from postern.web.api.addy.contracts.shapes import ID
from postern.web.api.contract import ANYTHING, UUID, Contract

_NONE = "There are no rules here: this always fails."
_RULE = {"name?": str, "conditions?": [ANYTHING], "actions?": [ANYTHING], "operator?": str}

CONTRACTS = {
    ("GET", "/api/v1/rules"): Contract("All rules. There are none.", {200: {"data": [ANYTHING]}}),
    ("POST", "/api/v1/rules"): Contract(f"Make a rule. {_NONE}", {}, body=_RULE),
    ("GET", "/api/v1/rules/*"): Contract(f"A rule. {_NONE}", {}),
    ("PATCH", "/api/v1/rules/*"): Contract(f"Change a rule. {_NONE}", {}, body=_RULE),
    ("DELETE", "/api/v1/rules/*"): Contract(f"Delete a rule. {_NONE}", {}),
    ("POST", "/api/v1/reorder-rules"): Contract(f"Put rules in order. {_NONE}", {}, body={"ids?": [UUID]}),
    ("POST", "/api/v1/active-rules"): Contract(f"Turn a rule on. {_NONE}", {}, body=ID, fails=(404,)),
    ("DELETE", "/api/v1/active-rules/*"): Contract(f"Turn a rule off. {_NONE}", {}),
}
