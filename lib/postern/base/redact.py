"""What a log may hold: secrets and e-mail addresses are taken out of any text, whoever wrote it.

    clean("postgres://bob:hunter2@db for jane@example.org")  ->  "postgres://bob:[secret]@db for j***@e***.org"

First go the secrets that this process knows (register), in every form they travel in; then what looks like a secret;
then addresses. When in doubt it takes out too much. plain() does the same to any value on its way into JSON. Time is
linear in the text, whatever a stranger wrote: no expression below can try an unbounded piece from more than one start.

Not here: writing (base/log.py). Names of people and subjects look like any other words: whoever logs must leave them out.
"""

from __future__ import annotations

import base64
import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "[secret]"
MIN_SECRET = 4
"""Characters. What is shorter protects nothing, and taking it out would leave no log."""

MIN_ENCODED = 8
"""Characters. Shorter hex and base64 forms stand in ordinary text by chance."""

MAX_RAW, MAX_TEXT = 128 * 1024, 16 * 1024
"""Characters of one value that plain() looks at, and that it leaves at most."""

MAX_ITEMS, MAX_DEPTH = 100, 4
"""Of lists and dicts in plain()."""

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
"""RFC 3986 2.3: what URLs do not quote."""

_known: tuple[str, ...] = ()
"""The longest first."""


def register(secret: str | bytes) -> None:
    """From now on clean() takes this secret out: as it is, in hex, base64, URLs, quoted; and what is inside it.

    Inside: the key behind `id:` or `whsec_`, the bytes behind base64 or hex, the password of a URL.
    """
    global _known  # noqa: PLW0603 - secrets belong to the process: a second log must not forget the first one's
    forms = {form for part in (secret, *_inside(secret)) for form in _forms(part)}
    # The longest first, so that no piece of a long form stays behind when a short one was taken out of it.
    _known = tuple(sorted(forms.union(_known), key=lambda form: (-len(form), form)))


def _inside(secret: str | bytes) -> Iterator[str | bytes]:
    if isinstance(secret, bytes):
        return
    named = re.fullmatch(r"(?:[a-z0-9]{1,8}:|whsec_)(.+)", secret, re.DOTALL)
    text = named[1] if named else secret
    if named:
        yield text
    for decode in (_from_base64, bytes.fromhex):
        try:
            decoded = decode(text)
        except ValueError:
            continue
        if len(decoded) >= 16:
            yield decoded
    url = re.search(r"://[^:/]*:(.*)@", secret, re.DOTALL)
    if url:
        yield url[1]
        yield _unquoted(url[1])


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _unquoted(text: str) -> str:
    parts = re.split(r"%([0-9A-Fa-f]{2})", text)
    raw = b"".join(bytes.fromhex(p) if i % 2 else p.encode("utf-8", "replace") for i, p in enumerate(parts))
    return raw.decode("utf-8", "replace")


def _forms(secret: str | bytes) -> Iterator[str]:
    """Every way this one may stand in a text."""
    if isinstance(secret, str):
        raw, text = secret.encode("utf-8", "surrogatepass"), secret
    else:
        raw, text = secret, secret.decode("utf-8", "backslashreplace")
    quoted = "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in raw)
    plainly = (text, raw.decode("latin-1"), repr(text)[1:-1], repr(raw)[2:-1])
    # Quoted once or twice: JSON inside JSON, and the repr() of bytes inside JSON.
    once = [json.dumps(form)[1:-1] for form in plainly]
    for form in (*plainly, *once, *(json.dumps(form)[1:-1] for form in once)):
        if len(form) >= MIN_SECRET:
            yield form
    in_urls = (quoted, quoted.replace("%2F", "/"), quoted.replace("%20", "+"))
    for form in (raw.hex(), raw.hex().upper(), *in_urls, *_base64_forms(raw)):
        if len(form) >= MIN_ENCODED:
            yield form


def _base64_forms(raw: bytes) -> Iterator[str]:
    """Also as the middle of longer base64 (AUTH PLAIN, Basic): there it may begin at any of three offsets."""
    for ahead in range(3):
        encoded = base64.b64encode(bytes(ahead) + raw).decode()
        if ahead == 0:
            yield from (encoded, encoded.replace("+", "-").replace("/", "_"))
        # The first characters hold bits of what stands before, the last one may hold bits of what comes after.
        whole = encoded.rstrip("=")[(0, 2, 3)[ahead] :]
        inner = whole if (ahead + len(raw)) % 3 == 0 else whole[:-1]
        yield from (inner, inner.replace("+", "-").replace("/", "_"))


_TRIGGER = re.compile(r"(?i)[@:=%]|\(at\)|whsec_|-----begin|auth|bearer|basic")
"""Without one of these no expression below can match: most texts are through after this."""

_SEP = r"""["'\\]{0,3}[ \t]{0,4}(?:=>|[:=])[ \t]{0,4}(?:b?\\{0,2}["'])?"""
_QUOTED = r"""(?<=")[^"\r\n]*|(?<=')[^'\r\n]*"""
_OF_SECRETS = r"(?:passw(?:or)?d|passphrase|\bpass\b|pwd|secret|token|credential|(?:api|access|private|seal|index)[_-]?key)"
_OF_HEADERS = r"(?:authori[sz]ation|authentication|cookie)"
_MECHANISM = r"(?:PLAIN|LOGIN|XOAUTH2|OAUTHBEARER|CRAM-MD5|NTLM|SCRAM-[A-Z0-9-]{1,20})"

