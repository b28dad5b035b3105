"""A bucket of S3, or of what speaks like it, in path style. Requests are signed with Signature Version 4.

Source: "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API Reference. The hash of the whole file is signed, so
that what arrives is what was sent, or it is refused. One PUT takes up to 5 GiB.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from urllib.parse import quote

from postern.base import clock
from postern.ops.offsite import http

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

    from postern.ops.offsite.http import Answer
    from postern.ops.offsite.place import Place

_EMPTY = hashlib.sha256(b"").hexdigest()


class S3:
    """A prefix in a bucket; the bucket must be there."""

    def __init__(self, place: Place, access_key: str, secret: str, region: str) -> None:
        self._place, self._access_key, self._secret, self._region = place, access_key, secret, region
        bucket, _, self._prefix = place.path.strip("/").partition("/")
        self._prefix += "/" if self._prefix else ""
        self._bucket = "/" + bucket

    def names(self) -> list[str]:
        """ListObjectsV2: the first thousand, which are many years of backups."""
        query = f"list-type=2&prefix={quote(self._prefix, safe='')}"
        answer = self._ask("GET", self._bucket, query)
        if answer.status != 200:
            raise http.refused(self._place, "list the bucket", answer)
        return http.names_in(answer.body)

    def put(self, path: str, name: str) -> None:
        """PutObject: it is there as a whole, or not at all."""
        size = os.stat(path).st_size
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            for piece in iter(lambda: file.read(http.PIECE), b""):
                digest.update(piece)
            file.seek(0)
            answer = self._ask("PUT", self._key(name), "", digest.hexdigest(), file, size)
        if answer.status != 200:
            raise http.refused(self._place, "take the file", answer)
        found = self._ask("HEAD", self._key(name))
        if found.status != 200 or found.size != size:
            raise http.refused(self._place, f"keep all {size} bytes of the file", found)

    def get(self, name: str, path: str) -> None:
        """GetObject."""
        answer = self._ask("GET", self._key(name), to=path)
        if answer.status != 200:
            raise http.refused(self._place, "give the file", answer)

    def delete(self, name: str) -> None:
        """DeleteObject."""
        answer = self._ask("DELETE", self._key(name))
        if answer.status not in (200, 204):
            raise http.refused(self._place, "delete the file", answer)

    def _key(self, name: str) -> str:
        return quote(f"{self._bucket}/{self._prefix}{name}")

    def _ask(
        self,
        method: str,
        path: str,
        query: str = "",
        digest: str = _EMPTY,
        body: bytes | IO[bytes] = b"",
        size: int = 0,
        to: str = "",
    ) -> Answer:
        """`query` is in the order of its names, and escaped."""
        headers = {
            "host": http.authority(self._place),
            "x-amz-content-sha256": digest,
            "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(clock.now())),
        }
        headers["Authorization"] = self._authorization(method, path, query, headers)
        if method == "PUT":
            headers["Content-Length"] = str(size)
        target = f"{path}?{query}" if query else path
        return http.ask(self._place, method, target, headers, body=body, to=to)

    def _authorization(self, method: str, path: str, query: str, headers: dict[str, str]) -> str:
        signed = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        request = "\n".join((method, path, query, lines, signed, headers["x-amz-content-sha256"]))
        when = headers["x-amz-date"]
        scope = f"{when[:8]}/{self._region}/s3/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{when}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = f"AWS4{self._secret}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.new(key, to_sign.encode(), "sha256").hexdigest()
        return f"AWS4-HMAC-SHA256 Credential={self._access_key}/{scope},SignedHeaders={signed},Signature={signature}"
