"""A small SMTP server that stands for the relay: in the demo, in tests, and as the other side of benchmarks.

It takes everything from whoever is signed in, and keeps it or only counts it:

    Sink(users={"demo": "secret"})                   in memory: sink.messages
    Sink(users={"demo": "secret"}, folder=DIR)       in files:
        DIR/000001.eml      the content exactly as it came over the wire, without the dots added for the wire
        DIR/000001.json     the envelope; it appears last, so where it is the .eml is whole
    Sink(keep=False)                                 neither: sink.count and sink.size

    python -m postern.ops.local.sink --port 0 --folder DIR [--user NAME --password-file FILE] [--tls implicit] [--count-only]

prints its address, `127.0.0.1:PORT`, as one line once it listens. Its certificate is for localhost and 127.0.0.1;
sink.ca_file (DIR/tls/ca.pem) is what a client verifies it with. No users: no login asked for.

Not for the open network. Not here: what is said in one connection (ops.sink_session).
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading

from postern.ops.local.scratch import Scratch
from postern.ops.local.sink_session import Received, Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from typing import BinaryIO

    from postern.ops.local.certificate import Certificate

SIZE_LIMIT = 50 * 1024 * 1024
STOP_SECONDS = 10


class Sink:
    """The server. It listens from start() to stop(), or inside a with block."""

    session_class = Session

    def __init__(
        self,
        *,
        tls: str = "starttls",
        users: Mapping[str, str] | None = None,
        folder: str = "",
        keep: bool = True,
        port: int = 0,
        size_limit: int = SIZE_LIMIT,
    ) -> None:
        self.host = "127.0.0.1"
        self.port = port
        self.tls = tls
        self.users = dict(users or {})
        self.size_limit = size_limit
        self.ca_file = ""
        self.context: ssl.SSLContext | None = None
        self.messages: list[Received] = []
        self.count = 0
        self.size = 0
        self._folder = folder
        self._keep = keep
        self._lock = threading.Lock()
        self._sessions: dict[Session, threading.Thread] = {}
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> Sink:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; `port` is then the real one."""
        if self._folder:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            self.count = max((int(n[:6]) for n in os.listdir(self._folder) if n.endswith(".json")), default=0)
        if self.tls != "none":
            self.context = self._make_context()
        listener = socket.create_server((self.host, self.port), backlog=128)
        self.port = listener.getsockname()[1]
        thread = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        thread.start()
        self._undo.callback(self._end, listener, thread)

    def stop(self) -> None:
        """Stop listening and end every connection."""
        self._undo.close()

    def make_certificate(self, folder: str) -> Certificate:
        """The certificate to show, and the CA to trust."""
        from postern.ops.local import certificate

        return certificate.make(folder)

    def _make_context(self) -> ssl.SSLContext:
        import ssl

        if self._folder:
            place = os.path.join(self._folder, "tls")
            os.makedirs(place, mode=0o700, exist_ok=True)
        else:
            scratch = Scratch("postern-sink-")
            self._undo.callback(scratch.remove)
            place = scratch.folder
        made = self.make_certificate(place)
        self.ca_file = made.ca
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(made.cert, made.key)
        return context

    def open_content(self) -> BinaryIO | None:
        """Where the content of a message goes while it comes in."""
        if not self._keep:
            return None
        if not self._folder:
            import io

            return io.BytesIO()
        name = f".{os.getpid()}-{threading.get_ident()}.part"
        return open(os.path.join(self._folder, name), "w+b", opener=_private)

    def take(self, message: Received, content: BinaryIO | None) -> None:
        """Keep a message that is complete. When this returns, the sender may be told so."""
        with self._lock:
            self.count += 1
            self.size += message.size
            if content is None:
                return
            if self._folder:
                self._write(message, content)
            else:
                content.seek(0)
                self.messages.append(message.with_content(content.read()))

    def discard(self, content: BinaryIO) -> None:
        """Let go of what open_content() gave; what take() has kept stays."""
        content.close()
        if self._folder:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(content.name)

    def forget(self, session: Session) -> None:
        """A connection has ended."""
        with self._lock:
            self._sessions.pop(session, None)

    def _write(self, message: Received, content: BinaryIO) -> None:
        import json

        base = os.path.join(self._folder, f"{self.count:06}")
        content.flush()
        os.rename(content.name, base + ".eml")
        with open(base + ".part", "w", encoding="utf-8", opener=_private) as file:
            json.dump(message.envelope(), file, indent=1)
        os.rename(base + ".part", base + ".json")

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            session = self.session_class(self, sock)
            thread = threading.Thread(target=session.run, daemon=True)
            with self._lock:
                self._sessions[session] = thread
            thread.start()

    def _end(self, listener: socket.socket, thread: threading.Thread) -> None:
        # On Linux a close alone leaves accept() waiting.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(STOP_SECONDS)
        with self._lock:
            left = list(self._sessions.items())
        for session, _ in left:
            session.wire.hang_up()
        for _, worker in left:
            worker.join(STOP_SECONDS)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    import argparse
    import signal

    parser = argparse.ArgumentParser(
        prog="postern.ops.local.sink", description="An SMTP server that keeps what it gets."
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", default="")
    parser.add_argument("--tls", choices=("starttls", "implicit", "none"), default="starttls")
    parser.add_argument("--user", default="")
    parser.add_argument("--password-file", default="", help="its first line is the password")
    parser.add_argument("--count-only", action="store_true", help="keep nothing")
    args = parser.parse_args()
    users = {}
    if args.user:
        with open(args.password_file, encoding="utf-8") as file:
            users[args.user] = file.readline().rstrip("\n")
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with Sink(
        tls=args.tls, users=users, folder=args.folder, keep=not args.count_only, port=args.port
    ) as sink:
        print(f"{sink.host}:{sink.port}", flush=True)
        over.wait()


if __name__ == "__main__":
    main()
