"""What is known of providers' SMTP relays: where they listen, how one signs in, what they allow. One table, three uses.

POSTERN_RELAY_PRESET takes the settings from it (base/config.py), `postern relay presets` shows it, and docs/relays.md is held
against it. The providers' own pages were read in November 2026; "about" stands where only others tell the number.
"""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Preset:
    """One provider. `host` is empty where it differs from account to account: then `where` says what it looks like.

    `user` is empty where it is not the same for everybody; `login` says in words what user and password are. `per_hour` and
    `per_day` are budgets for the smallest plan, 0 for no limit: POSTERN_RELAY_PER_HOUR and _PER_DAY where these are not set.
    """

    name: str
    title: str
    host: str
    port: int
    tls: str
    login: str
    per_hour: int
    per_day: int
    size_mb: int
    limits: str
    sender: str
    where: str = ""
    user: str = ""
    other_ports: str = ""
    connections: int = 3

    def settings(self) -> Iterator[tuple[str, str]]:
        """Setting (without its prefix) and value, for each that the preset knows."""
        known = {"HOST": self.host, "USER": self.user, "TLS": self.tls}
        yield from ((name, value) for name, value in known.items() if value)
        numbers = {"PORT": self.port, "CONNECTIONS": self.connections}
        numbers.update(PER_HOUR=self.per_hour, PER_DAY=self.per_day)
        yield from ((name, str(number)) for name, number in numbers.items())


