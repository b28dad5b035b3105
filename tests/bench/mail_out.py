"""Mail going out, beside what smtplib can do with one connection and nothing to look up, open or record."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import sys

from figure import Goal, Line, Section, median
from world import World

from postern.ops.bench import drains
from postern.ops.bench.bench import Bench
from postern.ops.bench.lab import Lab
from postern.ops.bench.requests import SIZES, message

SMALL, LARGE, ROUNDS = 300, 3, 9

BARE = """
import json, os, smtplib, ssl, sys, time
port, ca, path, many, streamed = sys.argv[1:]
body = open(path, "rb")
mime = body.read()
context = ssl.create_default_context(cafile=ca)
with smtplib.SMTP("127.0.0.1", int(port), local_hostname="localhost") as smtp:
    smtp.starttls(context=context)
    smtp.ehlo("localhost")
    if streamed == "1":
        del mime
    began = time.perf_counter()
    for number in range(int(many)):
        if streamed == "0":
            smtp.sendmail("bounce@shop.example", ["jane@mailbox.example"], mime)
            continue
        smtp.mail("bounce@shop.example"), smtp.rcpt("jane@mailbox.example")
        smtp.putcmd("data"); smtp.getreply(); body.seek(0)
        while True:
            piece = body.read(65536)
            if not piece: break
            smtp.sock.sendall(piece)
        smtp.sock.sendall(b".\\r\\n"); assert smtp.getreply()[0] == 250
    print(json.dumps((time.perf_counter() - began) * 1000 / int(many)))
"""
"""Milliseconds a message. Streamed: 25 MB in pieces, with no line that begins with a dot."""


def measure(world: World) -> Section:
    bench = world.bench()
    many = 10 if world.quick else SMALL
    with bench.stack:
        lab = bench.lab()
        folder = pathlib.Path(lab.home)
        for name, size in (("4k", SIZES["receipt.4k"]), ("25m", SIZES["receipt.25m"])):
            (folder / name).write_bytes(message(size, 0))
        drains.drain(bench, lab)
        found: dict[str, list[float]] = {}
        for _ in range(world.rounds(ROUNDS)):
            idle = drains.drain(bench, lab)
            for name, size, times in (("small", "4k", many), ("large", "25m", LARGE)):
                spent = drains.filled(bench, lab, size, times)
                clock, used = drains.each(spent, idle, times)
                bare = _bare(world, lab.home, size, times, streamed=name == "large")
                for what, value in (
                    (name, clock),
                    (f"{name} processor", used),
                    (f"{name} memory", spent.peak_mib),
                    (f"bare {name}", bare),
                ):
                    found.setdefault(what, []).append(value)
        profile = f"{_profile(bench, lab, '4k', many)}\n\nThe same of mail of 25 MB:\n\n{_profile(bench, lab, '25m', LARGE)}"
    return _told({name: median(numbers) for name, numbers in found.items()}, profile)


def _told(found: dict[str, float], profile: str) -> Section:
    lines = [
        Line(
            "**a delivery of 4 KB by the drain**",
            found["small"],
            found["small processor"],
            found["small memory"],
        ),
        Line("`smtplib`, the same message on one connection", found["bare small"]),
        Line(
            "**a delivery of 25 MB by the drain**",
            found["large"],
            found["large processor"],
            found["large memory"],
        ),
        Line("25 MB streamed from a file on one connection", found["bare large"]),
    ]
    over = found["large memory"] - found["small memory"]
    goals = [
        Goal("drain of 4 KB messages, one process, TLS", 400, 1000 / found["small"], "a second", "more"),
        Goal("the same beside bare smtplib", 0.35, found["bare small"] / found["small"], "×", "more"),
        Goal(
            "drain of 25 MB messages beside bare streaming",
            0.5,
            found["bare large"] / found["large"],
            "×",
            "more",
        ),
        Goal("memory of the drain that 25 MB take over 4 KB", 8, over, "MiB"),
    ]
    return Section("out", lines, goals, profile)


def _bare(world: World, home: str, name: str, many: int, *, streamed: bool) -> float:
    lab = pathlib.Path(home)
    said = lab / "said"
    env = dict(line.split("=", 1) for line in (lab / ".env").read_text().splitlines())
    argv = [sys.executable, "-c", BARE, env["POSTERN_RELAY_PORT"], env["POSTERN_RELAY_CA_FILE"]]
    argv += [str(lab / name), str(many), str(int(streamed))]
    spent = world.spawner.run(argv, {"PATH": os.defpath}, stdout=str(said))
    assert spent.code == 0
    return float(json.loads(said.read_text()))


def _profile(bench: Bench, lab: Lab, size: str, many: int) -> str:
    """Where a drain's time goes: the functions of its main thread with the most time of their own."""
    import pstats

    out = pathlib.Path(lab.home, "profile")
    real, run = sys.executable, bench.spawner.run

    def profiled(argv: list[str], environ: dict[str, str], **files: str) -> object:
        return run([real, "-m", "cProfile", "-o", str(out), *argv[1:]], environ, **files)

    for number in range(many):
        drains.take_in(lab, message(SIZES[f"receipt.{size}"], number))
    with contextlib.ExitStack() as stack:
        bench.spawner.run = profiled
        stack.callback(setattr, bench.spawner, "run", run)
        drains.drain(bench, lab)
    stats = pstats.Stats(str(out))
    total = stats.total_tt
    rows = sorted(stats.stats.items(), key=lambda item: -item[1][2])[:12]
    lines = ["| function | calls a message | % of the time |", "| --- | --- | --- |"]
    for (file, _, function), (_, calls, own, _, _) in rows:
        short = file.rpartition("/lib/")[2].rpartition("site-packages/")[2] if "/" in file else "built in"
        label = function.replace("|", "\\|")
        lines.append(f"| `{label}` ({short}) | {calls / many:.1f} | {100 * own / total:.0f} |")
    return "\n".join(lines)
