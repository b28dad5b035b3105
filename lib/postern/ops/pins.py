"""requirements.txt and versions: which pins are for this Python, and which version comes after which.

The file is read as uv writes it (tests/pin.py): `name==version ; marker`, the marker being comparisons joined by `and`.
Versions are compared as PEP 440 does, as far as plain releases and post-releases go.
"""

from __future__ import annotations

import re

from postern.base.errors import PosternError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9.!+_-]+)\s*(?:;\s*(\S.*?))?\s*\\?")
CLAUSE = re.compile(r"(\w+)\s*(<=|>=|==|!=|<|>)\s*'([^']*)'")
SPECIFIER = re.compile(r"(~=|<=|>=|==|!=|<|>)\s*([0-9.]+(?:\.\*)?)")
RELEASE = re.compile(r"(\d{1,9}(?:\.\d{1,9})*)(?:\.?post(\d{1,9}))?", re.IGNORECASE)
"""A version that is no pre-release, no development release and no local one (PEP 440)."""
NUMBERS = ("python_version", "python_full_version")


class UnreadableRequirements(PosternError):
    """requirements.txt holds what this program's own file never does (EX_CONFIG)."""

    exit_code = 78


def here() -> dict[str, str]:
    """The values that markers ask for, of this Python."""
    import os
    import platform
    import sys

    return {
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "python_full_version": platform.python_version(),
        "platform_python_implementation": platform.python_implementation(),
        "implementation_name": sys.implementation.name,
        "sys_platform": sys.platform,
        "platform_system": platform.system(),
        "platform_machine": platform.machine(),
        "os_name": os.name,
    }


def read_pins(text: str, environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """(name, version) of every package that this Python needs. UnreadableRequirements."""
    found = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith(("#", "--")):
            continue
        pin = PIN.fullmatch(line.strip())
        if pin is None:
            raise _unreadable(line)
        if _applies(pin[3] or "", environment):
            found.append((pin[1].lower(), pin[2]))
    return found


def _unreadable(what: str) -> UnreadableRequirements:
    return UnreadableRequirements(
        f"requirements.txt holds a line that is not understood: {what[:100]!r}.",
        "Take the file of the release; tests/pin.py makes it.",
    )


def _applies(marker: str, environment: Mapping[str, str]) -> bool:
    return all(_holds(clause, environment) for clause in marker.split(" and ")) if marker else True


def _holds(clause: str, environment: Mapping[str, str]) -> bool:
    parts = CLAUSE.fullmatch(clause.strip())
    if parts is None or parts[1] not in environment:
        raise _unreadable(clause)
    name, operator, wanted = parts.groups()
    if name in NUMBERS:
        return _compares(environment[name], operator, wanted)
    if operator not in ("==", "!="):
        raise _unreadable(clause)
    return (environment[name] == wanted) is (operator == "==")


def _compares(version: str, operator: str, wanted: str) -> bool:
    have, want = key(version), key(wanted)
    if operator == "~=" or wanted.endswith(".*"):
        prefix = _numbers(wanted)[:-1] if operator == "~=" else _numbers(wanted)
        begins = (*_numbers(version), *[0] * len(prefix))[: len(prefix)] == prefix
        return (begins and have >= want) if operator == "~=" else begins is (operator == "==")
    return {
        "<": have < want,
        "<=": have <= want,
        ">": have > want,
        ">=": have >= want,
        "==": have == want,
        "!=": have != want,
    }[operator]


def _numbers(version: str) -> tuple[int, ...]:
    parts = RELEASE.match(version)
    return tuple(int(number) for number in parts[1].split(".")) if parts else ()


def key(version: str) -> tuple[tuple[int, ...], int]:
    """For comparing: trailing zeros count for nothing, and neither does what follows the numbers, but for .postN."""
    numbers = list(_numbers(version))
    while numbers and numbers[-1] == 0:
        numbers.pop()
    parts = RELEASE.match(version)
    return tuple(numbers), int(parts[2]) if parts and parts[2] else -1


def is_newer(one: str, other: str) -> bool:
    """Is the first version after the second?"""
    return key(one) > key(other)


def admits(wanted: object, python: str) -> bool:
    """Requires-Python (PEP 345). What is not understood is let pass: this only names a newer release."""
    if not isinstance(wanted, str) or not wanted.strip():
        return True
    parts = [SPECIFIER.fullmatch(part.strip()) for part in wanted.split(",") if part.strip()]
    return all(_compares(python, part[1], part[2]) for part in parts if part)
