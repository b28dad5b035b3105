"""Certificate, redirect and HSTS: the findings of ops/doctor/tls.py as items of the registry."""

from __future__ import annotations

import os
from functools import partial

from postern.ops.doctor import tls
from postern.ops.doctor.item import CRITICAL, IMPORTANT, Item

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.scene import Scene

WHAT = {
    "reachable": (CRITICAL, "HTTPS answers"),
    "protocol": (CRITICAL, "TLS 1.2 or 1.3 is spoken"),
    "chain": (CRITICAL, "The certificate's chain is whole and trusted"),
    "names": (CRITICAL, "The certificate names this site"),
    "days": (CRITICAL, "The certificate lasts for some weeks"),
    "renewal": (IMPORTANT, "The certificate is renewed by itself"),
    "redirect": (IMPORTANT, "Plain HTTP leads to HTTPS, for good and in one hop"),
    "acme": (IMPORTANT, "A CA finds its file over plain HTTP"),
    "hsts": (IMPORTANT, "Browsers are told to stay on HTTPS"),
    "cloudflare": (IMPORTANT, "Behind Cloudflare, the origin has a certificate that verifies"),
    "pages": (IMPORTANT, "No page loads anything over plain HTTP"),
}
SYMPTOMS = {
    "chain": "Browsers warn of the certificate",
    "days": "The certificate has expired, or will soon",
    "reachable": "The browser says that there are too many redirects",
}


def _found(scene: Scene) -> dict[str, Check]:
    return scene.once("tls", lambda: {one.name: one for one in tls.look(target(scene), scene.now)})


def target(scene: Scene) -> tls.Target:
    """What is looked at: the site, from outside."""
    try:
        since = os.stat(os.path.join(scene.home, ".env")).st_mtime
    except FileNotFoundError:
        since = scene.now  # all settings are in the environment; their age is not known
    config = scene.config
    return tls.Target(config.url, config.hsts, since, scene.pages, ca_file=scene.ca_file)


def _look(name: str, scene: Scene) -> Check:
    return _found(scene)[name]


CHECKS = tuple(
    Item(
        f"tls.{name}",
        "SH-11",
        severity,
        what,
        "See: postern doctor tls, and docs/https.md",
        "docs/https.md",
        partial(_look, name),
        needs=("env.settings",),
        audit=True,
        symptom=SYMPTOMS.get(name, ""),
    )
    for name, (severity, what) in WHAT.items()
)
