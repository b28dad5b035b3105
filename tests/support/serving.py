"""The application of an instance in this process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from postern.web.app import App, application
from support.instance import Instance


@contextlib.contextmanager
def serving(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The application of this home, in this process."""
    with monkeypatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("POSTERN_")]:
            patch.delenv(name)
        patch.setenv("POSTERN_HOME", instance.home)
        with contextlib.closing(application("web")) as app:
            yield app
