"""The tiers are here, or say what they lack; under tests/run --all each must be here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tiers


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.tier(name)) for name in tiers.TIERS])
def test_tier_is_here(name: str) -> None:
    """Skipped, or failed, with the reason before it gets here."""
    for program in tiers.TIERS[name].programs:
        assert tiers.program(program)
    for major in tiers.TIERS[name].releases:
        version = subprocess.run(
            [tiers.release(major) / "postgres", "--version"], stdout=subprocess.PIPE, check=True, text=True
        )
        assert f" {major}." in version.stdout


def test_a_missing_tier_says_what_it_lacks_and_what_would_bring_it(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = tiers.Tier("a machine of brass", programs=("no-such-program",), modules=("no_such_module",))
    monkeypatch.setitem(tiers.TIERS, "brass", nowhere)
    assert tiers.why_missing("brass") == (
        f"needs a machine of brass; missing: no-such-program, no_such_module. Run: {tiers.REMEDY}"
    )


SAMPLE = """
import pytest, tiers
tiers.TIERS["brass"] = tiers.Tier("a machine of brass", programs=("no-such-program",))

@pytest.mark.tier("brass")
def test_one():
    pass
"""


@pytest.mark.parametrize(("everything", "outcome"), [("", "1 skipped"), ("1", "1 error")])
def test_a_missing_tier_is_a_skip_here_and_a_failure_under_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, everything: str, outcome: str
) -> None:
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    monkeypatch.setenv("POSTERN_TESTS_ALL", everything)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "-ra", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tiers.TOP}/tests:{tiers.TOP}/lib"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert outcome in done.stdout
    assert "a machine of brass" in done.stdout
    assert (done.returncode == 0) is (everything == "")
