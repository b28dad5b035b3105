"""postern doctor …"""

from __future__ import annotations

import contextlib

from postern.base import guide
from postern.base.errors import BadInput
from postern.cli import common, doctor_answers

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from postern.cli.main import Nouns
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.registry import Finding
    from postern.ops.doctor.scene import Scene


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    text = "look at this instance and say what to mend; exit code 2 when something critical is wrong, 1 when another is"
    parser = nouns.add_parser("doctor", help=text, description=text, epilog="example: postern doctor")
    _add_look(parser)
    verbs = parser.add_subparsers(metavar="VERB")
    look = common.verb(verbs, "look", f"{text}; so does `postern doctor`", "postern doctor look --only dns")
    _add_look(look)
    _add_tls(verbs)
    _add_dns(verbs)
    limits = common.verb(
        verbs, "limits", "what the host allows, and what is left of it", "postern doctor limits"
    )
    common.json_flag(limits)
    limits.set_defaults(run=look_at_group, only=["limits"], group="limits")
    answer = common.verb(
        verbs,
        "answer",
        "answer what no program can see; kept with the date and your name",
        "postern doctor answer keys.sheet yes --by 'Jane Doe'",
    )
    answer.add_argument("item", metavar="ITEM")
    answer.add_argument("answer", choices=("yes", "no"))
    answer.add_argument("--by", required=True, metavar="NAME", help="who answers")
    answer.add_argument("--note", default="", help="what you saw")
    answer.set_defaults(run=doctor_answers.keep_answer)
    page = common.verb(
        verbs, "checklist", "print docs/CHECKLIST.md", "postern doctor checklist > docs/CHECKLIST.md"
    )
    page.set_defaults(run=print_checklist)


def _add_look(parser: argparse.ArgumentParser) -> None:
    common.json_flag(parser)
    parser.add_argument("--only", metavar="NAMES", help="groups and checks, commas between")
    parser.add_argument("--go-live", action="store_true", help="print the report of the readiness review")
    parser.add_argument("--ask", action="store_true", help="first ask what no program can see")
    parser.add_argument("--by", default="", metavar="NAME", help="with --ask: who answers")
    parser.set_defaults(run=look)


