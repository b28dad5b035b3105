"""File locks: one of a kind on this home, let go by the kernel when the process dies, however it dies."""

from __future__ import annotations

import fcntl
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


def of_job(home: str, job: str) -> FileLock:
    """What makes it one run of a job on this home."""
    return FileLock(os.path.join(home, "run", f"{job}.lock"))


class FileLock:
    """An exclusive flock on a file that stays. Not re-entrant; not inherited by started processes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1

    def acquire(self) -> bool:
        """Take it without waiting. False: somebody else holds it."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        return True

    @property
    def file(self) -> int:
        """The open file that holds it; -1 when it is not held."""
        return self._fd

    def release(self) -> None:
        """Let it go; harmless when it is not held."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
