"""The styles: what is committed is what the sources make, the packages that make it are pinned, and every text can be read.

Contrast is WCAG 2.2's: 4.5 for text (1.4.3), 3 for the edge of what can be pressed or filled in (1.4.11).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

import tiers

STYLES = tiers.TOP / "lib/postern/web/styles"
STATIC = tiers.TOP / "static"
LARGEST_CSS = 30_000
"""Bytes. A first visit over a phone line should not wait for looks; compressed it is about a quarter."""

TEXT = 4.5
EDGE = 3.0

PAIRS = [
    ("ink", "paper", TEXT),
    ("ink", "card", TEXT),
    ("ink", "well", TEXT),
    ("ink", "moss", TEXT),
    ("ink", "lamp-tint", TEXT),
    ("ink", "brick-tint", TEXT),
    ("soft", "paper", TEXT),
    ("soft", "card", TEXT),
    ("soft", "well", TEXT),
    ("gate", "paper", TEXT),
    ("gate", "card", TEXT),
    ("gate", "well", TEXT),
    ("gate", "moss", TEXT),
    ("gate", "lamp-tint", TEXT),
    ("gate", "brick-tint", TEXT),
    ("gate-deep", "paper", TEXT),
    ("gate-deep", "card", TEXT),
    ("gate-deep", "moss", TEXT),
    ("on-gate", "gate", TEXT),
    ("on-gate", "gate-deep", TEXT),
    ("on-brick", "brick", TEXT),
    ("on-brick", "brick-deep", TEXT),
    ("lamp", "lamp-tint", TEXT),
    ("lamp", "card", TEXT),
    ("brick", "brick-tint", TEXT),
    ("brick", "card", TEXT),
    ("brick", "paper", TEXT),
    ("edge", "paper", EDGE),
    ("edge", "card", EDGE),
    ("gate", "paper", EDGE),
]
"""What stands on what, and how far apart the two must be."""


def schemes() -> dict[str, dict[str, str]]:
    """The colours of the compiled styles, by day and by night."""
    css = (STATIC / "app.css").read_text(encoding="utf-8")
    day, night = re.findall(r":root(?:,:host)?\{([^{}]*--color-paper[^{}]*)\}", css)
    light = dict(re.findall(r"--color-([\w-]+):(#[0-9a-f]{3,8})\b", day))
    return {
        "light": light,
        "dark": {**light, **dict(re.findall(r"--color-([\w-]+):(#[0-9a-f]{3,8})\b", night))},
    }


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_reckoning_is_right():
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#fff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_everything_can_be_read(scheme: str, front: str, back: str, least: float):
    colours = schemes()[scheme]
    found = contrast(colours[front], colours[back])
    assert found >= least, f"{front} on {back}: {found:.2f}"


def test_only_the_tokens_name_colours():
    for path in STYLES.glob("*.css"):
        if path.name != "tokens.css":
            text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
            assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(", text), path.name


def test_the_styles_load_nothing_and_stay_small():
    css = (STATIC / "app.css").read_text(encoding="utf-8")
    assert len(css.encode()) < LARGEST_CSS
    assert "@import" not in css
    assert "url(" not in css


def test_styles_stay_short():
    for path in STYLES.glob("*.css"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path.name


def test_the_packages_are_pinned_by_hash_and_name_no_registry():
    """Without an address npm takes the registry that its own settings name, and the hash decides."""
    asked = json.loads((STYLES / "package.json").read_text())["devDependencies"]
    lock = json.loads((STYLES / "package-lock.json").read_text())["packages"]
    for name, version in asked.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert lock[f"node_modules/{name}"]["version"] == version
    for name, package in lock.items():
        # npm packs bundled packages into their parent's tarball, whose hash covers them.
        if name and not package.get("inBundle"):
            assert package["integrity"].startswith("sha512-"), name
            assert package.get("resolved", "https://registry.npmjs.org/").startswith(
                "https://registry.npmjs.org/"
            )


def test_tailwind_is_one_version():
    asked = json.loads((STYLES / "package.json").read_text())["devDependencies"]
    assert asked["tailwindcss"] == asked["@tailwindcss/cli"]


@pytest.mark.parametrize("width", [32, 180])
def test_the_icons_have_their_size(width: int):
    data = (STATIC / f"icon-{width}.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", data[16:24]) == (width, width)
    assert len(data) < 6000


def test_the_icon_is_filled_up_with_its_own_colour():
    svg = (STATIC / "postern.svg").read_text()
    (ground,) = re.findall(r'<rect[^>]* fill="(#[0-9a-f]{6})"', svg)
    assert f'background: "{ground}"' in (STYLES / "icons.cjs").read_text()


def build(top: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(top / "lib/postern/web/styles/build"), *arguments],
        env={**os.environ, "POSTERN_TESTS_WORK": str(tiers.WORK)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What build reads, in a place of its own."""
    for name in ("lib/postern/web/styles", "lib/postern/web/pages", "static"):
        shutil.copytree(tiers.TOP / name, tmp_path / name)
    (tmp_path / "lib/postern/ops").mkdir()
    for name in ("venv.sh", "python.sh"):
        shutil.copy(tiers.TOP / "lib/postern/ops" / name, tmp_path / "lib/postern/ops")
    return tmp_path


@pytest.mark.tier("css")
def test_what_is_committed_is_what_the_sources_make():
    done = build(tiers.TOP, "--check")
    assert done.returncode == 0, done.stderr


@pytest.mark.tier("css")
def test_a_stale_file_is_found_and_made_anew(clone: Path):
    with (clone / "lib/postern/web/styles/tokens.css").open("a") as file:
        file.write("\n@layer theme { :root { --color-new: #123456; } }\n")
    (clone / "static/icon-32.png").write_bytes(b"old")
    before = (clone / "static/app.css").read_bytes()
    stale = build(clone, "--check")
    assert stale.returncode == 65
    assert "static/app.css is not what its sources make" in stale.stderr
    assert (clone / "static/app.css").read_bytes() == before
    made = build(clone)
    assert made.returncode == 0, made.stderr
    assert "--color-new:#123456" in (clone / "static/app.css").read_text()
    assert (clone / "static/icon-32.png").read_bytes() == (STATIC / "icon-32.png").read_bytes()
    assert build(clone, "--check").returncode == 0


@pytest.mark.tier("css")
def test_a_utility_class_is_compiled_when_a_page_uses_it(clone: Path):
    page = clone / "lib/postern/web/pages/front.html"
    page.write_text(page.read_text() + '<p class="mt-7">x</p>\n')
    build(clone)
    assert ".mt-7{" in (clone / "static/app.css").read_text()
    assert ".mt-7{" not in (STATIC / "app.css").read_text()


@pytest.mark.tier("css")
def test_styles_that_do_not_compile_leave_the_old_ones(clone: Path):
    (clone / "lib/postern/web/styles/app.css").write_text('@import "./gone.css";')
    before = (clone / "static/app.css").read_bytes()
    done = build(clone)
    assert done.returncode == 65
    assert "gone.css" in done.stderr
    assert (clone / "static/app.css").read_bytes() == before
