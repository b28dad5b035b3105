"""Places off this host for a test: Apache with mod_dav, a small S3 that checks signatures and hashes, and OpenSSH's sshd.

Each yields the settings that lead Postern there. `folder` is where its files are, to look at and to break.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.server
import os
import pathlib
import pwd
import socket
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator

import tiers
from postern.ops.local import tether
from support.apache import free_port
from support.patience import PATIENCE, until

USER, PASSWORD = "backups", "a password for tests"

DAV = """
ServerRoot {root}
DefaultRuntimeDir {root}
PidFile {root}/httpd.pid
Mutex file:{root} default
Listen 127.0.0.1:{port}
ServerName localhost
{modules}
{user}
ErrorLog {root}/error_log
DocumentRoot {folder}
DAVLockDB {root}/locks/db
<Directory {folder}>
    Dav On
    AuthType Basic
    AuthName backups
    AuthUserFile {root}/users
    Require valid-user
</Directory>
"""
MODULES = ("mpm_event", "authz_core", "authz_user", "authn_core", "authn_file", "auth_basic", "dav", "dav_fs")


@contextlib.contextmanager
def running(argv: list[str], port: int, said: pathlib.Path) -> Iterator[None]:
    """A server that ends with the block."""
    with open(said, "wb") as out:
        server = subprocess.Popen(
            tether.command(argv), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    try:
        until(lambda: answers(port))
        yield
    finally:
        server.terminate()
        server.wait(PATIENCE)


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def webdav(root: pathlib.Path, folder: pathlib.Path) -> Iterator[dict[str, str]]:
    """Apache's mod_dav on 127.0.0.1."""
    port = free_port()
    modules = "\n".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in MODULES
    )
    user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
    (root / "locks").mkdir()
    digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
    (root / "users").write_text(f"{USER}:{{SHA}}{digest}\n")
    (root / "httpd.conf").write_text(
        DAV.format(root=root, port=port, modules=modules, user=user, folder=folder)
    )
    if user:
        owner = pwd.getpwnam("www-data")
        for path in (folder, root / "locks"):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    program = tiers.program("apache2")
    assert program
    with running([program, "-f", str(root / "httpd.conf"), "-D", "FOREGROUND"], port, root / "said"):
        yield {
            "POSTERN_OFFSITE_URL": f"http://127.0.0.1:{port}/",
            "POSTERN_OFFSITE_USER": USER,
            "POSTERN_OFFSITE_PASSWORD": PASSWORD,
        }


class _Bucket(http.server.BaseHTTPRequestHandler):
    """PutObject, GetObject, HeadObject, DeleteObject and ListObjectsV2 of one bucket. Nothing passes whose signature is not as
    Amazon's documents say, or whose content has not the hash that was signed."""

    protocol_version = "HTTP/1.1"
    folder: pathlib.Path

    def log_message(self, *_: object) -> None:
        pass

    def _signed(self) -> bool:
        scheme, _, rest = self.headers["Authorization"].partition(" ")
        parts = dict(part.split("=", 1) for part in rest.split(","))
        path, _, query = self.path.partition("?")
        pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
        canonical = "&".join(
            "=".join(urllib.parse.quote(word, safe="-_.~") for word in pair) for pair in pairs
        )
        names = parts["SignedHeaders"].split(";")
        assert {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names)
        fields = "".join(f"{name}:{self.headers[name].strip()}\n" for name in names)
        request = f"{self.command}\n{path}\n{canonical}\n{fields}\n{';'.join(names)}\n{self.headers['x-amz-content-sha256']}"
        access, day, region, service, end = parts["Credential"].split("/")
        assert (scheme, access, region, service, end) == (
            "AWS4-HMAC-SHA256",
            USER,
            "eu-test-1",
            "s3",
            "aws4_request",
        )
        key = ("AWS4" + PASSWORD).encode()
        for word in (day, region, service, end):
            key = hmac.new(key, word.encode(), hashlib.sha256).digest()
        hashed = hashlib.sha256(request.encode()).hexdigest()
        text = f"{scheme}\n{self.headers['x-amz-date']}\n{day}/{region}/{service}/{end}\n{hashed}"
        return parts["Signature"] == hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def _answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        file = self.folder / path.rpartition("/")[2]
        if not self._signed():
            return self._send(403)
        if hashlib.sha256(content).hexdigest() != self.headers["x-amz-content-sha256"]:
            return self._send(400)
        if not path.startswith("/bucket"):
            return self._send(404)
        if path == "/bucket":
            keys = "".join(f"<Contents><Key>my/{one.name}</Key></Contents>" for one in self.folder.iterdir())
            return self._send(200, f"<ListBucketResult>{keys}</ListBucketResult>".encode())
        if self.command == "PUT":
            file.write_bytes(content)
            return self._send(200)
        if self.command == "DELETE":
            file.unlink()
            return self._send(204)
        return self._send(200, file.read_bytes()) if file.exists() else self._send(404)

    def _send(self, status: int, content: bytes = b"") -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_HEAD = do_DELETE = _answer  # noqa: N815


@contextlib.contextmanager
def s3(root: pathlib.Path, folder: pathlib.Path) -> Iterator[dict[str, str]]:
    """The bucket on 127.0.0.1."""
    handler = type("Bucket", (_Bucket,), {"folder": folder})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield {
                "POSTERN_OFFSITE_URL": f"s3+http://127.0.0.1:{server.server_port}/bucket/my",
                "POSTERN_OFFSITE_USER": USER,
                "POSTERN_OFFSITE_PASSWORD": PASSWORD,
                "POSTERN_OFFSITE_REGION": "eu-test-1",
            }
        finally:
            server.shutdown()
            thread.join(PATIENCE)


SSHD = """
ListenAddress 127.0.0.1:{port}
HostKey {root}/host_key
PidFile none
AuthorizedKeysFile {root}/key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
Subsystem sftp internal-sftp
"""


@contextlib.contextmanager
def sshd(root: pathlib.Path, folder: pathlib.Path, home: pathlib.Path, kind: str) -> Iterator[dict[str, str]]:
    """OpenSSH's server on 127.0.0.1, for this account; the home's ssh_config knows key and machine."""
    port = free_port()
    for name in ("host_key", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(root / name)], check=True)
    (root / "sshd_config").write_text(SSHD.format(root=root, port=port))
    public = " ".join((root / "host_key.pub").read_text().split()[:2])
    (root / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}\n")
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "ssh_config").write_text(
        f"IdentityFile {root}/key\nIdentitiesOnly yes\nUserKnownHostsFile {root}/known_hosts\n"
    )
    pathlib.Path("/run/sshd").mkdir(exist_ok=True)
    program = tiers.program("sshd")
    assert program
    with running([program, "-D", "-e", "-f", str(root / "sshd_config")], port, root / "said"):
        me = pwd.getpwuid(os.geteuid()).pw_name
        yield {"POSTERN_OFFSITE_URL": f"{kind}://{me}@127.0.0.1:{port}{folder}"}
