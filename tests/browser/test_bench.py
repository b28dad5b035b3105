"""The bench itself: the judge sees what is wrong with a page, and the helpers do what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from postern.web.response import SECURITY_HEADERS
from support.browser import DESKTOP, PHONE, Look, Visitor
from support.people import Person

Visit = Callable[..., Visitor]

PLAIN = Look("phone", script=False)
GOOD = '<h1>A page</h1><p>With words.</p><form><label>Name <input name="name"></label></form>'

FAULTS = {
    PHONE: [
        ("<script>document.title = 'mine'</script>", "console: Executing inline script violates"),
        ('<p style="color: red">Red.</p>', "ContentSecurityPolicyIssue: "),
        ('<img src="https://tracker.example/dot.png" alt="">', "tracker.example"),
        ('<img src="/static/gone.png" alt="">', "404 for http://localhost"),
        ('<svg width="360" height="9" class="broad"></svg>', "scrolls sideways at 320 pixels: svg.broad"),
        ('<input name="nameless">', "axe, label, "),
    ],
    PLAIN: [
        ('<p style="color: red">Red.</p>', "ContentSecurityPolicyIssue: "),
        ('<img src="/static/gone.png" alt="">', "404 for http://localhost"),
        ('<svg width="700" height="9" class="broad"></svg>', "scrolls sideways at 390 pixels: svg.broad"),
        ("<h4>Too deep</h4>", "axe, heading-order, "),
    ],
    DESKTOP: [
        ('<svg width="1400" height="9" class="broad"></svg>', "scrolls sideways at 1280 pixels: svg.broad"),
        ('<img src="/static/postern.svg" width="30">', "axe, image-alt, "),
    ],
}
"""What is added to GOOD, and what the judge says of it."""


@pytest.fixture
def show(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What the judge finds in a page with this content, under the headers of the site."""

    def judged(look: Look, content: str) -> list[str]:
        visitor = visit(look=look)
        head = (
            '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>A page</title>'
        )
        body = f'<!doctype html><html lang="en"><head>{head}</head><body><main>{content}</main></body></html>'
        headers = {**dict(SECURITY_HEADERS), "Content-Type": "text/html; charset=utf-8"}
        visitor.page.route("**/sample", lambda route: route.fulfill(body=body, headers=headers))
        visitor.go("/sample")
        visitor.page.goto("about:blank")
        found = list(visitor.judge.faults)
        visitor.judge.faults.clear()
        return found

    return judged


@pytest.mark.parametrize("look", FAULTS, ids=str)
def test_the_judge_has_nothing_against_a_good_page(show: Any, look: Look) -> None:
    assert show(look, GOOD) == []


@pytest.mark.parametrize("look", FAULTS, ids=str)
def test_the_judge_sees_what_is_wrong(show: Any, look: Look) -> None:
    found = show(look, GOOD + "".join(content for content, _ in FAULTS[look]))
    for _, fault in FAULTS[look]:
        assert any(fault in line for line in found), (fault, found)


def test_a_fault_of_any_page_fails_the_test_in_the_end(visit: Visit) -> None:
    visitor = visit()
    visitor.go("/")
    visitor.page.evaluate("console.error('something broke')")
    visitor.go("/sign-in")
    with pytest.raises(AssertionError, match="something broke"):
        visitor.finish()
    visitor.judge.faults.clear()


def test_pictures_are_taken_where_they_are_asked_for(
    visit: Visit, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pictures"
    for wanted in ("", str(folder)):
        monkeypatch.setenv("POSTERN_TESTS_SHOTS", wanted)
        visitor = visit(look=Look("phone", "dark"))
        visitor.go("/")
        visitor.shot("front")
    assert [path.name for path in folder.iterdir()] == ["front-phone-dark.webp"]


MAKE_PASSKEY = """async () => {
  const made = await navigator.credentials.create({publicKey: {
    challenge: new Uint8Array(32), rp: {name: "Postern"}, user: {id: new Uint8Array(9), name: "jane", displayName: "jane"},
    pubKeyCredParams: [{type: "public-key", alg: -7}], authenticatorSelection: {userVerification: "required"}}});
  return made.id;
}"""


def test_the_authenticator_makes_a_passkey_for_this_site(visit: Visit, jane: Person) -> None:
    visitor = visit(jane)
    authenticator = visitor.authenticator()
    assert authenticator.credentials == []
    assert visitor.page.evaluate(MAKE_PASSKEY)
    (made,) = authenticator.credentials
    assert made["rpId"] == "localhost"
    authenticator.refuse()
    with pytest.raises(Exception, match="NotAllowedError"):
        visitor.page.evaluate(MAKE_PASSKEY)
