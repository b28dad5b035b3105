"""The real Worker in the real workerd: what each answer of the site becomes, and the whole road through a real Apache."""

from __future__ import annotations

import base64
import http.server
import json
import os
import threading
from collections.abc import Callable, Iterator

import pytest

from postern.mail import envelope
from support.account import Tenant
from support.apache import Apache
from support.instance import ALIAS
from support.mail import body_of, message
from support.patience import until
from support.relay import ScriptedRelay
from support.workerd import Outcome, Workerd

pytestmark = pytest.mark.tier("workerd")

SECRET = "whsec_" + base64.b64encode(os.urandom(32)).decode()
OLD_SECRET = "whsec_" + base64.b64encode(os.urandom(48)).decode()
SENDER = "bob@shop.example"
HASHED = envelope.HASHED_BYTES
LARGE = 25 * 1024 * 1024
SAYS = "postern: the site answered {}, to be tried again"


@pytest.fixture(scope="module")
def edge() -> Iterator[Workerd]:
    with Workerd() as server:
        yield server


class Site(http.server.ThreadingHTTPServer):
    """Answers what `answers` says, the last again and again: (status, headers), or a function that gets the request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.url = f"http://127.0.0.1:{self.server_port}/hooks/inbound"
        self.answers: list = [(202, {"postern-receipt": "stored"})]
        self.posts: list[tuple[dict[str, str], bytes]] = []

    def env(self, **more: str) -> dict[str, str]:
        return {"HOOK_URL": self.url, "SECRETS": SECRET, **more}


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        site = self.server
        assert isinstance(site, Site)
        answer = site.answers.pop(0) if len(site.answers) > 1 else site.answers[0]
        if callable(answer):
            answer(self)
            return
        body = self.rfile.read(int(self.headers["content-length"]))
        site.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
        status, headers = answer
        self.send_response(status)
        for name, value in {"content-length": "0", "connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def read(headers: dict[str, str]) -> dict[str, object]:
    return json.loads(base64.b64decode(headers["postern-envelope"]))


def verified(headers: dict[str, str], secret: str) -> envelope.Verified:
    """As the site does it."""
    names = ("webhook-id", "webhook-timestamp", "webhook-signature", "postern-envelope")
    inbound = envelope.Inbound(*(headers[name] for name in names))
    return envelope.verify(inbound, envelope.parse_secrets(secret), float(inbound.timestamp))


STORED = (202, {"postern-receipt": "stored"})
REFUSED = (422, {"postern-reject": "5.1.1 no such alias"})
REFUSED_OUTCOME = Outcome("refused", "5.1.1 no such alias", "")
LATER = (
    (200, {"postern-receipt": "stored"}),
    (202, {}),
    (204, {}),
    (301, {"location": "/elsewhere"}),
    (302, {"location": "https://parked.example/"}),
    (400, {}),
    (401, {}),
    (403, {"postern-reject": "5.1.1 no such alias"}),
    (404, {}),
    (411, {}),
    (413, {}),
    (422, {}),
    (429, {"retry-after": "60"}),
    (500, {}),
    (503, {"retry-after": "60"}),
    (520, {}),
)


def hang_up(request: http.server.BaseHTTPRequestHandler) -> None:
    request.connection.close()


def say_nothing(request: http.server.BaseHTTPRequestHandler) -> None:
    """Reads, and waits until the other side has had enough."""
    request.rfile.read(int(request.headers["content-length"]))
    request.rfile.read(1)


def test_taken_and_refused_are_the_sites_own_words(edge: Workerd, site: Site):
    for receipt in ("stored", "duplicate", "spooled", "discarded"):
        site.answers = [(202, {"postern-receipt": receipt})]
        assert edge.receive(message(), site.env(), SENDER, ALIAS) == Outcome("accepted", "", "")
    site.answers = [REFUSED]
    assert edge.receive(message(), site.env(), SENDER, ALIAS) == REFUSED_OUTCOME


def test_whatever_else_is_answered_the_sender_tries_again(edge: Workerd, site: Site):
    for status, headers in LATER:
        site.answers = [(status, headers)]
        got = edge.receive(message(), site.env(), SENDER, ALIAS)
        assert got == Outcome("later", SAYS.format(status), ""), status


@pytest.mark.parametrize("behave", [hang_up, say_nothing])
@pytest.mark.parametrize("size", [100, HASHED + 1], ids=["small", "large"])
def test_a_site_that_does_not_answer_is_tried_again(
    edge: Workerd, site: Site, behave: Callable[..., None], size: int
):
    site.answers = [behave]
    got = edge.receive(b"x" * size, site.env(), SENDER, ALIAS, hurry=100)
    assert got.outcome == "later"
    assert got.reason.startswith("postern: the site did not answer (")


def test_a_host_that_is_down_and_wrong_settings_are_tried_again(edge: Workerd, site: Site):
    site.server_close()
    got = edge.receive(message(), site.env(), SENDER, ALIAS)
    assert (got.outcome, got.reason.split("(")[0]) == ("later", "postern: the site did not answer ")
    for wrong in ({"SECRETS": ""}, {"SECRETS": "none"}, {"SECRETS": "whsec_!"}, {"HOOK_URL": "here"}):
        assert edge.receive(message(), {**site.env(), **wrong}, SENDER, ALIAS).outcome == "later"


def test_a_large_message_that_is_refused_at_once_is_refused(edge: Workerd, site: Site):
    """The answer comes before the message was sent; the rest is thrown away, as Apache does it."""

    def refuse(request: http.server.BaseHTTPRequestHandler) -> None:
        head = "HTTP/1.1 422 No\r\npostern-reject: 5.1.1 no such alias\r\ncontent-length: 0\r\n"
        request.wfile.write(f"{head}connection: close\r\n\r\n".encode())
        while request.rfile.read(65536):
            pass

    site.answers = [refuse]
    assert edge.receive(b"x" * LARGE, site.env(), SENDER, ALIAS) == REFUSED_OUTCOME


@pytest.mark.parametrize("size", [0, 1, HASHED, HASHED + 1, LARGE])
@pytest.mark.parametrize("form", ["raw", "multipart"])
def test_the_site_gets_every_byte_with_its_length_and_hash(edge: Workerd, site: Site, size: int, form: str):
    mime = os.urandom(size)
    assert edge.receive(mime, site.env(BODY=form), SENDER, "a+b@alias.example").outcome == "accepted"
    ((headers, body),) = site.posts
    sent = verified(headers, SECRET).envelope
    assert (sent.mail_from, sent.rcpt_to, sent.size) == (SENDER, "a+b@alias.example", size)
    assert (sent.source, sent.probe, bool(sent.sha256)) == ("cloudflare", False, size <= HASHED)
    assert "transfer-encoding" not in headers
    if form == "multipart":
        mark = headers["content-type"].partition("boundary=")[2].encode()
        head, _, rest = body.partition(b"\r\n\r\n")
        assert head.startswith(b"--" + mark + b"\r\n")
        assert rest.endswith(b"\r\n--" + mark + b"--\r\n")
        body = rest[: -len(mark) - 8]
    assert body == mime


def test_a_bounce_has_no_sender(edge: Workerd, site: Site):
    for nobody in ("", "<>", None):
        assert edge.receive(message(), site.env(), nobody, ALIAS).outcome == "accepted"
        assert verified(site.posts.pop()[0], SECRET).envelope.mail_from == ""


def test_each_secret_signs_so_that_they_can_be_changed(edge: Workerd, site: Site):
    edge.receive(message(), site.env(SECRETS=f"{SECRET} {OLD_SECRET}"), "ö@müller.example", ALIAS)
    ((headers, _),) = site.posts
    assert verified(headers, SECRET) == verified(headers, OLD_SECRET)
    assert verified(headers, SECRET).envelope.mail_from == "ö@müller.example"


# The fallback.


def test_with_a_fallback_the_site_is_asked_first(edge: Workerd, site: Site):
    env = site.env(FALLBACK="me@real-mailbox.example")
    site.answers = [(202, {"postern-receipt": "ready"}), STORED]
    mime = message()
    assert edge.receive(mime, env, SENDER, ALIAS) == Outcome("accepted", "", "")
    (asked, nothing), (_, body) = site.posts
    assert (nothing, body, read(asked)["type"], read(asked)["size"]) == (b"", mime, "mail.probe", len(mime))
    site.answers = [REFUSED]
    assert edge.receive(mime, env, SENDER, ALIAS) == REFUSED_OUTCOME


@pytest.mark.parametrize("answer", [(401, {}), (503, {}), (404, {}), hang_up, say_nothing])
def test_while_the_site_cannot_take_it_the_fallback_gets_it(edge: Workerd, site: Site, answer: object):
    site.answers = [answer]
    env = site.env(FALLBACK="me@real-mailbox.example")
    got = edge.receive(message(), env, SENDER, ALIAS, hurry=100)
    assert got == Outcome("accepted", "", "me@real-mailbox.example")


def test_what_was_read_is_not_forwarded_but_tried_again(edge: Workerd, site: Site):
    site.answers = [(202, {"postern-receipt": "ready"}), (503, {})]
    env = site.env(FALLBACK="me@real-mailbox.example")
    assert edge.receive(message(), env, SENDER, ALIAS) == Outcome("later", SAYS.format(503), "")


def test_nothing_of_a_message_is_logged(edge: Workerd, site: Site):
    mark = os.urandom(8).hex()
    for answer in (STORED, REFUSED, (503, {}), hang_up):
        site.answers = [answer]
        edge.receive(
            message(mark, mark.encode()), site.env(), f"{mark}@shop.example", f"{mark}@alias.example"
        )
    assert mark not in edge.log()


# Through Apache into the queue, and out to the mailbox.


@pytest.fixture
def apache(tenant: Tenant) -> Iterator[Apache]:
    with Apache(tenant, "event") as server:
        yield server
    until(lambda: tenant.processes() == [])


def big() -> bytes:
    block = b"\r\n".join(os.urandom(36).hex().encode() for _ in range(1000)) + b"\r\n"
    return message(body=block * ((LARGE - 4096) // len(block)))


@pytest.mark.tier("apache")
def test_the_whole_road(edge: Workerd, apache: Apache, relay: ScriptedRelay):
    """4 KB and 25 MB: byte for byte in the mailbox. Then nobody's address, a wrong secret, a probe."""
    tenant = apache.tenant
    env = {
        "HOOK_URL": f"{apache.address}/hooks/inbound",
        "SECRETS": f"{OLD_SECRET} {tenant.settings['POSTERN_WEBHOOK_SECRETS']}",
    }
    small = message(body=b"0123456789\r\n" * 341)
    sent = [(small, {}), (message(), {"BODY": "multipart"}), (big(), {})]
    for count, (mime, more) in enumerate(sent, 1):
        assert edge.receive(mime, {**env, **more}, SENDER, ALIAS) == Outcome("accepted", "", "")
        until(lambda count=count: len(relay.messages) == count)
        assert body_of(relay.messages[-1].content) == body_of(mime)
    assert edge.receive(small, env, SENDER, ALIAS).outcome == "accepted"
    assert len(relay.messages) == 3, "the same mail again is no second one"
    assert edge.receive(message(), env, SENDER, "nobody@alias.example") == REFUSED_OUTCOME
    assert edge.receive(sent[2][0], env, SENDER, "nobody@alias.example") == REFUSED_OUTCOME
    got = edge.receive(message(), {**env, "SECRETS": OLD_SECRET}, SENDER, ALIAS)
    assert got == Outcome("later", SAYS.format(401), "")
    fallback = {**env, "FALLBACK": "me@real-mailbox.example"}
    assert edge.receive(message(), fallback, SENDER, ALIAS) == Outcome("accepted", "", "")
    assert edge.receive(message(), fallback, SENDER, "nobody@alias.example") == REFUSED_OUTCOME
    assert edge.receive(message(), {**fallback, "SECRETS": SECRET}, SENDER, ALIAS).forwarded
    until(lambda: len(relay.messages) == 4)
    tenant.wait_for_drain()
    assert tenant.states() == {"sent": 4}
    # Apache's words for a CGI that answered before it had read all.
    assert [line for line in apache.complaints().splitlines() if "AH02651" not in line] == []
