"""Real releases of this very program, an account's document root to put them in, and a web server that runs its CGI door."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import tiers
from postern.ops.releases import kept, pack, release
from support.instance import Instance
from support.patience import PATIENCE, join

PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
"""So that the CGI's `env python3` has the packages of this test run."""

Edit = Callable[[Path], None]


def put(name: str, text: str) -> Edit:
    """A change of a program's folder: this file, new or replaced."""

    def edit(top: Path) -> None:
        (top / name).write_text(text)

    return edit


def add(name: str, text: str) -> Edit:
    """A change of a program's folder: more at the end of a file."""

    def edit(top: Path) -> None:
        with (top / name).open("a") as file:
            file.write(text)

    return edit


def swap(name: str, old: str, new: str) -> Edit:
    """A change of a program's folder: other words in a file."""

    def edit(top: Path) -> None:
        text = (top / name).read_text()
        assert old in text, f"{name} has no {old!r}"
        (top / name).write_text(text.replace(old, new))

    return edit


def migration(up: str, down: str) -> Edit:
    """A change of a program's folder: one migration more."""

    def edit(top: Path) -> None:
        number = len(list((top / "schema").glob("*.up.sql"))) + 1
        (top / "schema" / f"{number:04}_more.up.sql").write_text(up)
        (top / "schema" / f"{number:04}_more.down.sql").write_text(down)

    return edit


def build(folder: Path, version: str, *edits: Edit) -> Path:
    """A zip of this program under another version, changed."""
    tree = folder / f"tree-{version}"
    release.copy(str(tiers.TOP), str(tree))
    init = tree / "lib" / "postern" / "__init__.py"
    init.write_text(re.sub(r'__version__ = ".*"', f'__version__ = "{version}"', init.read_text()))
    for edit in edits:
        edit(tree)
    pack.pack(str(tree), str(folder))
    return folder / f"postern-{version}.zip"


class Docroot:
    """The program's folder of an instance, and its command line."""

    def __init__(self, folder: Path, archive: Path, instance: Instance) -> None:
        self.top = folder
        self.instance = instance
        release.unpack(str(archive), str(folder))
        folder.chmod(0o755)

    @property
    def version(self) -> str:
        return release.version(str(self.top))

    def environ(self, program: Path | None = None) -> dict[str, str]:
        return {**self.instance.environ, "PYTHONPATH": str((program or self.top) / "lib"), "PATH": PATH}

    def run(self, *args: str, code: int = 0, program: Path | None = None) -> str:
        """`postern …` of the program that lies here, or of another one; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "postern", *args],
            env=self.environ(program), cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=5 * PATIENCE,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == code, f"postern {' '.join(args)}: {done.returncode}\n{said}"
        assert "Traceback" not in said, said
        return said

    def run_killed(self, script: str, *args: str) -> None:
        """The same as its second half, run from a copy, with `script` run first: it arranges for the kill."""
        copy = Path(kept.keep(self.instance.home, str(self.top)))
        code = (
            f"{script}\nfrom postern.cli.main import main\nsys.exit(main({[*args, '--of', str(self.top)]!r}))"
        )
        done = subprocess.run(
            [sys.executable, "-c", f"import os, sys\n{code}"],
            env=self.environ(copy), cwd=copy, capture_output=True, text=True, timeout=5 * PATIENCE,
        )  # fmt: skip
        assert done.returncode == -9, f"{done.returncode}\n{done.stdout}{done.stderr}"

    def drain(self) -> None:
        """cron/deliver.py of the program that lies here, until nothing is due."""
        script = str(self.top / "cron" / "deliver.py")
        done = subprocess.run(
            [sys.executable, script], env=self.environ(), capture_output=True, text=True, timeout=5 * PATIENCE
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
        self.instance.wait_for_drain()

    @contextlib.contextmanager
    def served(self) -> Iterator[str]:
        """Its CGI door behind a web server; yields the address."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            join(thread)
            self.instance.wait_for_drain()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        docroot = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                env = {
                    "GATEWAY_INTERFACE": "CGI/1.1",
                    "CONTENT_LENGTH": str(len(body)),
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "PATH": PATH,
                    "POSTERN_HOME": docroot.instance.home,
                    "REQUEST_METHOD": self.command,
                    "REQUEST_URI": self.path,
                    "PATH_INFO": self.path,
                    "SERVER_NAME": "localhost",
                    "SERVER_PORT": "80",
                    "SERVER_PROTOCOL": "HTTP/1.1",
                }
                env.update({f"HTTP_{k.upper().replace('-', '_')}": v for k, v in self.headers.items()})
                door = docroot.top / "cgi-bin" / "postern.cgi"
                done = subprocess.run(
                    [str(door)], env=env, input=body, capture_output=True, timeout=5 * PATIENCE
                )
                head, _, content = done.stdout.replace(b"\r\n", b"\n", 20).partition(b"\n\n")
                fields = [line.split(": ", 1) for line in head.decode().split("\n") if ": " in line]
                status = next((value for name, value in fields if name == "Status"), "500 No answer")
                self.send_response(int(status[:3]))
                for name, value in fields:
                    if name not in ("Status", "Content-Length"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = answer  # noqa: N815

        return Handler
