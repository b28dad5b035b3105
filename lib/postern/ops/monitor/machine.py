"""What the machine and the home tell: disk, files, quota, spool, errors in the log, the site's certificate."""

from __future__ import annotations

import os
import shutil
import subprocess

from postern.base import clock
from postern.ops import logs
from postern.ops.doctor import certificates, handshake, tls
from postern.ops.doctor.handshake import NoCommonProtocol, Unreachable
from postern.ops.monitor.look import Look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.flow.context import Context

QUOTA_SECONDS = 10
DAY = 86400


def look(context: Context, home: str) -> list[Look]:
    """All of it but the certificate, which asks the network."""
    return [*_disk(context, home), _spool(context, home), _errors(context, home)]


def _disk(context: Context, home: str) -> Iterator[Look]:
    config = context.config
    stat = os.statvfs(config.home)
    free = stat.f_bavail * stat.f_frsize
    shares = dict(_quota())
    words = f"{free // 1_000_000} MB free"
    if "blocks" in shares:
        words += f", {shares['blocks']} % of the quota"
    ok = free >= config.disk_free_bytes and shares.get("blocks", 0) < config.alert_disk_percent
    yield Look("disk", home, ok, words)
    # Some file systems count no files.
    percent = 100 - 100 * stat.f_favail // stat.f_files if stat.f_files else 0
    percent = max(percent, shares.get("files", 0))
    yield Look(
        "files",
        home,
        percent < config.alert_disk_percent,
        f"{percent} % of the files that may be made are there",
    )


def _quota() -> Iterator[tuple[str, int]]:
    """What the program `quota` says of this account, in percent: of blocks, and of files. Nothing where there is none."""
    if shutil.which("quota") is None:
        return
    try:
        done = subprocess.run(
            ["quota", "-w"], capture_output=True, timeout=QUOTA_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    yield from shares_of(done.stdout.decode(errors="replace")).items()


def shares_of(said: str) -> dict[str, int]:
    """The highest share of any file system, from quota(1): filesystem, blocks, quota, limit, grace, files, quota, limit, grace.

    A star marks what is over; the grace is empty while nothing is.
    """
    shares: dict[str, int] = {}
    for line in said.splitlines()[2:]:
        numbers = [int(word.rstrip("*")) for word in line.split()[1:] if word.rstrip("*").isdigit()]
        for name, (used, soft, hard) in (
            zip(("blocks", "files"), (numbers[:3], numbers[3:6])) if len(numbers) >= 6 else ()
        ):
            most = hard or soft
            if most:
                shares[name] = max(shares.get(name, 0), 100 * used // most)
    return shares


def _spool(context: Context, home: str) -> Look:
    waiting, kept = len(context.spool.waiting()), context.spool.kept_count()
    age = round(clock.now() - context.spool.oldest())
    ok = kept == 0 and age <= context.config.health_queue_seconds
    return Look("spool", home, ok, f"{waiting} waiting for {age} s, {kept} kept for the operator")


def _errors(context: Context, home: str) -> Look:
    many = logs.errors_since(context.config.home, clock.now() - 3600)
    most = context.config.alert_errors_hour
    return Look("errors", home, not most or many < most, f"{many} errors in the log within the hour")


def certificate(context: Context) -> Look:
    """The site's certificate, asked for over the network."""
    config = context.config
    if not config.url.startswith("https://"):
        return Look("certificate", "", True, "the site is on this machine, and has none")
    target = tls.Target(config.url, config.hsts, 0, ())
    try:
        served = handshake.look(tls.place_of(target))
    except (NoCommonProtocol, Unreachable, OSError) as error:
        return Look("certificate", "", False, f"HTTPS does not answer: {error}")
    facts = certificates.read(served.leaf)
    if facts is None:
        return Look("certificate", "", False, "it cannot be read")
    days = int((facts.ends - clock.now()) // DAY)
    return Look("certificate", "", days >= config.alert_certificate_days, f"{days} days are left")
