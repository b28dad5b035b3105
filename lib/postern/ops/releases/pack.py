"""Packing a release.

postern-VERSION.zip       for a panel's file manager
postern-VERSION.tar.gz    the same files, for a shell
SHA256SUMS                of both

Both are flat: unpacked in the document root, everything is in its place. In a folder of their own the files would have to be
moved by hand, and file managers do not show the one that protects the others, .htaccess.

The same files make the same bytes, whatever the umask, the clock, the language or the order of the disk. The zip is stored, not
compressed, so it depends on no version of zlib either; the tar.gz does. What an installer changed is packed as it was shipped.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
import zipfile

from postern.ops.install import htaccess, marked
from postern.ops.install.doors import SHIPPED_LINE
from postern.ops.releases import release

_FIRST_TIME = 946684800
"""2000-01-01. A zip counts from 1980, in steps of two seconds."""

_SPAN = 10 * 365 * 86400


def pack(top: str, folder: str) -> list[str]:
    """Make both archives and their sums in `folder`; returns the paths."""
    contents = {name: _shipped(top, name) for name in release.files(top)}
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(contents.items())]
    contents[release.MANIFEST] = "".join(lines).encode()
    base = f"postern-{release.version(top)}"
    made = {f"{base}.tar.gz": _tar(contents), f"{base}.zip": _zip(contents)}
    made["SHA256SUMS"] = "".join(
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(made.items())
    ).encode()
    os.makedirs(folder, exist_ok=True)
    for name, data in made.items():
        path = os.path.join(folder, name)
        with open(f"{path}.new", "wb") as file:
            file.write(data)
        os.replace(f"{path}.new", path)
    return [os.path.join(folder, name) for name in sorted(made)]


def _shipped(top: str, name: str) -> bytes:
    if name == htaccess.NAME:
        return marked.put("", htaccess.body(htaccess.Site("", "cgi", "off"))).encode()
    with open(os.path.join(top, name), "rb") as file:
        data = file.read()
    return SHIPPED_LINE.encode() + b"\n" + data.partition(b"\n")[2] if name.startswith("cgi-bin/") else data


def _time(data: bytes) -> int:
    """Made of the contents: Python takes a .pyc as current when its source has the size and time of then, whatever is in it."""
    return _FIRST_TIME + 2 * (int.from_bytes(hashlib.sha256(data).digest()[:4], "big") % _SPAN)


def _zip(contents: dict[str, bytes]) -> bytes:
    import time

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, time.gmtime(_time(data))[:6])
            entry.create_system = 3  # Unix: its modes count
            entry.external_attr = (stat.S_IFREG | release.mode(name)) << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def _tar(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with (
        gzip.GzipFile("", "wb", 9, buffer, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, data in sorted(contents.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), release.mode(name), _time(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
