"""A folder on a WebDAV server (RFC 4918). A file is put under another name and moved when its size is right."""

from __future__ import annotations

import base64
import os

from postern.ops.offsite import http

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.offsite.place import Place


class WebDav:
    """One folder; it must be there."""

    def __init__(self, place: Place, user: str, password: str) -> None:
        self._place = place
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {pair}"} if user else {}

    def names(self) -> list[str]:
        """PROPFIND, one level."""
        answer = http.ask(self._place, "PROPFIND", self._place.path, {**self._headers, "Depth": "1"})
        if answer.status != 207:
            raise http.refused(self._place, "list the folder", answer)
        return http.names_in(answer.body)

    def put(self, path: str, name: str) -> None:
        """PUT, HEAD, MOVE."""
        part = f"{self._place.path}{name}.part"
        size = os.stat(path).st_size
        with open(path, "rb") as file:
            answer = http.ask(
                self._place, "PUT", part, {**self._headers, "Content-Length": str(size)}, body=file
            )
        if answer.status not in (200, 201, 204):
            raise http.refused(self._place, "take the file", answer)
        found = http.ask(self._place, "HEAD", part, self._headers)
        if found.status != 200 or found.size != size:
            raise http.refused(self._place, f"keep all {size} bytes of the file", found)
        scheme = self._place.kind
        to = f"{scheme}://{http.authority(self._place)}{self._place.path}{name}"
        moved = http.ask(self._place, "MOVE", part, {**self._headers, "Destination": to, "Overwrite": "T"})
        if moved.status not in (201, 204):
            raise http.refused(self._place, "name the file", moved)

    def get(self, name: str, path: str) -> None:
        """GET."""
        answer = http.ask(self._place, "GET", self._place.path + name, self._headers, to=path)
        if answer.status != 200:
            raise http.refused(self._place, "give the file", answer)

    def delete(self, name: str) -> None:
        """DELETE."""
        answer = http.ask(self._place, "DELETE", self._place.path + name, self._headers)
        if answer.status not in (200, 204, 404):
            raise http.refused(self._place, "delete the file", answer)
