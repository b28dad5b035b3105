"""An instance whose commands run in the test's own process: hundreds of them cost what a dozen processes do.

That the command line works as a program, with its exit codes and without a traceback, is tests/cli/test_cli.py's.
"""

from __future__ import annotations

import contextlib
import io
import os
from unittest import mock

from postern.cli.main import main
from support.instance import Instance
from support.mail import message
from support.receipt import DMARC_FAIL


class House(Instance):
    """`cli` as that of an Instance, without a process."""

    def cli(self, *args: str, code: int = 0, stdin: str = "") -> str:
        assert not stdin, "nothing is asked here"
        found, out, errors = self.tell(*args)
        assert found == code, f"postern {' '.join(args)}: {found}\n{out}{errors}"
        return out + errors

    def tell(self, *args: str) -> tuple[int, str, str]:
        """Run `postern …`: exit code, output, errors."""
        out, errors = io.StringIO(), io.StringIO()
        home = mock.patch.dict(os.environ, {"POSTERN_HOME": self.home})
        with home, contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            try:
                code = main(args)
            except SystemExit as end:
                code = int(str(end.code or 0))
        return code, out.getvalue(), errors.getvalue()


def held_message() -> bytes:
    """Mail that DMARC calls forged."""
    stamped = f"Received: from x by cloudflare-email.net; now\r\nAuthentication-Results: {DMARC_FAIL}\r\n"
    return stamped.encode() + message(subject="Forged")
