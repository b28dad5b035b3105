"""One message on its way to the relay: who from, who to, and the MAIL command with its parameters.

SMTPUTF8 is stated for addresses that need it, and never for a message's content: a next server without it
would have to bounce what it would otherwise pass on.

Not here: the content (relay.data).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from postern.relay.outcome import PERMANENT, Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from postern.relay.talk import Talk

MAX_ADDRESS = 254  # bytes; RFC 5321 section 4.5.3.1.3, without the angle brackets


@dataclass(frozen=True)
class Message:
    """What is to be handed over."""

    mail_from: str
    rcpt_to: str
    chunks: Iterable[bytes] = field(repr=False)
    size: int
    eight_bit: bool

    def fault(self) -> Outcome | None:
        """Addresses that cannot go into a command line. Whoever wrote them must not get to write a command."""
        if self.mail_from and not _is_path(self.mail_from):
            return _refused("mail", "5.1.7", "The sender's address has a form that cannot be sent.")
        if not _is_path(self.rcpt_to):
            return _refused("rcpt", "5.1.3", "The recipient's address has a form that cannot be sent.")
        return None

    def beyond(self, talk: Talk) -> Outcome | None:
        """What the relay has said that it will not take."""
        largest = talk.offers("size") or ""
        if largest.isdecimal() and 0 < int(largest) < self.size:
            words = f"The message has {self.size} bytes; the relay takes {largest} at most."
            return _refused("mail", "5.3.4", words)
        if self.is_utf8() and talk.offers("smtputf8") is None:
            return _refused("mail", "5.6.7", "The relay takes no addresses beyond ASCII.")
        return None

    def is_utf8(self) -> bool:
        """Whether an address has letters beyond ASCII."""
        return not (self.mail_from + self.rcpt_to).isascii()

    def mail_command(self, talk: Talk) -> str:
        """MAIL with its parameters (RFC 1870, 6152, 6531)."""
        command = f"MAIL FROM:<{self.mail_from}>"
        if talk.offers("size") is not None:
            command += f" SIZE={self.size}"
        # Without 8BITMIME the bytes go out as they are all the same: changing them would break signatures.
        if (self.eight_bit or self.is_utf8()) and talk.offers("8bitmime") is not None:
            command += " BODY=8BITMIME"
        return command + (" SMTPUTF8" if self.is_utf8() else "")


def _refused(stage: str, enhanced: str, words: str) -> Outcome:
    """No, without asking the relay."""
    return Outcome(PERMANENT, stage, 0, enhanced, words)


def _is_path(address: str) -> bool:
    plain = address.isprintable() and "@" in address and not set(address) & set("<>")
    # A blank ends the path, but in a quoted local part.
    return plain and len(address.encode()) <= MAX_ADDRESS and (" " not in address or address[0] == '"')
