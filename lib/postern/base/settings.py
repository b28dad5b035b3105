"""Every setting, declared once: name, type, default, secret or not, help, and how to make it.

`env.example` and docs/settings.md are made from this file (ops/settings_pages.py). Not here: reading them (base/config.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from postern.base.relay_place import RelayPlace

REQUIRED = object()
MOST_PORT = 65535
MOST_BYTES = 10**15


def setting(
    default: object,
    text: str,
    *,
    secret: bool = False,
    choices: tuple[str, ...] = (),
    least: int = 0,
    most: int = 1_000_000,
    make: str = "",
) -> Any:
    """One declaration. `default` REQUIRED: there is none, and the operator must give a value.

    `least` and `most` are the numbers allowed (PostgreSQL and sockets take 31 bits); `make` is a command that prints a
    good value.
    """
    notes = {
        "text": text,
        "secret": secret,
        "choices": choices,
        "least": least,
        "most": most,
        "make": make,
        "default": default,
    }
    return field(default="" if default is REQUIRED else default, repr=not secret, metadata=notes)


@dataclass(frozen=True)
class Config:
    """The settings of one instance. Secrets stay out of repr()."""

    url: str = setting(REQUIRED, "Public address of this site, with https:// and without a path.")

    hsts: str = setting(
        "day",
        "How long browsers are told to use HTTPS only (HSTS): raise it stage by stage, then run install.sh again. "
        "docs/https.md says when.",
        choices=("off", "day", "month", "year", "preload"),
    )

    resident: str = setting(
        "on",
        "Under CGI, whether a helper process may stay for a minute and answer the next requests ten times as fast. `off` "
        "where the host forbids it.",
        choices=("on", "off"),
    )

    rate_percent: int = setting(
        100,
        "How much of the built-in request rates is let through, in percent; 0: no limits. docs/limits.md lists them.",
        most=10_000,
    )

    db_host: str = setting(
        "/var/run/postgresql", "PostgreSQL: host name, or the folder of its Unix socket (begins with /)."
    )
    db_port: int = setting(5432, "PostgreSQL: port, also part of the socket's name.", least=1, most=MOST_PORT)
    db_name: str = setting(REQUIRED, "PostgreSQL: database.")
    db_user: str = setting(REQUIRED, "PostgreSQL: user. An ordinary one is enough.")
    db_password: str = setting("", "PostgreSQL: password.", secret=True)
    db_sslmode: str = setting(
        "disable",
        "TLS to PostgreSQL. `disable` only for a Unix socket or this machine; `require` encrypts; "
        "`verify-full` also checks who answers.",
        choices=("disable", "require", "verify-full"),
    )
    db_sslrootcert: str = setting("", "CA certificates (PEM file) for verify-full; empty: the system's own.")
    db_schema: str = setting("postern", "Schema that holds Postern's tables.")
    db_statement_seconds: int = setting(10, "No statement may run longer (seconds).", least=1)
    db_pool: int = setting(4, "Connections that a process which lives on (Passenger) keeps at most.", least=1)

    seal_keys: str = setting(
        REQUIRED,
        "Keys that seal mail and addresses, `id:base64`, newest first, blanks between. Without them nothing opens again: "
        "keep a copy off this host.",
        secret=True,
        make="postern keys new",
    )
    index_key: str = setting(
        REQUIRED,
        "Key of the look-up hashes (base64, 32 bytes). It never changes.",
        secret=True,
        make="postern keys new",
    )
    webhook_secrets: str = setting(
        REQUIRED,
        "Secrets that the Worker signs with, `whsec_…`, blanks between; more than one while they are changed.",
        secret=True,
        make="postern keys new",
    )

    relay_preset: str = setting(
        "",
        "SMTP relay: a provider's name in docs/relays.md (`postern relay presets`). It gives host, port, TLS and budget where "
        "these are not set. A second relay: the same names with RELAY2, and so on to RELAY9.",
    )
    relay_host: str = setting(REQUIRED, "SMTP relay: host name.")
    relay_port: int = setting(
        587, "SMTP relay: port (465 implicit TLS, 587 or 2525 STARTTLS).", least=1, most=MOST_PORT
    )
    relay_tls: str = setting(
        "starttls",
        "SMTP relay: TLS. `none` only for a relay on this machine.",
        choices=("starttls", "implicit", "none"),
    )
    relay_user: str = setting("", "SMTP relay: user; empty: no login.")
    relay_password: str = setting("", "SMTP relay: password.", secret=True)
    relay_ca_file: str = setting("", "SMTP relay: CA certificates (PEM file); empty: the system's own.")
    relay_seconds: int = setting(30, "SMTP relay: longest wait for one answer (seconds).", least=1)
    relay_connections: int = setting(
        3,
        "SMTP relay: connections at once, used when much is due. Each is a thread of the drain; no more than POSTERN_DB_POOL.",
        least=1,
        most=50,
    )
    relay_per_hour: int = setting(100, "SMTP relay: messages an hour at most; 0: no limit.")
    relay_per_day: int = setting(500, "SMTP relay: messages a day at most; 0: no limit.")

    max_message_bytes: int = setting(
        26_214_400,
        "Largest message taken (bytes). Cloudflare takes 25 MiB.",
        least=1024,
        most=MOST_BYTES,
    )
    retry_days: int = setting(5, "Days until a delivery that meets only passing trouble has failed.", least=1)
    keep_failed_days: int = setting(14, "Days that the mail of a failed delivery stays, sealed.")
    keep_sent_days: int = setting(30, "Days that rows about finished deliveries stay.", least=1)
    drain_seconds: int = setting(50, "A drain begins no new delivery after so long (seconds).", least=1)
    drain_batch: int = setting(
        20,
        "Deliveries claimed at a time, at first; where they go out quickly, up to eight times as many.",
        least=1,
    )
    lease_seconds: int = setting(
        900, "How long a drain may hold a delivery (seconds); more than it drains.", least=60
    )
    spool_max_bytes: int = setting(
        524_288_000, "Most bytes kept in the spool while the database is away.", most=MOST_BYTES
    )
    disk_free_bytes: int = setting(
        52_428_800, "With less free disk, mail is asked to come back later (bytes).", most=MOST_BYTES
    )
    health_queue_seconds: int = setting(
        1800, "/health fails when a delivery is due for longer (seconds).", least=60
    )
    health_drain_seconds: int = setting(
        1800, "/health fails when the last drain is longer ago (seconds).", least=60
    )

    notices_from: str = setting(
        "", "Sender of Postern's own mails to its users; empty: postern@ and the first shared domain."
    )
    registration: str = setting(
        "invitation",
        "Who may open an account: with an `invitation`, or anybody (`open`).",
        choices=("invitation", "open"),
    )
    authserv: str = setting(
        "mx.cloudflare.net",
        "Whose Authentication-Results are believed: the authserv-id (RFC 8601) of the server that hands mail to Postern.",
    )
    quarantine_days: int = setting(14, "Days that held mail waits for its user.", least=1)
    user_aliases: int = setting(10_000, "Quota: aliases a user may have.")
    user_mailboxes: int = setting(20, "Quota: mailboxes a user may have.")
    user_domains: int = setting(20, "Quota: domains of his own a user may have.")
    user_messages_day: int = setting(2_000, "Quota: messages a user may receive and reply a day (UTC).")
    user_bytes_day: int = setting(1_000_000_000, "Quota: bytes of them a day (UTC).", most=MOST_BYTES)
    doh_url: str = setting(
        "https://cloudflare-dns.com/dns-query https://dns.google/dns-query",
        "DNS over HTTPS (RFC 8484): where TXT records of users' domains are looked up, blanks between; the next when one "
        "is away. They must speak HTTP/1.1.",
    )

    cron_minutes: int = setting(
        1, "Fewest minutes between two starts of a job that the host allows: 1, or 5 or 15.", least=1, most=60
    )
    backup_daily: int = setting(7, "Backups that stay: the newest of so many days.", least=1)
    backup_weekly: int = setting(4, "And the newest of so many weeks.")
    backup_monthly: int = setting(12, "And the newest of so many months.")

    mailgun_signing_key: str = setting(
        "", "Opens /hooks/mailgun/mime: Mailgun's HTTP webhook signing key (docs/webhooks.md).", secret=True
    )
    postmark_login: str = setting(
        "",
        "Opens /hooks/postmark: `user:password`, as they stand in the webhook's URL at Postmark.",
        secret=True,
    )
    ses_topic: str = setting(
        "", "Opens /hooks/ses: ARN of the Amazon SNS topic that Amazon SES gives mail to."
    )

    cloudflare_token: str = setting(
        "",
        "API token for `postern cloudflare`; empty: it asks for it and keeps it nowhere.",
        secret=True,
    )

    offsite_url: str = setting(
        "",
        "Where each backup is copied to, off this host: `https://host/folder/` (WebDAV), `s3://host/bucket/prefix`, "
        "`sftp://user@host/folder` or `rsync://user@host/folder`; empty: nowhere. docs/backup.md says more.",
    )
    offsite_user: str = setting("", "Off-site: user (WebDAV), or access key (S3).")
    offsite_password: str = setting("", "Off-site: password (WebDAV), or secret key (S3).", secret=True)
    offsite_region: str = setting("us-east-1", "Off-site: region of an S3 bucket.")

    log_level: str = setting("info", "What goes to the log.", choices=("debug", "info", "warning", "error"))
    log_days: int = setting(14, "Days that log files stay.", least=1)
    log_max_bytes: int = setting(
        104_857_600,
        "Most bytes of all log files together, after each rotation.",
        least=1_000_000,
        most=MOST_BYTES,
    )

    alert_mail: str = setting("", "Where the monitor's alerts go; empty: the mailboxes of the admins.")
    alert_url: str = setting(
        "",
        "Where alerts are posted when no mail can be sent: a webhook of Slack, Mattermost, ntfy, or your own.",
        secret=True,
    )
    alert_format: str = setting(
        "slack",
        "What is posted there: `slack` (JSON with `text`), `ntfy`, or `json`.",
        choices=("slack", "ntfy", "json"),
    )
    heartbeat_url: str = setting(
        "",
        "Asked by the monitor whenever all is well: the URL of an outside monitor that misses it otherwise.",
        secret=True,
    )
    metrics_token: str = setting("", "Bearer token for /metrics; empty: there is no such page.", secret=True)
    canary: str = setting(
        "",
        "An alias of its own that the monitor writes to every hour, to see that mail comes back; empty: none.",
    )
    alert_canary_seconds: int = setting(1800, "Alert: the canary has not come back for so long.", least=60)
    alert_failed_hour: int = setting(20, "Alert: so many deliveries failed within an hour; 0: never.")
    alert_bounce_percent: int = setting(
        10, "Alert: so many of a day's deliveries came back (%).", least=1, most=100
    )
    alert_budget_percent: int = setting(
        90, "Alert: so much of the relay's budget is used (%).", least=1, most=101
    )
    alert_disk_percent: int = setting(
        90, "Alert: so much of the quota, or of the files, is used (%).", least=1, most=101
    )
    alert_database_bytes: int = setting(
        2_000_000_000, "Alert: the database is so large; 0: never.", most=MOST_BYTES
    )
    alert_connections_percent: int = setting(
        80, "Alert: so many of our database connections are in use (%).", least=1, most=101
    )
    alert_certificate_days: int = setting(14, "Alert: the certificate has fewer days left.")
    alert_backup_hours: int = setting(50, "Alert: the newest backup is older (hours).", least=1)
    alert_clock_seconds: int = setting(60, "Alert: this host's clock is so far from the database's.", least=1)
    alert_errors_hour: int = setting(50, "Alert: so many errors in the log within an hour; 0: never.")

    more_relays: tuple[RelayPlace, ...] = field(default=(), metadata={})
    """POSTERN_RELAY2_… to POSTERN_RELAY9_…, in this order (base/relay_place.py)."""

    home: str = field(default="", metadata={})

    @property
    def origin(self) -> str:
        """The site as browsers name it (RFC 6454 6): without the port that goes without saying."""
        url = self.url.rstrip("/").lower()
        return url.removesuffix(":443" if url.startswith("https:") else ":80")
