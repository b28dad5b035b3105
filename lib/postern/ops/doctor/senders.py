"""What each relay wants of the DNS of a domain that sends through it: its term in the SPF record, and where its DKIM keys are.

`spf` is empty for relays whose envelope sender is a domain of their own, or one below ours that the relay looks after: then SPF
is looked up there, and DMARC passes by DKIM. `selectors` are those that the relay is known to use, and empty where each account
has its own; the records' values stand on its page of the domain, for they are the account's.

Read in November 2026 where it says so beside each, the relays' own pages first; "others" are guides of third parties of 2026.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sender:
    """`suffix`: how the relay's host names end. `spf_too`: terms that do instead of `spf`."""

    name: str
    suffix: str
    spf: str
    selectors: tuple[str, ...]
    spf_too: tuple[str, ...] = ()


SENDERS = (
    # support.sendgrid.com/hc/en-us/articles/21415314709147: SPF at em123.DOMAIN, two CNAME for DKIM; their names: others.
    Sender("SendGrid", "smtp.sendgrid.net", "", ("s1", "s2")),
    # documentation.mailgun.com, Domain Verification: the SPF term. Selectors, by others: two CNAME records pdk1 and pdk2 for
    # domains added since keys turn by themselves, before that one of the rest.
    Sender(
        "Mailgun", "mailgun.org", "include:mailgun.org", ("pdk1", "pdk2", "mx", "k1", "pic", "smtp", "mailo")
    ),
    # docs.aws.amazon.com, VerifyDomainDkim: three CNAME records, named by tokens of the account.
    Sender("Amazon SES", "amazonaws.com", "", ()),
    # help.brevo.com, FAQs about domain authentication; no need of SPF, and the selectors (CNAME, older: TXT): others.
    Sender("Brevo", "brevo.com", "", ("brevo1", "brevo2", "mail")),
    # Others: a selector with the date of the key (20261129...pm), SPF by the CNAME pm-bounces. Old domains may have `pm`.
    Sender("Postmark", "postmarkapp.com", "", ()),
    # support.smtp2go.com/hc/en-gb/articles/28543815517209: three CNAME records, "you do not need to update your SPF record".
    Sender("SMTP2GO", "smtp2go.com", "", ()),
    # documentation.mailjet.com/hc/en-us/articles/360049641733: the SPF term. The selector was not found on its pages.
    Sender("Mailjet", "mailjet.com", "include:spf.mailjet.com", ("mailjet",)),
    # Others do not agree on the SPF term: the newest says zohomail.com, older ones zoho.com and spf.zoho.com. The selector is
    # chosen by the account (zoho.com/mail/help/api, Add DKIM Details); these two are the usual ones.
    Sender(
        *("Zoho", "zoho.com", "include:zohomail.com", ("zmail", "zoho")),
        spf_too=("include:zoho.com", "include:spf.zoho.com"),
    ),
    Sender(
        *("Zoho (EU)", "zoho.eu", "include:zohomail.eu", ("zmail", "zoho")),
        spf_too=("include:zoho.eu", "include:spf.zoho.eu"),
    ),
    # Others: the key at resend._domainkey; SPF and MX at send.DOMAIN.
    Sender("Resend", "resend.com", "", ("resend",)),
    # fastmail.help/hc/en-us/articles/360060591153: three CNAME records fm1 to fm3; the SPF term: others.
    Sender("Fastmail", "fastmail.com", "include:spf.messagingengine.com", ("fm1", "fm2", "fm3")),
    # Others: `google` is the selector unless another was chosen in the admin console.
    Sender("Google Workspace", "gmail.com", "include:_spf.google.com", ("google",)),
    # Others: two CNAME records.
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
