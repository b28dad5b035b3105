"""The pinned packages: every one with its hashes, nothing missing, and no third direct one."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

import pin
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tiers

LINES = re.compile(r"(?:\\\n|[^\n])+")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
SUPPORTED = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
FILES = [tiers.TOP / name for name in pin.FILES]


def pins(path: Path) -> list[tuple[Requirement, int]]:
    """Each pin and how many hashes it has."""
    lines = [line for line in LINES.findall(path.read_text()) if not line.startswith(("#", "--"))]
    texts = [line.split("--hash")[0].replace("\\\n", " ").strip() for line in lines]
    return [(Requirement(text), len(HASH.findall(line))) for text, line in zip(texts, lines)]


def environment(version: str) -> dict[str, str]:
    return {
        "python_version": version,
        "python_full_version": f"{version}.9",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "extra": "",
    }


def chosen(path: Path, version: str) -> dict[str, str]:
    """Package -> its pinned version, for one Python on Linux."""
    found: dict[str, str] = {}
    for requirement, _ in pins(path):
        if requirement.marker is None or requirement.marker.evaluate(environment(version)):
            name = canonicalize_name(requirement.name)
            assert name not in found, f"{name} is pinned twice for Python {version}"
            found[name] = str(requirement.specifier)
    return found


@pytest.mark.parametrize("path", FILES, ids=pin.FILES)
def test_every_package_is_pinned_with_hashes(path: Path) -> None:
    assert pins(path)
    for requirement, hashes in pins(path):
        assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), requirement
        assert hashes > 0, requirement
    assert path.read_text().startswith(f"# {pin.FILES[path.relative_to(tiers.TOP).as_posix()]}")


def test_there_are_two_direct_runtime_packages() -> None:
    assert pin.RUNTIME == ("pg8000", "cryptography")


@pytest.mark.parametrize("version", SUPPORTED)
def test_each_python_gets_the_direct_packages(version: str) -> None:
    runtime, embedded, container, tests, peers = (chosen(path, version) for path in FILES)
    assert set(pin.RUNTIME) <= set(runtime)
    assert set(embedded) == set(pin.EMBEDDED)
    assert set(pin.CONTAINER) <= set(container)
    asked = [
        line.split("#")[0].strip()
        for line in (tiers.TOP / "tests" / "requirements.in").read_text().splitlines()
    ]
    assert {name for name in asked if name} <= set(tests)
    assert set(pin.PEERS) <= set(peers)


@pytest.mark.parametrize("version", SUPPORTED)
def test_the_tests_run_on_what_is_shipped(version: str) -> None:
    *shipped, tests, _ = (chosen(path, version) for path in FILES)
    for pinned in shipped:
        assert pinned.items() <= tests.items()


def closure(direct: tuple[str, ...]) -> set[str]:
    """What these packages need, and what those need, by the metadata of what is installed here."""
    here = environment(".".join(map(str, sys.version_info[:2])))
    needed: set[str] = set()
    waiting = [canonicalize_name(name) for name in direct]
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        needed.add(name)
        for text in importlib.metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate(here):
                waiting.append(canonicalize_name(requirement.name))
    return needed


def test_what_is_shipped_is_complete_and_holds_nothing_else() -> None:
    """The environment is made with --no-deps, so a hole would show at an import only."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert set(chosen(tiers.TOP / "requirements.txt", version)) == closure(pin.RUNTIME)


def test_this_environment_is_the_pinned_one() -> None:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for name, specifier in chosen(tiers.TOP / "tests" / "requirements.txt", version).items():
        assert f"=={importlib.metadata.version(name)}" == specifier, name
