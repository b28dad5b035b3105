"""What the installer says and asks. Without a terminal nothing is asked, so that a one-time cron job never waits."""

from __future__ import annotations

import os
from dataclasses import dataclass

from postern.base.errors import BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


@dataclass(frozen=True)
class Talk:
    """Both directions of the conversation. `interactive`: somebody is there to answer. `agreed`: --yes was given."""

    out: TextIO
    interactive: bool
    agreed: bool = False

    def say(self, text: str = "") -> None:
        """One line or more, at once: a run that is killed has told how far it came."""
        self._write(text + "\n")

    def begin(self, title: str) -> None:
        """A step begins; the line is finished by say()."""
        self._write(f"  {title} … ")

    def ask(self, text: str, default: str = "", *, secret: bool = False) -> str:
        """The answer, or the default for an empty one and where nobody is there."""
        if not self.interactive:
            return default
        try:
            answer = self._read(f"  {text}{f' [{default}]' if default else ''}: ", secret=secret).strip()
        except EOFError:
            self.say()
            raise BadInput("The input ended before all was answered.", "Nothing was written.") from None
        except UnicodeError:
            answer = "\0"
        # An arrow key is some of these, and a letter of another encoding.
        if any(letter < " " or letter == "\x7f" or "\ud800" <= letter <= "\udfff" for letter in answer):
            raise BadInput(f"The answer to “{text}” holds a character that cannot be kept.", "Type it again.")
        return answer or default

    def _read(self, prompt: str, *, secret: bool) -> str:
        if not secret:
            return input(prompt)
        from getpass import getpass

        return getpass(prompt)

    def _write(self, text: str) -> None:
        try:
            self.out.write(text)
            self.out.flush()
        except OSError:
            # Nobody reads any more (| head), or the log is on a full disk: the work goes on, unheard.
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, self.out.fileno())
            os.close(silence)

    def agrees(self, text: str) -> bool:
        """Only a typed `yes` is one, or --yes."""
        return self.agreed or self.ask(f"{text} Type yes to go on") == "yes"
