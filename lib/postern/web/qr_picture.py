"""A QR code as a part of a page."""

from __future__ import annotations

from postern.web import qr, render


def picture(text: str, says: str) -> render.Safe:
    """The picture of a text; `says` is read to those who do not see it."""
    size, path = qr.draw(text)
    return render.render("qr", size=str(size), path=path, says=says)