def _add_tls(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    tls = common.verb(
        verbs,
        "tls",
        "look at the site's certificate, redirect, HSTS and pages from outside; exit code 1 when something fails",
        "postern doctor tls --json",
    )
    common.json_flag(tls)
    tls.add_argument(
        "--connect", metavar="HOST:PORT", type=_place, help="look at this server; without: the name's"
    )
    tls.add_argument(
        "--http-port", metavar="PORT", type=_port, default=0, help="where plain HTTP is; without: 80"
    )
    tls.add_argument("--ca-file", metavar="PEM", default="", help="trust these CAs; without: the system's")
    tls.set_defaults(run=doctor_tls)


def _add_dns(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    dns = common.verb(
        verbs,
        "dns",
        "read each domain's records, and give the exact ones to add; exit code 1 when one is wrong",
        "postern doctor dns alias.example.org",
    )
    common.json_flag(dns)
    dns.add_argument("domain", nargs="*", help="without: all domains of this instance")
    dns.add_argument(
        "--selector", metavar="NAME", action="append", default=[], help="a DKIM selector of the relay"
    )
    dns.add_argument(
        "--inbound",
        choices=("cloudflare", "pipe", "mailgun", "postmark", "ses"),
        default="",
        help="the way in; without: what the settings say",
    )
    dns.set_defaults(run=doctor_dns)


@contextlib.contextmanager
def _scene(
    ca_file: str = "", domains: tuple[str, ...] = (), selectors: tuple[str, ...] = (), inbound: str = ""
) -> Iterator[Scene]:
    """The instance as the doctor sees it, closed at the end."""
    from postern.base import clock, home
    from postern.ops.doctor.scene import Scene
    from postern.resident import ask
    from postern.web.routes import ROUTES

    place = home.find()
    pages = tuple(path for method, path in ROUTES if method == "GET")
    scene = Scene(
        place,
        clock.now(),
        common.settings,
        common.opened,
        pages,
        ca_file,
        domains,
        selectors,
        inbound,
        resident=lambda: ask.status(place),
    )
    with contextlib.closing(scene):
        yield scene


def look(args: argparse.Namespace) -> int:
    """postern doctor, postern doctor look"""
    from postern.ops.doctor import go_live, registry

    if args.go_live and args.only:
        raise BadInput("The readiness review looks at everything.", "Say --go-live without --only.")
    if args.ask and args.json:
        raise BadInput("Questions are no JSON.", "Say --ask without --json, then --json without --ask.")
    wanted = registry.chosen(_names(args.only))
    if args.ask:
        doctor_answers.ask_all(wanted, args.by)
    with _scene() as scene:
        findings = registry.look(scene, wanted)
        if args.go_live:
            print(go_live.report(findings, _address(scene), scene.now))
            return int(bool(go_live.open_points(findings)))
        address = _address(scene)
    _show_findings(findings, args.json, address)
    return registry.exit_code(findings)


def look_at_group(args: argparse.Namespace) -> int:
    """postern doctor limits"""
    from postern.ops.doctor import registry

    with _scene() as scene:
        findings = registry.look(scene, registry.chosen([args.group]))
        address = _address(scene)
    _show_findings(findings, args.json, address)
    return registry.exit_code(findings)


def _names(only: str | None) -> list[str]:
    return [name for name in (only or "").replace(",", " ").split() if name]


def _address(scene: Scene) -> str:
    from postern.base.errors import ConfigError

    try:
        return scene.url
    except ConfigError:
        return scene.home


def doctor_dns(args: argparse.Namespace) -> int:
    """postern doctor dns"""
    from postern.mail.address import parse_address
    from postern.ops.doctor.check import FAIL
    from postern.ops.doctor.groups import dns

    names = tuple(parse_address(f"postmaster@{name}").domain for name in args.domain)
    with _scene(domains=names, selectors=tuple(args.selector), inbound=args.inbound) as scene:
        records = dns.found(scene)
    if args.json:
        from dataclasses import asdict

        common.show([asdict(one) for one in records], True, "")
    else:
        rows: list[dict[str, object]] = [
            {"domain": one.domain, "record": one.kind, "status": one.status, "found": one.found}
            for one in records
        ]
        common.show(rows, False, "There is no domain yet. Run: postern domain add alias.example.org")
        for one in records:
            if one.remedy:
                print(f"\n{one.domain}, {one.kind}: {one.remedy}")
            for line in one.add:
                print(f"    {line}")
    return int(any(one.status == FAIL for one in records))


def print_checklist(args: argparse.Namespace) -> None:
    """postern doctor checklist"""
    from postern.ops.doctor import checklist

    print(checklist.page(), end="")


def _show_findings(findings: Sequence[Finding], as_json: bool, address: str) -> None:
    """A table; below it what to do, where that is told at more length, and what is next."""
    from postern.ops.doctor import registry

    rows: list[dict[str, object]] = [
        {"check": one.item.id, "status": one.status, "severity": one.item.severity, "detail": one.detail}
        for one in findings
    ]
    if as_json:
        for row, one in zip(rows, findings):
            row.update(ticket=one.item.ticket, what=one.item.what, remedy=one.remedy, guide=one.item.guide)
            row.update(question=one.item.question, symptom=one.item.symptom)
        common.show(rows, True, "")
        return
    common.show(rows, False, "")
    for one in findings:
        if one.remedy and not one.detail.startswith("not looked at"):
            print(f"\n{one.item.id}: {one.remedy}")
            print(f"  {_guide(one)}")
    following = registry.next_step(findings)
    if any(one.remedy for one in findings) and address.startswith("http"):
        print(f"\nThe pages lie beside the program; admins read them at {address}{guide.HOME}, too.")
    if following:
        print(
            f"\nNext: {following.item.id}. {following.item.question or following.item.what}.".replace(
                "?.", "?"
            )
        )


def _guide(one: Finding) -> str:
    if one.item.question:
        return f"Then: postern doctor answer {one.item.id} yes --by NAME"
    trouble = f"; docs/TROUBLESHOOTING.md, “{one.item.symptom}”" if one.item.symptom else ""
    return f"See {one.item.guide}{trouble}"


def doctor_tls(args: argparse.Namespace) -> int:
    """postern doctor tls"""
    from dataclasses import replace

    from postern.ops.doctor import check, tls
    from postern.ops.doctor.groups.tls import target

    with _scene(ca_file=args.ca_file) as scene:
        seen = replace(target(scene), connect=args.connect, http_port=args.http_port)
        checks = tls.look(seen, scene.now)
    _show(checks, args.json)
    return check.exit_code(checks)


def _show(checks: list[Check], as_json: bool) -> None:
    """A table, and below it what to do."""
    if as_json:
        from dataclasses import asdict

        common.show([asdict(one) for one in checks], True, "")
        return
    common.show([{"check": c.name, "status": c.status, "detail": c.detail} for c in checks], False, "")
    for one in checks:
        if one.remedy:
            print(f"\n{one.name}: {one.remedy}")


def _port(text: str) -> int:
    port = common.whole_number(text)
    if not 1 <= port <= 65535:
        raise BadInput(f"{text} is no port.", "Ports go from 1 to 65535.")
    return port


def _place(text: str) -> tuple[str, int]:
    """HOST:PORT; an IPv6 address stands in brackets."""
    host, _, port = text.rpartition(":")
    if not host:
        raise BadInput(f"{text!r} is no HOST:PORT.", "For instance: --connect 203.0.113.7:443")
    return host.strip("[]"), _port(port)
