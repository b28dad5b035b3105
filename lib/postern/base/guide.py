"""Where a page of docs/ stands on the site: under Admin, Help (web/help.py), for links in alerts and in what commands say.

docs/operations/cron.md#by-hand    /admin/help/operations-cron#by-hand
docs/clients/README.md             /admin/help/clients
"""

from __future__ import annotations

HOME = "/admin/help"


def path(page: str) -> str:
    """The path of a page of docs/, with its anchor if it has one."""
    file, mark, anchor = page.partition("#")
    return f"{HOME}/{name(file.partition('docs/')[2])}{mark}{anchor}"


def name(file: str) -> str:
    """What a file is called there, as seen from docs/: `operations-cron` for operations/cron.md."""
    stem = file[: -len(".md")].lower()
    folder, _, last = stem.rpartition("/")
    return folder if last == "readme" else stem.replace("/", "-")
