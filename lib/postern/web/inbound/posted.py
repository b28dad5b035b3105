"""What the services' webhooks have in common: a body held in memory, and a message that is taken in on their word.

What they say of a message's author counts only where it is signed; no stamp inside the message does, for nobody knows here who
wrote it. A post that comes again has the same webhook id, and is a duplicate.
"""

from __future__ import annotations

import hashlib

from postern.base.errors import BadInput, Busy, ConfigError, NotFound
from postern.flow.piped import crlf
from postern.flow.receive import take
from postern.mail import envelope
from postern.mail.envelope import Envelope, Unsigned
from postern.mail.trust import UNKNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.mail.trust import Verdict
    from postern.web.request import Request

OVERHEAD = 65536


class Posted(BadInput):
    """The post is not what this service sends."""


def needs(setting: str) -> str:
    """The setting that opens this way in. NotFound while it is empty: then nothing is here."""
    if not setting:
        raise NotFound("There is nothing at this address.", "Follow a link of this site.")
    return setting


def body(context: Context, request: Request, times: int) -> bytes:
    """All of it; at most `times` the largest message, for encodings make it longer."""
    length = request.content_length
    if length > times * context.config.max_message_bytes + OVERHEAD:
        raise Posted("The post is larger than any message.", "Let the service refuse mail of that size.")
    read = b"".join(request.body(length))
    if len(read) < length:
        raise Busy("The post did not arrive whole.", "The service tries again.")
    return read


def take_posted(
    context: Context,
    source: str,
    seed: str,
    mail_from: str,
    rcpt_to: str,
    mime: bytes,
    verdict: Verdict = UNKNOWN,
) -> str:
    """Take it in; what was done with it, as take() says. `seed` is the service's own word for this post."""
    if not mime.strip():
        raise ConfigError(f"{source} posts no message.", "Let it send the raw message: docs/webhooks.md.")
    whole = b"".join(crlf(iter([mime])))
    name = hashlib.sha256(f"{source}:{seed}:{rcpt_to}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
    digest = hashlib.sha256(whole).hexdigest()
    sent = Envelope(mail_from.strip().strip("<>"), rcpt_to.strip(), len(whole), digest, source)
    try:
        return take(context, envelope.vouch(f"in_{name}", sent), [whole], verdict)
    except Unsigned:  # this very post was answered before
        return "duplicate"
