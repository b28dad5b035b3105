"""What to do about each check that is bad. docs/operations/monitoring.md has an entry for each; a test compares them."""

from __future__ import annotations

from postern.base import guide

PAGE = "docs/operations/monitoring.md"

REMEDIES = {
    "queue": "Mail waits too long. Is the relay well, and does the job deliver run? See: postern queue list",
    "failures": "Many deliveries were refused for good. See why: postern queue list --state failed",
    "bounces": "Much of what was sent came back: the relay may shut the account. See: postern queue list --state sent",
    "relay": "The relay does not take mail, which waits. The log has its words: postern logs --level error",
    "budget": "The relay's budget is nearly used up; what is over it waits. See: postern limits",
    "canary": "A message to ourselves did not come back. Is it the relay, Cloudflare, or the site? See: postern doctor",
    "database": "The database does not answer. Mail is taken into the spool meanwhile. Ask the host, or look at its panel.",
    "database-size": "The database is large. See what is: postern database size",
    "connections": "Nearly all database connections are in use. Lower POSTERN_DB_POOL, or ask the host for more.",
    "clock": "This host's clock is wrong: signatures of fresh mail are refused. Ask the host to set it (NTP).",
    "disk": "The disk or the quota is nearly full. Free some: old backups, logs, releases.",
    "files": "Nearly as many files are there as the account may have. Delete some, or ask the host for more.",
    "spool": "Messages wait in the spool, or were set aside. See: postern logs --level error",
    "errors": "The log has many errors. See: postern logs --level error --since 1h",
    "backup": "There is no fresh backup. See why: postern jobs; make one: postern jobs run backup",
    "certificate": "The site's certificate ends soon. Renew it in the panel. See: postern doctor tls",
    "job": "A job does not run or fails. See: postern jobs, postern cron status",
}


def remedy(name: str, url: str) -> str:
    """What to do, and where more stands: in the files, for the site at `url` may be what is down, and there."""
    entry = name if name in REMEDIES else name.partition("-")[0]
    page = f"{PAGE}#{entry}"
    return f"{REMEDIES[entry]} ({page} or {url}{guide.path(page)})"
