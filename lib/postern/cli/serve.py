"""postern serve"""

from __future__ import annotations

import contextlib

from postern.base.errors import Busy
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The command."""
    command = common.verb(
        nouns,
        "serve",
        "serve the site on this machine, to try it without Apache",
        "postern serve --port 8025",
    )
    command.add_argument("--host", default="127.0.0.1", help="address to listen on")
    command.add_argument("--port", type=int, default=8025, help="0: any free one")
    command.set_defaults(run=serve)


def serve(args: argparse.Namespace) -> None:
    """postern serve"""
    from postern.ops.serve import make_server
    from postern.web.app import application

    with contextlib.closing(application("web")) as app:
        try:
            server = make_server(app, args.host, args.port)
        except (OSError, OverflowError) as error:
            raise Busy(
                f"{args.host}, port {args.port} is not to be had ({error}).", "Choose another one."
            ) from None
        with server:
            print(f"http://{args.host}:{server.server_port}/  (Ctrl-C ends it)", flush=True)
            server.serve_forever()
