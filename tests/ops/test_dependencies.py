"""`postern deps check` against an index of our own that answers in the shape of PyPI's JSON documents.

Covered: which pins are for which Python; missing, differing, behind, vulnerable; what was withdrawn or yanked; indexes that
lie, are slow, or are not there; the real command line. Not here: whether the pins are complete (tests/house).
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

import tiers
from postern.base.errors import BadInput
from postern.ops import dependencies, index, pins
from postern.ops.dependencies import Package, Vulnerability
from support.https import Reply, Server, redirect
from support.instance import ROOT
from support.patience import PATIENCE, join

REQUIREMENTS = (tiers.TOP / "requirements.txt").read_text()
PYTHONS = ("3.9.2", "3.9.18", "3.10.0", "3.10.13", "3.11.0", "3.12.1", "3.13.0", "3.14.0")


def environment(python: str, implementation: str = "CPython") -> dict[str, str]:
    found = {**pins.here(), "python_full_version": python, "python_version": ".".join(python.split(".")[:2])}
    return {
        **found,
        "platform_python_implementation": implementation,
        "implementation_name": implementation.lower(),
    }


# requirements.txt.


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("implementation", ["CPython", "PyPy"])
def test_the_pins_of_each_python_are_those_that_packaging_reads(python: str, implementation: str) -> None:
    here = environment(python, implementation)
    wanted = []
    for line in REQUIREMENTS.splitlines():
        if "==" in line and not line.startswith("#"):
            requirement = Requirement(line.rstrip(" \\"))
            if requirement.marker is None or requirement.marker.evaluate(here):
                wanted.append((requirement.name, str(requirement.specifier)[2:]))
    assert pins.read_pins(REQUIREMENTS, here) == wanted
    assert len(wanted) >= 3


UNREADABLE = (
    "pg8000>=1.31",
    "pg8000",
    "pg8000==1.31.5 ; python_version in '3.9'",
    "pg8000==1.31.5 ; python_version < '3.9' or os_name == 'nt'",
    "pg8000==1.31.5 ; extra == 'x'",
    "pg8000==1.31.5 ; sys_platform > 'a'",
    "pg8000==1.31.5 ;",
    "-r other.txt",
    "pg8000 @ https://a.example/x.whl",
    "../../etc==1",
)


@pytest.mark.parametrize("line", UNREADABLE)
def test_a_line_that_is_not_understood_is_said_not_skipped(line: str) -> None:
    with pytest.raises(pins.UnreadableRequirements, match="not understood"):
        pins.read_pins(line, environment("3.11.0"))


ORDERED = ("0.9", "1", "1.0.post1", "1.1", "1.2.9", "1.2.10", "1.10", "2026.6")


def test_versions_are_ordered_as_packaging_orders_them() -> None:
    assert sorted(ORDERED, key=Version) == list(ORDERED)
    keys = [pins.key(version) for version in ORDERED]
    assert keys == sorted(set(keys))
    assert not pins.is_newer("1.0.0", "1")


SPECIFIERS = (
    ">=3.9",
    ">=3.10",
    "<3.11,>=3.9",
    ">=3.8, !=3.9.0, !=3.9.2",
    "~=3.10",
    "~=3.10.0",
    "==3.10.*",
    "!=3.11.*",
    "<4",
    ">3.12.1",
    "<=3.12.1",
    "~=3.0",
    "==3.0.*",
    "",
)


@pytest.mark.parametrize("wanted", SPECIFIERS)
def test_requires_python_is_read_as_packaging_reads_it(wanted: str) -> None:
    for python in PYTHONS:
        assert pins.admits(wanted, python) is SpecifierSet(wanted).contains(python), python


def test_a_requires_python_that_nobody_understands_is_let_pass() -> None:
    for wanted in (None, 3, "three", ">=3.9 or so", ["3.9"]):
        assert pins.admits(wanted, "3.11.0")


# What an index says.


def file(version: str, *, yanked: bool = False, python: str | None = ">=3.8") -> dict[str, Any]:
    """One file of a release."""
    return {
        "comment_text": "",
        "digests": {"sha256": "0" * 64},
        "filename": f"pack-{version}-py3-none-any.whl",
        "packagetype": "bdist_wheel",
        "python_version": "py3",
        "requires_python": python,
        "size": 1000,
        "upload_time_iso_8601": "2026-05-04T12:00:00.000000Z",
        "yanked": yanked,
        "yanked_reason": "broken" if yanked else None,
    }


def vulnerability(
    name: str, *, fixed: tuple[str, ...] = ("1.3", "1.2.10"), withdrawn: str | None = None
) -> dict[str, Any]:
    return {
        "aliases": [f"CVE-2026-{name[-4:]}"],
        "details": "A long text about what is wrong.",
        "fixed_in": list(fixed),
        "id": name,
        "link": f"https://osv.dev/vulnerability/{name}",
        "source": "osv",
        "summary": None,
        "withdrawn": withdrawn,
    }


def document(version: str, **more: Any) -> dict[str, Any]:
    info = {"name": "pack", "version": version, "requires_python": ">=3.8", "yanked": False}
    return {"info": info, "last_serial": 1, "urls": [file(version)], "vulnerabilities": [], **more}


def as_json(value: Any) -> Reply:
    return Reply(200, json.dumps(value), content_type="application/json")


@pytest.fixture
def shelf() -> Iterator[Server]:
    """An index that knows `pack`: 1.2 and 1.2.1, and nothing wrong with them."""
    with Server() as server:
        releases = {version: [file(version)] for version in ("1.2", "1.2.1")}
        server.replies["/pypi/pack/json"] = as_json(document("1.2.1", releases=releases))
        for version in releases:
            server.replies[f"/pypi/pack/{version}/json"] = as_json(document(version))
        yield server


def url(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


def ask(server: Server, *packages: Package, python: str = "3.11.0") -> tuple[list[Package], Any]:
    return dependencies.ask(packages or (Package("pack", "1.2", "1.2"),), f"{url(server)}/", python)


STATES = (
    (Package("pack", "1.2.1", "1.2.1"), "ok"),
    (Package("pack", "1.2", "1.2"), "behind"),
    (Package("pack", "1.2.1", "1.2"), "differs"),
    (Package("pack", "1.2.1", ""), "missing"),
)


def test_the_state_of_a_package_is_told_in_a_word(shelf: Server) -> None:
    for package, state in STATES:
        (told,), trouble = ask(shelf, package)
        assert (told.state, told.newest, trouble) == (state, "1.2.1", None), package


def test_the_version_that_runs_is_asked_about_not_the_one_that_is_pinned(shelf: Server) -> None:
    ask(shelf, Package("pack", "1.2.1", "1.2"))
    assert tuple(path for _, path in shelf.asked) != ("/pypi/pack/1.2/json", "/pypi/pack/1.2.1/json")
    assert [path for _, path in shelf.asked] == ["/pypi/pack/json", "/pypi/pack/1.2/json"]


NEWEST = (
    ({"1.2": [file("1.2")], "1.10": [file("1.10")], "1.9": [file("1.9")]}, "1.10"),
    ({"1.2": [file("1.2")], "1.3": [file("1.3", yanked=True)]}, "1.2"),
    ({"1.2": [file("1.2")], "1.3": [file("1.3", yanked=True), file("1.3")]}, "1.3"),
    ({"1.2": [file("1.2")], "1.3": []}, "1.2"),
    ({"1.2": [file("1.2")], "1.3": [file("1.3", python=">=3.12")]}, "1.2"),
    ({"1.2": [file("1.2")], "1.3": [file("1.3", python=None)]}, "1.3"),
    ({v: [file(v)] for v in ("1.2", "1.3a1", "1.3b2", "1.3rc1", "1.3.dev4", "1.3+local")}, "1.2"),
    ({v: [file(v)] for v in ("1.2", "1.2.post1")}, "1.2.post1"),
    ({"1.2": [file("1.2")], "nonsense": [file("9")], "9" * 5000: [file("9")], "": [file("9")]}, "1.2"),
    ({"1.2": [file("1.2")], "1.3": "no list", "1.4": [None, 7]}, "1.2"),
    ({}, None),
    (None, None),
    ([], None),
)


@pytest.mark.parametrize(("releases", "newest"), NEWEST, ids=range(len(NEWEST)))
def test_the_newest_release_is_one_that_this_python_may_install(
    shelf: Server, releases: Any, newest: str | None
) -> None:
    shelf.replies["/pypi/pack/json"] = as_json(document("9.9", releases=releases))
    (told,), _ = ask(shelf)
    assert told.newest == newest


def test_a_vulnerability_that_was_withdrawn_does_not_count(shelf: Server) -> None:
    known = [
        vulnerability("PYSEC-2026-0001"),
        vulnerability("PYSEC-2026-0002", withdrawn="2026-06-01T00:00:00Z"),
        vulnerability("PYSEC-2026-0003", fixed=()),
    ]
    shelf.replies["/pypi/pack/1.2/json"] = as_json(document("1.2", vulnerabilities=known))
    (told,), trouble = ask(shelf)
    assert told.vulnerabilities == (
        Vulnerability(
            "PYSEC-2026-0001", ("CVE-2026-0001",), ("1.2.10", "1.3"), "A long text about what is wrong."
        ),
        Vulnerability("PYSEC-2026-0003", ("CVE-2026-0003",), (), "A long text about what is wrong."),
    )
    assert (told.state, trouble) == ("vulnerable", None)


def test_only_withdrawn_ones_leave_a_package_sound(shelf: Server) -> None:
    known = [vulnerability("PYSEC-2026-0002", withdrawn="2026-06-01T00:00:00Z")]
    shelf.replies["/pypi/pack/1.2.1/json"] = as_json(document("1.2.1", vulnerabilities=known))
    (told,), _ = ask(shelf, Package("pack", "1.2.1", "1.2.1"))
    assert told.state == "ok"


def test_half_written_vulnerabilities_still_count(shelf: Server) -> None:
    known = [{}, {"id": 7, "aliases": "CVE", "fixed_in": None, "summary": ["x"]}, "no object", None]
    shelf.replies["/pypi/pack/1.2/json"] = as_json(document("1.2", vulnerabilities=known))
    (told,), _ = ask(shelf)
    assert told.vulnerabilities is not None
    assert [one.id for one in told.vulnerabilities] == ["?", "7"]


# Indexes that do not tell.


SILENT = {
    "no vulnerabilities told": as_json({"info": {}, "urls": []}),
    "vulnerabilities that are none": as_json(document("1.2", vulnerabilities="none")),
    "the version is not known": Reply(404),
}
GARBAGE = {
    "HTML": Reply(200, "<p>Please log in to the wireless network.</p>"),
    "a list": as_json([]),
    "cut": Reply(200, '{"info": {'),
    "nested beyond measure": Reply(200, "[" * 100_000),
    "an error": Reply(500),
    "refused": Reply(403),
    "led away from HTTPS": redirect("http://mirror.example/pypi/pack/1.2/json", 302),
    "led to a file": redirect("file:///etc/passwd", 302),
    "led in circles": redirect("/pypi/pack/1.2/json", 302),
}


@pytest.mark.parametrize("case", [*SILENT, *GARBAGE])
def test_what_the_index_does_not_tell_is_trouble_never_a_clean_bill(shelf: Server, case: str) -> None:
    shelf.replies["/pypi/pack/1.2/json"] = {**SILENT, **GARBAGE}[case]
    (told,), trouble = ask(shelf)
    assert told.vulnerabilities is None
    assert told.state == "unknown"
    assert (trouble.exit_code, bool(trouble.remedy)) == (75, True)
    assert not isinstance(trouble, index.Unreachable)


def test_a_mirror_without_documents_of_versions_still_tells_of_the_newest(shelf: Server) -> None:
    known = [vulnerability("PYSEC-2026-0001")]
    shelf.replies["/pypi/pack/1.2/json"] = Reply(404)
    shelf.replies["/pypi/pack/json"] = as_json(document("1.2", vulnerabilities=known))
    (told,), _ = ask(shelf)
    assert told.state == "vulnerable"
    (told,), trouble = ask(shelf, Package("pack", "1.1", "1.1"))
    assert (told.state, trouble.exit_code) == ("unknown", 75)


def test_a_document_without_end_is_not_read_to_its_end(
    shelf: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.replies["/pypi/pack/json"] = Reply(200, "x" * 200_000)
    monkeypatch.setattr(index, "MOST_BYTES", 100_000)
    _, trouble = ask(shelf)
    assert "more than a document can hold" in trouble.reason


class Deaf:
    """Takes connections and says `words`, over and over when `on` is set."""

    def __init__(self, words: bytes = b"", *, on: bool = False) -> None:
        self.connections = 0
        self._words, self._on = words, on
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Deaf:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        join(self._thread)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with client:
                try:
                    client.recv(65536)
                    client.sendall(self._words)
                    while self._on:
                        client.sendall(b"x")
                    client.recv(65536)
                except OSError:
                    pass


TWO = (Package("pack", "1.2", "1.2"), Package("other", "1", "1"))


@pytest.mark.parametrize(
    ("words", "on"),
    [(b"", False), (b"HTTP/1.0 200 OK\r\n\r\n", True), (b"\x00\x01\r\n", False)],
    ids=["silent", "endless", "no HTTP"],
)
def test_an_index_that_does_not_come_to_an_end_is_asked_once(
    words: bytes, on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "SECONDS", 0.3)
    with Deaf(words, on=on) as deaf:
        told, trouble = dependencies.ask(TWO, deaf.url, "3.11.0")
    assert isinstance(trouble, index.Unreachable)
    assert [one.state for one in told] == ["unknown", "unknown"]
    assert deaf.connections == 1


def test_one_package_that_gives_trouble_does_not_hide_the_others(shelf: Server) -> None:
    shelf.replies["/pypi/other/json"] = Reply(500)
    known = [vulnerability("PYSEC-2026-0001")]
    shelf.replies["/pypi/pack/1.2/json"] = as_json(document("1.2", vulnerabilities=known))
    told, trouble = ask(shelf, TWO[1], TWO[0])
    assert [one.state for one in told] == ["unknown", "vulnerable"]
    assert "500" in trouble.reason


URLS = (
    ("https://pypi.org", True),
    ("https://pypi.org/", True),
    ("http://127.0.0.1:3141/root", True),
    ("http://localhost", True),
    ("http://pypi.org", False),
    ("http://127.0.0.1.example", False),
    ("https://", False),
    ("file:///etc/passwd", False),
    ("ftp://pypi.org", False),
    ("pypi.org", False),
    ("https://[::1", False),
    ("", False),
)


@pytest.mark.parametrize(("address", "good"), URLS)
def test_an_index_is_asked_over_https_or_on_this_machine(address: str, good: bool) -> None:
    if good:
        assert index.check_url(address) == address.rstrip("/")
    else:
        with pytest.raises(BadInput, match="no address of an index"):
            index.check_url(address)


# The command line.


def check(*args: str, code: int) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "postern", "deps", "check", *args]
    env = {"PYTHONPATH": str(ROOT / "lib"), "PYTHONWARNINGS": "error", "POSTERN_HOME": "/nonexistent"}
    done = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture
def everything(shelf: Server) -> Server:
    """An index that knows what is pinned, at the versions pinned and installed here, and no newer ones."""
    for package in dependencies.installed(pins.read_pins(REQUIREMENTS, pins.here())):
        releases = {v: [file(v)] for v in (package.pinned, package.version)}
        shelf.replies[f"/pypi/{package.name}/json"] = as_json(document(package.pinned, releases=releases))
        shelf.replies[f"/pypi/{package.name}/{package.version}/json"] = as_json(document(package.version))
    return shelf


def test_the_command_tells_people_and_programs_that_all_is_well(everything: Server) -> None:
    told = check("--index", url(everything), code=0).stdout
    assert "PACKAGE" in told
    assert "pg8000" in told
    found = json.loads(check("--index", url(everything), "--json", code=0).stdout)
    assert {one["name"] for one in found} >= {"pg8000", "cryptography"}
    assert {one["state"] for one in found} == {"ok"}


def test_the_command_ends_with_1_when_something_is_vulnerable(everything: Server) -> None:
    version = next(v for name, v in pins.read_pins(REQUIREMENTS, pins.here()) if name == "pg8000")
    known = [vulnerability("PYSEC-2026-0001")]
    everything.replies[f"/pypi/pg8000/{version}/json"] = as_json(document(version, vulnerabilities=known))
    told = check("--index", url(everything), code=1).stdout
    assert f"pg8000 {version}: PYSEC-2026-0001, CVE-2026-0001; fixed in 1.2.10, 1.3" in told
    everything.replies["/pypi/cryptography/json"] = Reply(500)
    done = check("--index", url(everything), "--json", code=1)
    assert "500" in done.stderr
    assert {one["state"] for one in json.loads(done.stdout)} == {"ok", "vulnerable", "unknown"}


def test_a_host_without_a_way_out_is_told_so_and_sees_what_is_installed(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and nobody listens
        done = check("--index", f"http://127.0.0.1:{held.getsockname()[1]}", code=75)
    assert "cannot be reached from this host" in done.stderr
    assert "docs/dependencies.md" in done.stderr
    assert "pg8000" in done.stdout


def test_the_page_explains_every_state() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    for state in ("ok", "behind", "differs", "missing", "vulnerable", "unknown"):
        assert f"| `{state}` |" in page, state


def test_an_index_over_plain_http_is_wrong_use() -> None:
    assert "https://" in check("--index", "http://pypi.org", code=64).stderr
