"""What the operator wants Cloudflare to do for one mail domain."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from postern.ops.cloudflare import worker


@dataclass(frozen=True)
class Wish:
    """`aliases`: addresses that get a rule each, or None for the catch-all. `spf` and `dkim` are for what we send:
    mechanisms, and selector -> value of a record. `secrets`: as in POSTERN_WEBHOOK_SECRETS."""

    hook_url: str
    secrets: str
    fallback: str = ""
    multipart: bool = False
    aliases: tuple[str, ...] | None = None
    spf: tuple[str, ...] = ()
    dkim: tuple[tuple[str, str], ...] = ()
    replace_mx: bool = False
    take_catch_all: bool = False

    def bindings(self) -> list[dict[str, str]]:
        """What the Worker is told, its secrets too. The API never shows a secret again, so a mark stands beside it."""
        told = worker.bindings(self.hook_url, self.fallback, self.multipart)
        told.append({"type": "plain_text", "name": "SECRETS_MARK", "text": self.mark()})
        told.append({"type": "secret_text", "name": "SECRETS", "text": " ".join(self.secrets.split())})
        return told

    def mark(self) -> str:
        """Another one for other secrets. They are 24 random bytes or more: nobody finds them by it."""
        words = " ".join(self.secrets.split())
        return hashlib.sha256(b"postern-secrets-mark:" + words.encode()).hexdigest()[:16]
