"""What the installer says and asks. Without a terminal nothing is asked, so that a one-time cron job never waits."""

from __future__ import annotations

from dataclasses import dataclass

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
        self.out.write(text + "\n")
        self.out.flush()

    def begin(self, title: str) -> None:
        """A step begins; the line is finished by say()."""
        self.out.write(f"  {title} … ")
        self.out.flush()

    def ask(self, text: str, default: str = "", *, secret: bool = False) -> str:
        """The answer, or the default for an empty one and where nobody is there."""
        if not self.interactive:
            return default
        if secret:
            from getpass import getpass

            return getpass(f"  {text}: ").strip()
        return input(f"  {text}{f' [{default}]' if default else ''}: ").strip() or default

    def agrees(self, text: str) -> bool:
        """Only a typed `yes` is one, or --yes."""
        return self.agreed or self.ask(f"{text} Type yes to go on") == "yes"
