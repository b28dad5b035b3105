"""Byte code that is whole. Python writes it without looking whether all of it fitted on the disk, and believes it later.

Where the disk was full, half a file is left, and each import of it fails from then on, also when there is room again. So the
installer compiles through here, and looks at what is there before it imports anything (install.sh, ops/venv.sh):

    python -IB byte_code.py FOLDER      removes what is broken below; exit code 1 when there was some

Only byte code of this Python is looked at. Needs the standard library alone.
"""

from __future__ import annotations

import compileall
import contextlib
import importlib.util
import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

HEADER = 16
"""Bytes before the code (PEP 552)."""


def compile_folder(folder: str, **options: Any) -> bool:
    """Compile what has changed below, as compileall does (its options). False: not everything could be, or did not fit."""
    sweep(folder)
    done = compileall.compile_dir(folder, quiet=2, **options)
    return bool(done) and not sweep(folder)


def sweep(folder: str) -> list[str]:
    """Remove what is broken below; returns its paths. Its source is imported in its stead. OSError where it cannot be."""
    found = list(_broken(folder))
    for path in found:
        with contextlib.suppress(FileNotFoundError):  # another was quicker
            os.unlink(path)
    return found


def _broken(folder: str) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        if os.path.basename(place) == "__pycache__":
            for name in names:
                path = os.path.join(place, name)
                if name.endswith(".pyc") and not _is_whole(path):
                    yield path


def _is_whole(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return True
    if len(data) >= HEADER and data[:4] != importlib.util.MAGIC_NUMBER:
        return True  # of another Python
    try:
        marshal.loads(memoryview(data)[HEADER:])  # noqa: S302 (what this Python would import)
    except (EOFError, ValueError, TypeError):
        return False
    return True


if __name__ == "__main__":
    removed = sweep(sys.argv[1])
    if removed:
        sys.exit(
            f"{removed[0]}: cut off, as where there was No space left on device; removed ({len(removed)} such)."
        )
