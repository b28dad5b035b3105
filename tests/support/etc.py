"""The files of a machine that has a tenant: what a Space binds over /etc, /home and the folders of Apache and cron.

<folder>/home/alice             0711, with public_html as cPanel's FileProtect leaves it: 0750 alice:www-data
<folder>/etc/passwd (…)         the machine's own, and the tenant
<folder>/suexec                 /etc/apache2/suexec; <folder>/var-log is /var/log/apache2
<folder>/var-spool-cron-…       for the real crontab and the real cron
"""

from __future__ import annotations

import grp
import os
import pathlib
import shutil

USER, UID = "alice", 5001
HOME = f"/home/{USER}"
WEB_GROUP = "www-data"
CRON_FOLDERS = ("/var/spool/cron/crontabs", "/etc/cron.d")
LINES = {
    "passwd": f"{USER}:x:{UID}:{UID}::{HOME}:/bin/sh\n",
    "group": f"{USER}:x:{UID}:\n",
    "shadow": f"{USER}:*:19000:0:99999:7:::\n",
}


def make(folder: pathlib.Path) -> dict[pathlib.Path, str]:
    """Make them; returns what lies at which path."""
    binds = {**_accounts(folder / "etc"), **_home(folder / "home"), **_apache(folder)}
    for path in filter(os.path.isdir, CRON_FOLDERS):
        binds[_like(path, folder / path.strip("/").replace("/", "-"))] = path
    return binds


def protect(docroot: pathlib.Path) -> None:
    """The web server may enter by its group, nobody else."""
    os.chown(docroot, UID, grp.getgrnam(WEB_GROUP).gr_gid)
    docroot.chmod(0o750)


def _accounts(etc: pathlib.Path) -> dict[pathlib.Path, str]:
    etc.mkdir()
    for name, line in LINES.items():
        shutil.copy(f"/etc/{name}", etc / name)
        shutil.chown(etc / name, "root", "shadow" if name == "shadow" else "root")
        with (etc / name).open("a") as file:
            file.write(line)
    return {etc / name: f"/etc/{name}" for name in LINES}


def _home(homes: pathlib.Path) -> dict[pathlib.Path, str]:
    (homes / USER / "public_html").mkdir(parents=True)
    for path in (homes, homes / USER):
        path.chmod(0o711)
    os.chown(homes / USER, UID, UID)
    protect(homes / USER / "public_html")
    return {homes: "/home"}


def _apache(folder: pathlib.Path) -> dict[pathlib.Path, str]:
    suexec, log = folder / "suexec", folder / "var-log"
    suexec.mkdir()
    log.mkdir()
    # Debian's suexec-custom: the file is called after Apache's user; line 1 is the document root, line 2 a UserDir, # for none.
    (suexec / "www-data").write_text("/home\n#\n")
    return {suexec: "/etc/apache2/suexec", log: "/var/log/apache2"}


def _like(path: str, folder: pathlib.Path) -> pathlib.Path:
    """An empty folder with the owner and mode of this one."""
    entry = os.stat(path)
    folder.mkdir()
    os.chown(folder, entry.st_uid, entry.st_gid)
    folder.chmod(entry.st_mode & 0o7777)
    return folder
