"""One installation as its steps see it: where it is, what is known, and how to open it once there is something to open."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from postern.base.errors import PosternError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from postern.base.settings import Config
    from postern.flow.context import Context
    from postern.ops.install.answers import Answers
    from postern.ops.install.env_file import EnvFile
    from postern.ops.install.talk import Talk


class StepFailed(PosternError):
    """A step of the installer could not be done."""


@dataclass
class Installation:
    """`top`: the program's folder, which is the document root. `offline`: a folder of wheels, or empty. `door`:
    cgi or passenger, `panel`: the kind of Passenger, once they are known (web_server.py)."""

    top: str
    home: str
    answers: Answers
    env: EnvFile
    talk: Talk
    offline: str = ""
    door: str = ""
    panel: str | None = None
    next_steps: list[str] = field(default_factory=list)

    def config(self) -> Config:
        """The settings as the doors will read them: .env alone. ConfigError names all that is wrong."""
        from postern.base import config

        return config.load(self.home, {})

    def context(self) -> Context:
        """The instance; for steps that come after the packages and the settings."""
        from postern.flow.context import open_context

        return open_context({}, "install")

    def path(self, *names: str) -> str:
        """A path in the program's folder."""
        return os.path.join(self.top, *names)

    @property
    def note(self) -> str:
        """The file that says that there is data under this home's keys, and that the first user was told how to sign in."""
        return os.path.join(self.home, "install.json")

    def was_in_use(self) -> bool:
        """Whether an installation came as far as that."""
        return os.path.exists(self.note)


@dataclass(frozen=True)
class Step:
    """`plan` says what would be done, and nothing where all is as it should be; `do` does it and says how it is now."""

    title: str
    plan: Callable[[Installation], str]
    do: Callable[[Installation], str]
    undo: Callable[[Installation], str] | None = None


def write_file(path: str, text: str, mode: int) -> bool:
    """Bring a file to this text and mode; False when it was so. Written beside and renamed: never half a file."""
    wanted = text.encode()
    try:
        with open(path, "rb") as file:
            same = file.read() == wanted and os.stat(path).st_mode & 0o777 == mode
    except OSError:
        same = False
    if same:
        return False
    beside = f"{path}.new-{os.getpid()}"
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(wanted)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, mode)
        os.replace(beside, path)
    except OSError as error:
        raise StepFailed(
            f"{path} cannot be written ({error.strerror}).",
            "See that the disk has room and that the folder belongs to this account and can be written to.",
        ) from None
    return True
