"""postern send-test"""

from __future__ import annotations

from postern.base.errors import PosternError
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The command."""
    text = "post a signed test message for an alias to this site's webhook, as the Worker would"
    command = common.verb(nouns, "send-test", text, "postern send-test shop@alias.example.org")
    command.add_argument("alias")
    command.add_argument("--site", metavar="URL", help="another address of the site; without: POSTERN_URL")
    command.set_defaults(run=send_test)


def send_test(args: argparse.Namespace) -> None:
    """postern send-test"""
    from postern.mail.envelope import parse_secrets
    from postern.ops import post

    with common.instance() as context:
        config = context.config
    sender = "postern-test@example.com"
    secret = parse_secrets(config.webhook_secrets)[0]
    site = args.site or config.url
    answer = post.post(site, secret, sender, args.alias, post.sample_message(sender, args.alias))
    if answer.status != 202:
        told = f": {answer.reject}" if answer.reject else ""
        raise PosternError(
            f"The webhook answered {answer.status}{told}.", "See /health, and the log of the site."
        )
    print(
        f"Accepted ({answer.receipt}). See where it is: postern queue list --state queued --state sent --state failed"
    )
