"""The demo: the main job on this machine, with everything it needs, and gone without a trace.

An embedded PostgreSQL, a home in a temporary folder, the site on a free port, a relay that keeps what it gets; then one real
message (ops/demo.eml) signed, posted, drained and shown. Each step is timed and does what an operator would do: the commands
it prints are the commands it runs.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading

from postern.base import clock, home
from postern.base.errors import PosternError
from postern.ops import keys, post
from postern.ops.demo_page import compare
from postern.ops.local.embedded import Postgres
from postern.ops.local.scratch import Scratch
from postern.ops.local.sink import Sink
from postern.ops.serve import make_server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar
    from wsgiref.simple_server import WSGIServer

    T = TypeVar("T")

USER, ALIAS, MAILBOX = "jane", "shop@alias.example", "jane.doe@real-mailbox.example"
SENDER = "bounce@shop.example"


class DemoFailed(PosternError):
    """A step of the demo did not do what it should."""


def run(once: bool) -> int:
    """Show it; 0 when every step worked. Ctrl-C and SIGTERM end it and everything it started.

    In the background of a script only SIGTERM does: Ctrl-C is ignored there, for what runs in front (POSIX 2.11).
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = clock.elapsed()
    try:
        with Demo() as demo:
            demo.tell_story()
            print(f"\nAll of it took {clock.elapsed() - began:.1f} s.", flush=True)
            if not once:
                demo.stay()
    except KeyboardInterrupt:
        print("\nStopped.")
    return 0


