"""QR codes, read by another's eyes: zxing-cpp sees in the picture what was put into it."""

from __future__ import annotations

import re

import pytest
import zxingcpp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from postern.base.errors import BadInput
from postern.web import qr, qr_words

PIXELS = 3
CAPACITY = {1: 14, 2: 26, 3: 42, 4: 62, 5: 84, 6: 106, 7: 122, 9: 180, 10: 213, 14: 362, 20: 666}
"""Version -> bytes that it holds at level M (ISO/IEC 18004, table 7)."""


def dark(text: str) -> set[tuple[int, int]]:
    """The modules that the path fills: (column, row)."""
    width, path = qr.draw(text)
    pieces = re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", path)
    assert path == "".join(f"M{x} {y}h{run}v1h-{run}z" for x, y, run in pieces)
    found = {(int(x) + at, int(y)) for x, y, run in pieces for at in range(int(run))}
    border = (qr.QUIET, width - qr.QUIET - 1)
    assert all(border[0] <= place <= border[1] for module in found for place in module), "the border is light"
    return found


def seen(text: str) -> list[zxingcpp.Barcode]:
    """What a reader sees in the picture."""
    width, found = qr.draw(text)[0], dark(text)
    rows = [
        bytes(0 if (column, row) in found else 255 for column in range(width) for _ in range(PIXELS))
        for row in range(width)
    ]
    pixels = b"".join(row * PIXELS for row in rows)
    image = memoryview(pixels).cast("B", (width * PIXELS, width * PIXELS))
    return list(zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode))


def read(text: str) -> tuple[str, str]:
    """Its text and its level of error correction."""
    (code,) = seen(text)
    return code.bytes.decode(), code.ec_level


@pytest.mark.parametrize(
    "text",
    [
        "https://alias.example",
        "https://alias.example|postern" + "a2" * 26,
        "https://xn--bcher-kva.example/mail/",
        "Grüße, 世界 🚪",
        "0",
    ],
)
def test_it_says_what_was_put_into_it(text: str):
    assert read(text) == (text, "M")


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=160))
@example("\0")
@example("1" * 160)
def test_any_text_comes_back(text: str):
    assert read(text)[0] == text


@pytest.mark.parametrize("version", CAPACITY)
def test_each_version_holds_what_the_standard_says(version: int):
    for count, expected in ((CAPACITY[version], version), (CAPACITY[version] + 1, version + 1)):
        if expected <= max(CAPACITY):
            text = "~" * count
            assert len(qr.symbol(text)) == 17 + 4 * expected
            assert read(text)[0] == text


@pytest.mark.parametrize("version", range(1, 21))
def test_as_many_modules_are_free_as_codewords_need(version: int):
    _, taken = qr._fixed(version)
    free = sum(row.count(0) for row in taken)
    assert free == qr_words.modules(version)
    assert 0 <= free - 8 * len(qr_words.codewords(b"", version)) < 8


def test_what_is_too_long_is_refused():
    with pytest.raises(BadInput):
        qr.draw("é" * 334)


def test_every_mask_is_read_and_one_of_the_best_is_taken(monkeypatch: pytest.MonkeyPatch):
    text = "https://alias.example"
    square, taken = qr._fixed(2)
    qr._fill(square, taken, qr_words.codewords(text.encode(), 2))
    drawn = [qr._masked(square, taken, mask) for mask in range(8)]
    assert qr._penalty(qr.symbol(text)) == min(map(qr._penalty, drawn))
    for one in drawn:
        monkeypatch.setattr(qr, "symbol", lambda _, one=one: one)
        assert read(text)[0] == text


def test_it_is_read_with_a_corner_of_its_words_torn_off(monkeypatch: pytest.MonkeyPatch):
    text = "https://alias.example|postern" + "a2" * 26
    rows = qr.symbol(text)
    torn = [*rows[:-4], *(row[:-4] + "0000" for row in rows[-4:])]
    assert torn != rows
    monkeypatch.setattr(qr, "symbol", lambda _: torn)
    assert read(text)[0] == text