PRESETS = (
    Preset(
        name="gmail",
        title="Gmail",
        host="smtp.gmail.com",
        port=465,
        tls="implicit",
        login="your whole address, and an app password",
        per_hour=60,
        per_day=400,
        size_mb=25,
        limits="500 a day, your own mail among them. Over it: 550 5.4.5; in a peak 421 4.7.0.",
        sender="No fit for aliases: it writes the account's own address into From and the envelope.",
        other_ports="587",
        connections=2,
    ),
    Preset(
        name="google-workspace",
        title="Google Workspace (SMTP relay service)",
        host="smtp-relay.gmail.com",
        port=465,
        tls="implicit",
        login="a user's whole address, and an app password; or no user, where the admin console allows this host's address",
        per_hour=1000,
        per_day=9000,
        size_mb=25,
        limits="10,000 a user and day. Over it: 550 5.4.5, 550 5.7.1; in a peak 450 4.2.1.",
        sender="In the admin console let it take addresses in your domains. DKIM is switched on there, too.",
        other_ports="587, 25",
    ),
    Preset(
        name="microsoft365",
        title="Microsoft 365",
        host="smtp.office365.com",
        port=587,
        tls="starttls",
        login="the mailbox's address and password; the tenant must allow SMTP AUTH, off by default from December 2026",
        per_hour=1500,
        per_day=9000,
        size_mb=25,
        limits="30 a minute, 10,000 recipients a day, 3 connections. Over it: 432 4.3.2, 554 5.2.0.",
        sender="A bad fit: each alias needs Send As for the account (550 5.7.60 without).",
        connections=2,
    ),
    Preset(
        name="sendgrid",
        title="SendGrid",
        host="smtp.sendgrid.net",
        port=465,
        tls="implicit",
        login="the word apikey, and an API key",
        user="apikey",
        per_hour=0,
        per_day=100,
        size_mb=30,
        limits="Trial: 100 a day for 60 days; then as paid for. Over it: 451, 452.",
        sender="Any address of a domain that is authenticated there, which sets DKIM. The return path becomes SendGrid's: "
        "bounces stay with it.",
        other_ports="587, 2525, 25",
    ),
    Preset(
        name="mailgun",
        title="Mailgun (US; for the EU set POSTERN_RELAY_HOST to smtp.eu.mailgun.org)",
        host="smtp.mailgun.org",
        port=465,
        tls="implicit",
        login="user@your-domain, and the password of that SMTP user",
        per_hour=0,
        per_day=100,
        size_mb=25,
        limits="Free: about 100 a day. Over it: 421.",
        sender="Any address of a domain that is verified there, which sets DKIM. The return path becomes Mailgun's.",
        other_ports="587, 2525, 25",
    ),
    Preset(
        name="ses",
        title="Amazon SES",
        host="",
        where="email-smtp.REGION.amazonaws.com",
        port=465,
        tls="implicit",
        login="SMTP credentials made in the SES console (not an access key)",
        per_hour=0,
        per_day=200,
        size_mb=40,
        limits="Sandbox: 200 a day, one a second, to verified addresses only; then as granted. Over it: 454 Throttling.",
        sender="From and return path must be of verified domains; Easy DKIM signs. SES replaces Message-ID and Date, and "
        "passes bounces on to your return path.",
        other_ports="587, 2587, 2465, 25",
    ),
    Preset(
        name="brevo",
        title="Brevo",
        host="smtp-relay.brevo.com",
        port=465,
        tls="implicit",
        login="the login that its SMTP page shows, and an SMTP key (not an API key)",
        per_hour=0,
        per_day=300,
        size_mb=20,
        limits="Free: about 300 a day.",
        sender="Any address of an authenticated domain, which sets DKIM. The return path becomes Brevo's. Switch tracking off.",
        other_ports="587, 2525",
    ),
    Preset(
        name="postmark",
        title="Postmark",
        host="smtp.postmarkapp.com",
        port=587,
        tls="starttls",
        login="the server's token, as user and as password",
        per_hour=0,
        per_day=100,
        size_mb=10,
        limits="Free: about 100 a month; then as paid for.",
        sender="Addresses of a confirmed domain, which sets DKIM. It rebuilds the message, replaces the Message-ID, refuses "
        "some kinds of attachment, and the return path becomes Postmark's.",
        other_ports="2525, 25",
    ),
    Preset(
        name="smtp2go",
        title="SMTP2GO",
        host="mail.smtp2go.com",
        port=465,
        tls="implicit",
        login="an SMTP user made there, and its password",
        per_hour=25,
        per_day=200,
        size_mb=50,
        limits="Free: 200 a day (what is over it, it keeps and sends later), 1,000 a month (over it: refused); 25 an hour "
        "until a sender domain is verified.",
        sender="Addresses of a verified sender domain, which sets DKIM and its return path by three CNAME records.",
        other_ports="587, 2525, 8025, 8465, 443, 80, 25",
    ),
    Preset(
        name="mailjet",
        title="Mailjet",
        host="in-v3.mailjet.com",
        port=465,
        tls="implicit",
        login="the API key as user, the secret key as password",
        per_hour=0,
        per_day=200,
        size_mb=15,
        limits="Free: about 200 a day, 6,000 a month.",
        sender="Addresses of a validated domain (550 without), which sets DKIM. The return path becomes Mailjet's.",
        other_ports="587, 2525, 25",
    ),
    Preset(
        name="zoho",
        title="Zoho Mail",
        host="smtp.zoho.com",
        port=465,
        tls="implicit",
        login="the mailbox's address, and an app password",
        per_hour=50,
        per_day=400,
        size_mb=20,
        limits="About 50 to 500 an hour, by reputation. Over it: 550 5.4.6.",
        sender="A bad fit: only addresses that are set up as aliases of the mailbox.",
        other_ports="587",
    ),
    Preset(
        name="resend",
        title="Resend",
        host="smtp.resend.com",
        port=465,
        tls="implicit",
        login="the word resend, and an API key",
        user="resend",
        per_hour=0,
        per_day=100,
        size_mb=40,
        limits="Free: about 100 a day, 3,000 a month.",
        sender="Any address of a verified domain, which sets DKIM. It runs on Amazon SES: expect a new Message-ID.",
        other_ports="587, 2587, 2465, 2525, 25",
    ),
    Preset(
        name="fastmail",
        title="Fastmail",
        host="smtp.fastmail.com",
        port=465,
        tls="implicit",
        login="your whole address, and an app password",
        per_hour=200,
        per_day=2000,
        size_mb=70,
        limits="A daily number by plan.",
        sender="Any address of a domain that is set up at Fastmail (a wildcard alias there), which sets DKIM.",
        other_ports="587",
    ),
    Preset(
        name="localhost",
        title="The host's own mail server (Exim on cPanel)",
        host="localhost",
        port=25,
        tls="none",
        login="none; where it asks for one, a mailbox made in the panel, with POSTERN_RELAY_HOST=mail.your-domain and port 465",
        per_hour=80,
        per_day=1000,
        size_mb=50,
        limits="The host's number an hour and domain, often 100 to 500. It takes mail over the limit, too, and discards it "
        "later: the budget must stay below.",
        sender="Addresses of the account's own domains; DKIM by the panel (Email Deliverability). Bounces come back to us.",
        other_ports="465, 587",
    ),
)


def find(name: str) -> Preset | None:
    """The preset of that name."""
    return next((preset for preset in PRESETS if preset.name == name), None)