class Demo:
    """Everything the demo starts; leaving the with block ends it, in the opposite order."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._home = ""
        self._site = ""
        self._server: WSGIServer
        self._sink = Sink(users={"postern": os.urandom(12).hex()})

    def __enter__(self) -> Demo:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def tell_story(self) -> None:
        """Every step, from nothing to the forwarded message."""
        postgres = self._step("Start a PostgreSQL of our own on a Unix socket", self._start_postgres)
        self._step(
            "Start a relay (SMTP with STARTTLS and AUTH) and make the keys", lambda: self._prepare(postgres)
        )
        self._command("migrate", "up")
        self._command("user", "add", USER, "--admin")
        self._command("mailbox", "add", USER, MAILBOX, "--verified")
        self._command("domain", "add", ALIAS.partition("@")[2])
        self._command("alias", "add", USER, ALIAS)
        self._step("Start the site", self._start_site)
        mime = _message()
        answer = self._step(
            f"Sign a message of {len(mime)} bytes and post it to /hooks/inbound", lambda: self._post(mime)
        )
        print(f"      the site answers {answer.status}, postern-receipt: {answer.receipt}")
        self._step("Drain the queue with cron/deliver.py, until the relay has the message", self._drain)
        self._show(mime)
        self._step("Fill the account with samples, and let a forged message come", self._fill)

    def _step(self, text: str, work: Callable[[], T]) -> T:
        print(f"  {text} …", end="", flush=True)
        began = clock.elapsed()
        try:
            result = work()
        except BaseException:
            print(" failed", flush=True)
            raise
        print(f" {(clock.elapsed() - began) * 1000:.0f} ms", flush=True)
        return result

    def _start_postgres(self) -> Postgres:
        postgres = self._stack.enter_context(Postgres.start())
        postgres.create_role("postern")
        postgres.create_database("postern", "postern")
        return postgres

    def _prepare(self, postgres: Postgres) -> None:
        self._bind_site()
        self._stack.enter_context(self._sink)
        scratch = Scratch("postern-demo-")
        self._stack.callback(scratch.remove)
        self._home = scratch.folder
        home.make(self._home)
        user, password = next(iter(self._sink.users.items()))
        settings = {
            "POSTERN_URL": self._site,
            "POSTERN_DB_HOST": postgres.socket_dir,
            "POSTERN_DB_PORT": str(postgres.port),
            "POSTERN_DB_NAME": "postern",
            "POSTERN_DB_USER": "postern",
            # By number: a minimal system may not know the name localhost.
            "POSTERN_RELAY_HOST": self._sink.host,
            "POSTERN_RELAY_PORT": str(self._sink.port),
            "POSTERN_RELAY_USER": user,
            "POSTERN_RELAY_PASSWORD": password,
            "POSTERN_RELAY_CA_FILE": self._sink.ca_file,
            **keys.fresh(),
        }
        with open(os.open(os.path.join(self._home, ".env"), os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.writelines(f"{name}={value}\n" for name, value in settings.items())
        for name in [name for name in os.environ if name.startswith("POSTERN_")]:
            del os.environ[name]
        os.environ["POSTERN_HOME"] = self._home

    def _command(self, *args: str) -> None:
        done = self._step(f"$ postern {' '.join(args)}", lambda: self._run("-m", "postern", *args))
        for line in done.splitlines():
            print(f"      {line}")

    def _run(self, *args: str) -> str:
        done = subprocess.run([sys.executable, *args], capture_output=True, text=True, check=False)
        if done.returncode:
            raise DemoFailed(
                f"{' '.join(args)} ended with {done.returncode}: {done.stdout}{done.stderr}", "See above."
            )
        return done.stdout

    def _bind_site(self) -> None:
        """The port is taken before anything is asked: links and forms carry the site's own address."""
        from postern.web.app import application

        self._server = self._stack.enter_context(make_server(application("web"), "127.0.0.1", 0))
        self._site = f"http://127.0.0.1:{self._server.server_port}"

    def _start_site(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._stack.callback(self._wait_for_drain)
        self._stack.callback(self._server.shutdown)

    def _wait_for_drain(self) -> None:
        """A receipt may have woken one: it must not outlive the demo."""
        import fcntl

        with open(os.path.join(self._home, "run", "deliver.lock"), "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)

    def _post(self, mime: bytes) -> post.Answer:
        from postern.base.config import load
        from postern.mail.envelope import parse_secrets

        secret = parse_secrets(load(self._home, {}).webhook_secrets)[0]
        answer = post.post(self._site, secret, SENDER, ALIAS, mime)
        if answer.status != 202:
            raise DemoFailed(
                f"The site answered {answer.status} {answer.reject}.",
                "This is a fault of Postern: report it.",
            )
        return answer

    def _drain(self) -> None:
        """The receipt woke a drain already; whichever of the two takes the message, it arrives once."""
        self._run(os.path.join(home.program(), "cron", "deliver.py"))
        self._wait_for_drain()
        if len(self._sink.messages) != 1:
            raise DemoFailed(
                f"The relay got {len(self._sink.messages)} messages, not 1.", "Run it again; report it."
            )

    def _show(self, mime: bytes) -> None:
        received = self._sink.messages[0]
        print(f"\nThe relay has it, over {received.tls}, signed in as {received.user}.")
        print(f"Envelope: from {received.mail_from}\n          to   {', '.join(received.rcpt_to)}\n")
        print(compare(mime, received.content, shutil.get_terminal_size((120, 40)).columns))
        if _body(received.content) != _body(mime):
            raise DemoFailed("The body is not what was sent.", "This is a fault of Postern: report it.")
        print(f"Body: {len(_body(mime))} bytes, each as it was sent.")

    def _fill(self) -> None:
        from postern.flow.context import open_context
        from postern.ops import demo_account

        context = open_context(os.environ, "demo")
        with contextlib.closing(context.pool):
            demo_account.fill(context, USER)
        self._post(demo_account.FORGED)
        self._wait_for_drain()

    def stay(self) -> None:
        """Until Ctrl-C: show what arrives."""
        link = self._run("-m", "postern", "user", "link", USER).split()[0]
        opened = _open(link)
        print(
            f"\nIt stays up. {'Your browser opens' if opened else 'Open'} this link; press its button, and you are {USER}:\n"
            f"  {link}\n"
            f"To try besides:\n"
            f"  {self._site}/          the front page; type {MAILBOX} to sign in by mail\n"
            f"  {self._site}/health    what works and what does not\n"
            f"and from another terminal, in this folder:\n"
            f"  export POSTERN_HOME={self._home} PYTHONPATH=lib\n"
            f"  {sys.executable} -m postern send-test {ALIAS} --site {self._site}\n"
            f"  {sys.executable} -m postern queue list --state sent\n"
            f"Ctrl-C ends it and removes everything.\n",
            flush=True,
        )
        for number in self._arrivals():
            message = self._sink.messages[number]
            subject = [
                line
                for line in message.content.split(b"\r\n\r\n")[0].split(b"\r\n")
                if line[:8].lower() == b"subject:"
            ]
            print(
                f"  arrived: {b''.join(subject).decode('utf-8', 'replace')} ({message.size} bytes){_code(message.content)}",
                flush=True,
            )

    def _arrivals(self) -> Iterator[int]:
        seen = len(self._sink.messages)
        pause = threading.Event()
        while True:
            pause.wait(0.3)
            while seen < len(self._sink.messages):
                yield seen
                seen += 1


def _open(link: str) -> bool:
    """In the browser of the desktop that somebody sits at; False where there is none."""
    name = "open" if sys.platform == "darwin" else "xdg-open"
    sits = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    program = shutil.which(name) if sits and sys.stdout.isatty() else None
    if program is None:
        return False
    null = subprocess.DEVNULL
    return subprocess.call([program, link], stdin=null, stdout=null, stderr=null) == 0


def _code(content: bytes) -> str:
    """The code of a sign-in mail, so that it can be typed."""
    found = re.search(rb"^([0-9A-Z]{4}-[0-9A-Z]{4})\r$", content, re.MULTILINE)
    return f": the code is {found[1].decode()}" if found else ""


def _message() -> bytes:
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "demo.eml"), "rb") as file:
        return file.read()


def _body(mime: bytes) -> bytes:
    return mime.partition(b"\r\n\r\n")[2]
