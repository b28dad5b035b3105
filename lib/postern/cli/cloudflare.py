"""postern cloudflare …: Email Routing, DNS records, the Worker and its rules, by Cloudflare's API (docs/cloudflare.md)."""

from __future__ import annotations

import argparse
import sys

from postern.base.errors import BadInput, PosternError
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postern.cli.main import Nouns
    from postern.flow.context import Context
    from postern.ops.cloudflare.api import Api
    from postern.ops.cloudflare.plan import Change
    from postern.ops.cloudflare.wish import Wish
    from postern.ops.cloudflare.zone import Zone


class NotAsWished(PosternError):
    """Something at Cloudflare is not as it should be (EX_UNAVAILABLE)."""

    exit_code = 69


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "cloudflare", "let Cloudflare take the mail of a domain in")
    _verb(verbs, "plan", "show what would be changed at Cloudflare, and change nothing", show_plan)
    apply = _verb(verbs, "apply", "show it, ask, and change it; again as often as you like", apply_plan)
    _verb(verbs, "check", "say whether all is as it should be", check)
    remove = _verb(verbs, "remove", "take back what apply did, as it was before", remove_all, wishes=False)
    for command in (apply, remove):
        command.add_argument("--yes", action="store_true", help="do not ask")


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    text: str,
    run: Callable[[argparse.Namespace], None],
    wishes: bool = True,
) -> argparse.ArgumentParser:
    command = common.verb(verbs, name, text, f"postern cloudflare {name} alias.example.org")
    command.add_argument("domain")
    command.add_argument(
        "--keep-token", action="store_true", help="write the token to .env, for the next time"
    )
    command.add_argument("--api", default="", help=argparse.SUPPRESS)
    if wishes:
        _add_wishes(command)
    command.set_defaults(run=run)
    return command


