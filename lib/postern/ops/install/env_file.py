"""home/.env as the installer writes it: from env.example at first, later only with what is missing; nothing is overwritten."""

from __future__ import annotations

import os
import re

from postern.base import config, dotenv
from postern.base.errors import ConfigError
from postern.base.spool import sync_folder
from postern.ops import settings_pages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class EnvFile:
    """The file of one home."""

    def __init__(self, home: str, *, look_only: bool = False) -> None:
        """`look_only`: not even its mode is changed."""
        self.path = os.path.join(home, ".env")
        self._look_only = look_only

    def values(self) -> dict[str, str]:
        """What it holds; an empty value counts as missing. ConfigError when a line makes no sense."""
        if self.is_open() and self._look_only:
            found, wrong = dotenv.parse(self._text())
        else:
            self.shut()
            found, wrong = config.read_file(self.path)
        if wrong:
            raise ConfigError(" ".join(wrong), f"Mend {self.path}, then run install.sh again.")
        return {name: value for name, value in found.items() if value}

    def is_open(self) -> bool:
        """Whether others can read it, as when it came through the panel's File Manager."""
        try:
            return bool(os.stat(self.path).st_mode & 0o077)
        except OSError:
            return False

    def shut(self) -> None:
        """From now on this account alone reads it."""
        try:
            if self.is_open():
                os.chmod(self.path, 0o600)
        except OSError as error:
            raise ConfigError(
                f"{self.path} cannot be made private ({error.strerror}).", "It must belong to this account."
            ) from None

    def add(self, new: Mapping[str, str]) -> list[str]:
        """Put in what is missing; returns the names. Written beside and renamed: never half a file."""
        have = self.values()
        new = {name: value for name, value in new.items() if value and name not in have}
        if not new:
            return []
        text = self._text()
        for name, value in new.items():
            text = _filled(text, name, dotenv.line(name, value))
        self._write(text)
        return list(new)

    def replace(self, name: str, value: str) -> None:
        """Give it another value. ConfigError when it does not stand there once, on a line of its own."""
        text = self._text()
        place = re.compile(rf"^[ \t]*(?:export[ \t]+)?{name}[ \t]*=.*(?:\r?\n|\Z)", re.MULTILINE)
        if len(place.findall(text)) != 1:
            raise ConfigError(
                f"{name} does not stand in {self.path}, or more than once.", "Leave one line with it there."
            )
        line = dotenv.line(name, value)
        self._write(place.sub(lambda _: line, text))

    def _write(self, text: str) -> None:
        beside = f"{self.path}.new"
        with open(
            os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline=""
        ) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self.path)
        sync_folder(os.path.dirname(self.path))

    def _text(self) -> str:
        try:
            with open(self.path, encoding="utf-8-sig", newline="") as file:
                return file.read()
        except FileNotFoundError:
            return settings_pages.example()


def _filled(text: str, name: str, line: str) -> str:
    """The line in the place of the empty or commented one, else at the end."""
    place = re.compile(rf"^(?:{name}=[ \t]*|#{name}=.*)\r?\n", re.MULTILINE)
    found = place.search(text)
    if found:
        return text[: found.start()] + line + text[found.end() :]
    return text + ("" if text.endswith("\n") or not text else "\n") + line
