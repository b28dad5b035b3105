"""A real Postfix as the relay: configuration, queue and data below a folder of its own, ended with the test.

    with Postfix({"postern": "secret"}, smtpd_client_message_rate_limit="3") as relay: …

It listens on 127.0.0.1: relay.port wants STARTTLS, relay.implicit_port speaks TLS from the start; AUTH by Cyrus SASL.
On 127.0.0.2, too, which its certificate does not name. The transport `broken` bounces what it was given.
To it we are a stranger who signed in, as to any provider's relay: nothing is trusted because it comes from this machine.
Mail for DOMAINS lands in one Maildir a domain (relay.arrived()); for everything else it has no route. Keyword arguments
are settings of main.cf; `access` says what happens to recipients, in the words of access(5).

Only root can start Postfix. Not the machine's own Postfix: that is neither read nor touched.
"""

from __future__ import annotations

import grp
import os
import pathlib
import pwd
import re
import signal
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

import tiers
from postern.ops.local import certificate, tether
from postern.ops.local.scratch import Scratch
from support.apache import free_port
from support.patience import PATIENCE, until

DOMAINS = ("real-mailbox.example", "alias.example")
REALM = "relay.example"
DAEMONS = "/usr/lib/postfix/sbin"

MAIN = """
compatibility_level = 2
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {daemons}
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
syslog_name = postern-test
myhostname = relay.example
mydestination =
mynetworks =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
default_transport = error:5.4.4 nothing leaves this test
relay_transport = error:5.4.4 nothing leaves this test
smtpd_client_event_limit_exceptions =
local_header_rewrite_clients =
message_size_limit = 52428800
virtual_mailbox_limit = 0
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = texthash:{folder}/conf/mailboxes
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_tls_cert_file = {folder}/tls/server.pem
smtpd_tls_key_file = {folder}/tls/server.key
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = {realm}
smtpd_sasl_security_options = noanonymous
cyrus_sasl_config_path = {folder}/conf/sasl
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access texthash:{folder}/conf/access, permit
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.2:{port} inet n - n - - smtpd
127.0.0.1:{implicit_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
broken unix - n n - - pipe user=nobody argv=/bin/false
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

# Postfix changes its user to and fro, by which Linux forgets whose death it wanted to be told of; a shell does not.
SHELTER = """
trap 'kill "$child"' TERM
"$@" &
child=$!
wait "$child"
wait "$child" 2>/dev/null
"""

SASL = """pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/data/sasldb
mech_list: PLAIN LOGIN
"""


@dataclass(frozen=True)
class Arrived:
    """A message in a mailbox. The three fields on top are Postfix's, and so is the first Received."""

    mail_from: str
    rcpt_to: str
    content: bytes

    @classmethod
    def read(cls, path: pathlib.Path) -> Arrived:
        """Maildir has bare line feeds; on the wire each was CRLF, for Postfix takes no others."""
        top = {}
        rest = path.read_bytes()
        for name in (b"Return-Path", b"X-Original-To", b"Delivered-To"):
            line, _, rest = rest.partition(b"\n")
            found, _, value = line.partition(b": ")
            assert found == name, line
            top[name] = value.strip(b"<>").decode()
        own = re.match(rb"Received: .*\n(?:[ \t].*\n)*", rest)
        assert own, rest[:100]
        content = rest[own.end() :].replace(b"\n", b"\r\n")
        return cls(top[b"Return-Path"], top[b"Delivered-To"], content)


class Postfix:
    """The server, from start() to stop(), or inside a with block."""

    def __init__(
        self, users: Mapping[str, str], access: Mapping[str, str] | None = None, **settings: str
    ) -> None:
        self.users = users
        self.access = dict(access or {})
        self.settings = settings
        self.port, self.implicit_port = free_port(), free_port()
        self._scratch = Scratch("postern-postfix-", pid_file="queue/pid/master.pid")
        self.folder = pathlib.Path(self._scratch.folder)
        self.ca_file = ""
        self._master: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Postfix:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._prepare()
        conf = str(self.folder / "conf")
        done = subprocess.run(
            [tiers.program("postfix") or "", "-c", conf, "check"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, f"postfix check: {done.stdout}{self.log()}"
        with open(self.folder / "said", "wb") as said:
            self._master = subprocess.Popen(
                tether.command(["/bin/sh", "-c", SHELTER, "sh", f"{DAEMONS}/master", "-c", conf, "-s"]),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        until(self._answers)

    def stop(self) -> None:
        """End it, whatever it is doing, and remove its folder."""
        master, self._master = self._master, None
        try:
            if master is not None:
                master.terminate()
                try:
                    master.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    leader = int((self.folder / "queue" / "pid" / "master.pid").read_text())
                    os.killpg(leader, signal.SIGKILL)
                    master.wait(PATIENCE)
        finally:
            self._scratch.remove()

    def arrived(self, domain: str = DOMAINS[0]) -> list[Arrived]:
        """What came for this domain, oldest first."""
        folder = self.folder / "mail" / domain / "new"
        files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns) if folder.is_dir() else []
        return [Arrived.read(file) for file in files]

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _prepare(self) -> None:
        self.folder.chmod(0o755)
        for name in ("conf", "conf/sasl", "queue", "data", "mail", "tls"):
            (self.folder / name).mkdir()
        self.ca_file = certificate.make(str(self.folder / "tls")).ca
        owner, mailbox = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
        os.chown(self.folder / "data", owner.pw_uid, grp.getgrnam("postfix").gr_gid)
        os.chown(self.folder / "mail", mailbox.pw_uid, mailbox.pw_gid)
        values = {
            "folder": self.folder,
            "daemons": DAEMONS,
            "domains": " ".join(DOMAINS),
            "realm": REALM,
            "uid": mailbox.pw_uid,
            "gid": mailbox.pw_gid,
            "port": self.port,
            "implicit_port": self.implicit_port,
        }
        more = "".join(f"{name} = {value}\n" for name, value in self.settings.items())
        self._write("main.cf", MAIN.format(**values) + more)
        self._write("master.cf", MASTER.format(**values))
        self._write("sasl/smtpd.conf", SASL.format(**values))
        self._write("access", "".join(f"{address} {action}\n" for address, action in self.access.items()))
        self._write("mailboxes", "".join(f"@{domain} {domain}/\n" for domain in DOMAINS))
        for name, password in self.users.items():
            self._add_user(name, password)

    def _write(self, name: str, text: str) -> None:
        (self.folder / "conf" / name).write_text(text)

    def _add_user(self, name: str, password: str) -> None:
        file = self.folder / "data" / "sasldb"
        argv = [tiers.program("saslpasswd2") or "", "-p", "-c", "-f", str(file), "-u", REALM, name]
        subprocess.run(argv, input=password.encode(), check=True)
        os.chown(file, pwd.getpwnam("postfix").pw_uid, -1)

    def _answers(self) -> bool:
        assert self._master is not None
        assert self._master.poll() is None, f"Postfix did not start: {self.log()}"
        try:
            with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
                return connection.recv(512).startswith(b"220 ")
        except OSError:
            return False