def _add_wishes(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--fallback", metavar="ADDRESS", default="", help="gets the mail while this site cannot take it")
    add("--multipart", action="store_true", help="post as a form: for hosts whose firewall wants that")
    add(
        "--per-alias",
        action="store_true",
        help="a rule an alias, and no catch-all; replies and bounces do not work",
    )
    add(
        "--spf",
        metavar="TERM",
        action="append",
        default=[],
        help="the relay's, such as include:spf.example.net",
    )
    add(
        "--dkim",
        metavar="SELECTOR=VALUE",
        action="append",
        default=[],
        help="the relay's key, or the name it is at",
    )
    add("--replace-mx", action="store_true", help="take the mail away from the domain's present provider")
    add("--take-catch-all", action="store_true", help="even when the zone's catch-all is in use")


def show_plan(args: argparse.Namespace) -> None:
    """postern cloudflare plan"""
    api, zone, wish, _ = _open(args)
    _show(_changes(api, zone, wish))


def check(args: argparse.Namespace) -> None:
    """postern cloudflare check"""
    api, zone, wish, _ = _open(args)
    left = _changes(api, zone, wish)
    _show(left)
    if left:
        raise NotAsWished(
            f"{len(left)} of it is not as it should be.", f"Say: postern cloudflare apply {zone.domain}"
        )
    _say_unverified(api, zone, wish)


def apply_plan(args: argparse.Namespace) -> None:
    """postern cloudflare apply"""
    from postern.ops.cloudflare import notes

    api, zone, wish, home = _open(args)
    changes = _changes(api, zone, wish)
    _show(changes)
    if not changes:
        return
    _agree(args, changes)
    for change in changes:
        notes.add(home, zone.domain, change.undo)
        change.act()
        print(f"Done: {change.what}")
    left = _changes(api, zone, wish)
    if left:
        _show(left)
        raise NotAsWished("Not all of it is there yet.", "Cloudflare may need a minute. Then say it again.")
    _say_unverified(api, zone, wish)


def remove_all(args: argparse.Namespace) -> None:
    """postern cloudflare remove"""
    from postern.ops.cloudflare import notes, undo

    api, zone, _, home = _open(args)
    others = [name for name in notes.domains(home) if name != zone.domain]
    changes = undo.changes(api, zone, notes.read(home, zone.domain), keep_worker=bool(others))
    _show(changes)
    if changes:
        _agree(args, changes)
    for change in changes:
        change.act()
        print(f"Done: {change.what}")
    notes.forget(home, zone.domain)


def _open(args: argparse.Namespace) -> tuple[Api, Zone, Wish, str]:
    """What every verb needs; the token is asked for last, when all else makes sense."""
    from postern.mail.address import parse_address
    from postern.ops.cloudflare import api as apis
    from postern.ops.cloudflare import zone as zones

    domain = parse_address(f"postmaster@{args.domain}").domain
    with common.instance() as context:
        wish = _wish(context, domain, args)
        home = context.config.home
        token = context.config.cloudflare_token or _ask_token()
    api = apis.Api(token, args.api or apis.BASE)
    zone = zones.find(api, domain)
    if args.keep_token:
        from postern.ops.install.env_file import EnvFile

        EnvFile(home).add({"POSTERN_CLOUDFLARE_TOKEN": token})
    return api, zone, wish, home


def _wish(context: Context, domain: str, args: argparse.Namespace) -> Wish:
    from postern.mail.envelope import parse_secrets
    from postern.ops.cloudflare.wish import Wish

    config = context.config
    parse_secrets(config.webhook_secrets)
    hook = f"{config.url.rstrip('/')}/hooks/inbound"
    if "dkim" not in args:
        return Wish(hook, config.webhook_secrets)
    return Wish(
        hook,
        config.webhook_secrets,
        args.fallback,
        args.multipart,
        _aliases(context, domain) if args.per_alias else None,
        tuple(args.spf),
        (*_own_keys(config.home, domain), *(_dkim(text) for text in args.dkim)),
        args.replace_mx,
        args.take_catch_all,
    )


def _own_keys(home: str, domain: str) -> list[tuple[str, str]]:
    """The records of Postern's own keys, where it has some."""
    from postern.mail import dkim_record
    from postern.ops import own_dkim

    ours = [one.key for one in own_dkim.keys(home) if one.key.domain == domain and not one.replaced]
    return [(key.selector, dkim_record.text(key)) for key in ours]


def _dkim(text: str) -> tuple[str, str]:
    selector, equals, value = text.partition("=")
    if not equals or not value:
        raise BadInput(f"--dkim {text} has no value.", "Give it as: --dkim s1=s1.domainkey.relay.example.net")
    return selector, value


def _aliases(context: Context, domain: str) -> tuple[str, ...]:
    from postern.store import aliases, users

    with common.across_users(context) as db:
        found = [alias.address for user in users.all_users(db) for alias in aliases.of_user(db, user.id)]
    return tuple(sorted(address for address in found if address.endswith(f"@{domain}")))


def _ask_token() -> str:
    """Typed in without being shown, or the first line of standard input."""
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass("Cloudflare API token: ").strip()
    return sys.stdin.readline().strip()


def _changes(api: Api, zone: Zone, wish: Wish) -> list[Change]:
    from postern.ops.cloudflare import plan

    return plan.changes(api, zone, wish)


def _show(changes: Sequence[Change]) -> None:
    """As a diff."""
    if not changes:
        print("All is as it should be.")
    for change in changes:
        print(f"{'~' if change.before and change.after else '-' if change.before else '+'} {change.what}")
        for mark, text in (("-", change.before), ("+", change.after)):
            if text:
                print(f"    {mark} {_printable(text)}")


def _printable(text: str) -> str:
    """Others wrote some of it: no escape sequence reaches the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _agree(args: argparse.Namespace, changes: Sequence[Change]) -> None:
    """BadInput unless he does."""
    if args.yes:
        return
    if not sys.stdin.isatty():
        raise BadInput("Nothing was changed.", "When that is what you want, say the same with --yes.")
    if input(f"Make these {len(changes)} changes? (yes/no) ").strip().lower() not in ("y", "yes"):
        raise BadInput("Nothing was changed.", "Say yes when that is what you want.")


def _say_unverified(api: Api, zone: Zone, wish: Wish) -> None:
    """Cloudflare wants one verified destination address, whatever the rules say; and the fallback is one."""
    from postern.ops.cloudflare import zone as zones

    verified = [address for address, proven in zones.addresses(api, zone).items() if proven]
    if wish.fallback and wish.fallback.lower() not in verified:
        print(
            f"Open the link that Cloudflare mailed to {wish.fallback}: until then nothing is forwarded there."
        )
    elif not verified:
        print(
            "No destination address of the account is verified. Some catch-all rules take no mail before one is: "
            "add one in the dashboard, Email Routing, Destination addresses."
        )