_LOOKS_SECRET = (
    # A block without its end is taken out up to the end of the text.
    (r"(?s)-----BEGIN [A-Z0-9 ]{1,64}-----.*?(?:-----END [A-Z0-9 ]{1,64}-----|\Z)", MARK),
    (r"whsec_[A-Za-z0-9+/=_-]+", MARK),
    (r"(?<![A-Za-z0-9+/])([a-z0-9]{1,8}:)[A-Za-z0-9+/_-]{43}=?(?![A-Za-z0-9+/_-])", r"\1" + MARK),
    # Header fields that prove who asks: the whole line. SimpleLogin's clients send theirs as `Authentication`.
    (rf"""(?i)({_OF_HEADERS}{_SEP})(?:{_QUOTED}|(?<!["'])[^\r\n]+)""", r"\1" + MARK),
    (rf"(?i)(\bauth[ =]{_MECHANISM}[ \t]{{1,4}})(?!{_MECHANISM}\b)[A-Za-z0-9+/=]{{8,}}", r"\1" + MARK),
    (r"(?i)(\bbearer[ \t]{1,4})[A-Za-z0-9._~+/=-]{6,}", r"\1" + MARK),
    (r"(?i)(\bbasic[ \t]{1,4})(?:[A-Z0-9+/]{16,}={0,2}|[A-Z0-9+/]{6,15}={1,2})", r"\1" + MARK),
    (rf"""(?i)({_OF_SECRETS}\w{{0,16}}{_SEP})(?:{_QUOTED}|(?<!["'])[^\s&"'][^\s&]*)""", r"\1" + MARK),
    # A password may hold @ and /, though it should not.
    (r"(://[^\s/@:]{0,64}:)\S{1,128}@", r"\1" + MARK + "@"),
)
_PATTERNS = tuple((re.compile(pattern), shown) for pattern, shown in _LOOKS_SECRET)
_NAMES_SECRET = re.compile(rf"(?i){_OF_SECRETS}|authori[sz]ation|cookie")

# RFC 5322 atext and more: whatever is no delimiter. A whole run is taken with all that hangs on it, so that nothing of
# `a@b=jane@example.org` can pass as the rest of something else.
_RUN = r"""[^\s"(),:;<>@\[\]\\\x00-\x1f\x7f]"""
_AT = re.compile(r"(?i)(@|%40|\(at\))")
_ADDRESSES = re.compile(
    rf"""(?i)(?:"[^"\r\n]{{1,128}}"(?=@|%40|\(at\))|{_RUN}+)"""
    rf"""(?:(?:@|%40|\(at\))(?:\[[^\]\s]{{1,64}}\]|{_RUN}*))*"""
)
_DOMAIN = re.compile(r"\[.*|[\w*](?:[\w.*-]*[\w*])?")


def clean(text: str) -> str:
    """The text as a log may hold it."""
    for secret in _not_longer_than(len(text)):
        text = text.replace(secret, MARK)
    if _TRIGGER.search(text) is None:
        return text
    for pattern, shown in _PATTERNS:
        text = pattern.sub(shown, text)
    return _ADDRESSES.sub(_masked, text) if _AT.search(text) else text


def _not_longer_than(size: int) -> tuple[str, ...]:
    """The known secrets that fit. Most texts are shorter than most secrets."""
    low, high = 0, len(_known)
    while low < high:
        middle = (low + high) // 2
        if len(_known[middle]) > size:
            low = middle + 1
        else:
            high = middle
    return _known[low:]


def _masked(found: re.Match[str]) -> str:
    """`jane@example.org` as `j***@e***.org`. A word without an @ stays."""
    parts = _AT.split(found[0])  # word, @, word, @, word …
    words = [at for at in range(0, len(parts), 2) if parts[at]]
    for at in words[:-1]:
        parts[at] = _masked_local(parts[at])
    if len(words) > 1:
        parts[words[-1]] = _DOMAIN.sub(_masked_domain, parts[words[-1]], count=1)
    return "".join(parts)


def _masked_local(local: str) -> str:
    """Up to its first letter; a `/` or `'` in front of that stays too."""
    letter = re.search(r"[^\W_]", local)
    return (local[: letter.end()].lstrip('"') if letter else "") + "***"


def _masked_domain(found: re.Match[str]) -> str:
    domain = found[0]
    if domain.startswith("["):
        return "[***]"
    _, dot, label = domain.rpartition(".")
    return f"{domain[0]}***{dot}{label if dot else ''}"


def plain(value: object, depth: int = 0) -> object:
    """What JSON can hold of any value: cleaned, and cut where it is long or deep. Never raises."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**63 else _shown(hex(value))
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # JSON has no NaN and no infinity
    if depth < MAX_DEPTH and isinstance(value, dict):
        items = [(_shown(name), item) for name, item in list(value.items())[:MAX_ITEMS]]
        return {name: _field(name, item, depth + 1) for name, item in items}
    if depth < MAX_DEPTH and isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, depth + 1) for item in list(value)[:MAX_ITEMS]]
    return _shown(value)


def _field(name: str, value: object, depth: int) -> object:
    """Under some names, everything but yes and no is a secret, whatever it looks like."""
    if _NAMES_SECRET.search(name) and value is not None and not isinstance(value, bool):
        return MARK
    return plain(value, depth)


def _shown(value: object) -> str:
    try:
        text = (
            value.decode("utf-8", "backslashreplace") if isinstance(value, (bytes, bytearray)) else str(value)
        )
    except Exception as error:  # noqa: BLE001 - whatever a __str__ does, there is a line to write
        text = f"<{type(value).__name__} whose text fails with {type(error).__name__}>"
    shown = clean(text[:MAX_RAW])
    if len(text) > MAX_RAW:
        # What the cut left at the end may be half of a secret, which nobody recognises.
        shown = shown[:-1024]
    if len(shown) <= MAX_TEXT:
        return shown
    half = MAX_TEXT // 2
    return f"{shown[:half]} [{len(shown) - MAX_TEXT} characters left out] {shown[-half:]}"
