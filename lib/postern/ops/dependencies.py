"""The pinned packages: what is installed, what is newer, what is known to be vulnerable.

Asks an index for PyPI's JSON documents: /pypi/NAME/json (releases) and /pypi/NAME/VERSION/json (vulnerabilities).
Not here: reading requirements.txt (ops/pins.py), talking to the index (ops/index.py), installing anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from postern.ops import index
from postern.ops.pins import RELEASE, admits, is_newer, key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from postern.base.errors import PosternError


@dataclass(frozen=True)
class Vulnerability:
    """`fixed_in` are versions, oldest first; empty: there is none yet."""

    id: str
    aliases: tuple[str, ...]
    fixed_in: tuple[str, ...]
    summary: str


@dataclass(frozen=True)
class Package:
    """`installed` is empty when it is not; `newest` and `vulnerabilities` are None when the index did not tell."""

    name: str
    pinned: str
    installed: str
    newest: str | None = None
    vulnerabilities: tuple[Vulnerability, ...] | None = None

    @property
    def version(self) -> str:
        """What counts: the version that runs, else the one that would be installed."""
        return self.installed or self.pinned

    @property
    def state(self) -> str:
        """In one word, the worst first."""
        if self.vulnerabilities:
            return "vulnerable"
        if not self.installed:
            return "missing"
        if self.installed != self.pinned:
            return "differs"
        if self.newest is None or self.vulnerabilities is None:
            return "unknown"
        return "behind" if is_newer(self.newest, self.installed) else "ok"


def installed(pins: Iterable[tuple[str, str]]) -> list[Package]:
    """Each pinned package as this Python has it."""
    from importlib import metadata

    found = []
    for name, version in pins:
        try:
            has = metadata.version(name)
        except metadata.PackageNotFoundError:
            has = ""
        found.append(Package(name, version, has))
    return found


def ask(packages: Iterable[Package], url: str, python: str) -> tuple[list[Package], PosternError | None]:
    """Each package with what the index tells, and the trouble that the index gave, if any.

    After an index did not answer it is not asked again: a host without a way out would wait for each package.
    """
    told: list[Package] = []
    trouble: PosternError | None = None
    for package in packages:
        if isinstance(trouble, index.Unreachable):
            told.append(package)
            continue
        try:
            told.append(_asked(package, url, python))
        except index.IndexTrouble as error:
            trouble = error
            told.append(package)
    silent = [package.name for package in told if package.vulnerabilities is None]
    return told, trouble or (index.silent_about(silent) if silent else None)


def _asked(package: Package, url: str, python: str) -> Package:
    of_project = index.get(url, package.name)
    of_version = index.get(url, package.name, package.version)
    if of_version is None and _describes(of_project, package.version):
        # Some mirrors have the project's document alone, which tells of its newest release.
        of_version = of_project
    return replace(
        package,
        newest=_newest(of_project, python),
        vulnerabilities=None if of_version is None else _vulnerabilities(of_version),
    )


def _describes(document: Mapping[str, Any] | None, version: str) -> bool:
    info = (document or {}).get("info")
    return isinstance(info, dict) and info.get("version") == version


def _newest(document: Mapping[str, Any] | None, python: str) -> str | None:
    """The newest release for this Python that is neither withdrawn by its maker (yanked) nor a pre-release."""
    releases = (document or {}).get("releases")
    if not isinstance(releases, dict):
        return None
    good = [v for v, files in releases.items() if RELEASE.fullmatch(v) and _is_usable(files, python)]
    return max(good, key=key, default=None)


def _is_usable(files: object, python: str) -> bool:
    if not isinstance(files, list):
        return False
    return any(
        isinstance(file, dict) and not file.get("yanked") and admits(file.get("requires_python"), python)
        for file in files
    )


def _vulnerabilities(document: Mapping[str, Any]) -> tuple[Vulnerability, ...] | None:
    """None when the index does not tell. What was withdrawn (found to be wrong) does not count."""
    listed = document.get("vulnerabilities")
    if not isinstance(listed, list):
        return None
    known = [one for one in listed if isinstance(one, dict) and not one.get("withdrawn")]
    return tuple(
        Vulnerability(
            str(one.get("id", "?")),
            _texts(one.get("aliases")),
            tuple(sorted(_texts(one.get("fixed_in")), key=key)),
            str(one.get("summary") or one.get("details") or "")[:200],
        )
        for one in known
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()
