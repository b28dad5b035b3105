"""Where the installer's answers come from: home/.env, else the environment, else the person at the terminal, else a default.

Settings (POSTERN_…) end in .env. The answers that are no settings are named here, with the prefix POSTERN_INSTALL_.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.base.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from postern.ops.install.env_file import EnvFile
    from postern.ops.install.talk import Talk

USER = "POSTERN_INSTALL_USER"
MAILBOX = "POSTERN_INSTALL_MAILBOX"
DOMAIN = "POSTERN_INSTALL_DOMAIN"
DOOR = "POSTERN_INSTALL_DOOR"

HELP = {
    USER: "handle of the first user; else the account's name",
    MAILBOX: "real address of the first user, where mail is forwarded",
    DOMAIN: "mail domain on which aliases are made",
    DOOR: "cgi or passenger; else Passenger where the panel offers it, and CGI elsewhere",
}
"""Every answer that is no setting; shown by install.sh help and in docs/install.md."""


@dataclass(frozen=True)
class Question:
    """One thing to be known. `default` empty and not `optional`: there must be an answer."""

    name: str
    text: str
    default: str = ""
    secret: bool = False
    optional: bool = False


class Answers:
    """All that is known so far."""

    def __init__(self, environ: Mapping[str, str], env: EnvFile, talk: Talk) -> None:
        self._environ = environ
        self._env = env
        self._talk = talk
        self._asked: dict[str, str] = {}

    def get(self, name: str) -> str:
        """The answer so far; empty when there is none."""
        given = self._environ.get(name, "").strip()
        if any("\ud800" <= letter <= "\udfff" for letter in given):
            raise ConfigError(f"{name} in the environment is not UTF-8 text.", "Write it into .env instead.")
        return self._env.values().get(name) or self._asked.get(name) or given

    def settle(self, questions: list[Question]) -> dict[str, str]:
        """An answer to each, asked for where somebody is there. ConfigError names all that have none."""
        found, missing = {}, []
        for question in questions:
            answer = self.get(question.name)
            if not answer:
                answer = self._talk.ask(question.text, question.default, secret=question.secret)
            if answer:
                found[question.name] = self._asked[question.name] = answer
            elif not question.optional:
                missing.append(f"{question.name}: {question.text}")
        if missing:
            raise ConfigError(
                "These answers are missing:\n" + "\n".join(f"  - {line}" for line in missing),
                f"Write them into {self._env.path} (NAME=value, a line each), or give them in the environment.",
            )
        return found

    def overruled(self, names: list[str]) -> list[str]:
        """Variables whose value in the environment is another than the one in .env, which stays."""
        have = self._env.values()
        return [name for name in names if name in have and self._environ.get(name, have[name]) != have[name]]
