"""What each relay wants of the DNS of a domain that sends through it: its term in the SPF record, and where its DKIM keys are.

`spf` is empty for relays whose envelope sender is a domain of their own: then SPF is looked up there, and DMARC passes by
DKIM. `selectors` are those that the relay is known to use; the records' values stand on its page of the domain, for they are
the account's. Sources: the relays' own documentation of domain authentication.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sender:
    """`suffix`: how the relay's host names end."""

    name: str
    suffix: str
    spf: str
    selectors: tuple[str, ...]


SENDERS = (
    Sender("SendGrid", "smtp.sendgrid.net", "", ("s1", "s2")),
    Sender(
        "Mailgun", "mailgun.org", "include:mailgun.org", ("mx", "k1", "pic", "smtp", "mailo", "pdk1", "pdk2")
    ),
    Sender("Amazon SES", "amazonaws.com", "", ()),
    Sender("Brevo", "brevo.com", "", ("brevo1", "brevo2", "mail")),
    Sender("Postmark", "postmarkapp.com", "", ("pm",)),
    Sender("SMTP2GO", "smtp2go.com", "", ()),
    Sender("Mailjet", "mailjet.com", "include:spf.mailjet.com", ("mailjet",)),
    Sender("Zoho", "zoho.com", "include:zohomail.com", ("zmail", "zoho")),
    Sender("Resend", "resend.com", "", ("resend",)),
    Sender("Fastmail", "fastmail.com", "include:spf.messagingengine.com", ("fm1", "fm2", "fm3")),
    Sender("Google Workspace", "gmail.com", "include:_spf.google.com", ("google",)),
    Sender(
        "Microsoft 365", "office365.com", "include:spf.protection.outlook.com", ("selector1", "selector2")
    ),
)

OTHER = Sender("the relay", "", "", ("default", "postern", "dkim", "mail", "s1", "s2", "selector1", "k1"))
"""Any other: the selectors that panels (cPanel: default) and mail servers use most."""


def of_host(host: str) -> Sender:
    """The sender that a relay's host name belongs to; OTHER for one that is not known."""
    for one in SENDERS:
        if host == one.suffix or host.endswith(f".{one.suffix}"):
            return one
    return OTHER
