"""The three kinds of Passenger told apart, and the panels told about the app. Under a real Apache: tests/host."""

from __future__ import annotations

import ast
import os
import pathlib
import stat
import sys
from collections.abc import Iterator

import pytest

import tiers
from postern.base.errors import PosternError
from postern.ops.install import passenger
from postern.ops.install.installation import StepFailed
from postern.ops.install.passenger import App
from postern.web.routes import ROUTES
from support.passenger import BLOCK
from support.selector import Selector
from support.uapi import Uapi

OURS = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def account(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """An account's folder with the program in public_html; no panel on PATH."""
    top = tmp_path / "alice" / "public_html"
    top.mkdir(parents=True)
    (top / "passenger_wsgi.py").write_text("ours\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path / "alice"


@pytest.fixture
def app(account: pathlib.Path) -> App:
    return App(str(account / "public_html"), str(account), "alias.example", "/usr/bin/python3")


@pytest.fixture
def uapi(account: pathlib.Path) -> Iterator[Uapi]:
    with Uapi(account.parent / "bin", home=str(account)) as made:
        yield made


@pytest.fixture
def selector(account: pathlib.Path) -> Selector:
    return Selector(account.parent / "bin", account, versions=("3.6", OURS, "3.99"))


def changes(uapi: Uapi) -> list[str]:
    return [function for _, function, _ in uapi.calls if function != "list_applications"]


# Which kind.


def kind(account: pathlib.Path) -> str:
    return passenger.kind(str(account / "public_html"), str(account / ".postern"))


def test_without_a_panel_it_is_stock_where_the_operator_says_so(account: pathlib.Path) -> None:
    assert kind(account) == ""
    home = account / ".postern"
    home.mkdir()
    (home / ".env").touch(0o600)
    (home / ".env").write_text("POSTERN_INSTALL_DOOR=passenger\n")
    assert kind(account) == "stock"


def test_cpanel_counts_where_the_account_has_the_feature(account: pathlib.Path, uapi: Uapi) -> None:
    assert kind(account) == "cpanel"
    uapi.features.remove("passengerapplicationmanager")
    assert kind(account) == ""


def test_cloudlinux_counts_where_it_is_switched_on_and_before_cpanel(
    account: pathlib.Path, uapi: Uapi, selector: Selector
) -> None:
    assert kind(account) == "cloudlinux"
    selector["enabled"] = False
    assert kind(account) == "cpanel"
    (account / "public_html" / ".htaccess").write_text(BLOCK)
    assert kind(account) == "cloudlinux"


# cPanel.


def test_cpanel_is_told_once(app: App, uapi: Uapi) -> None:
    assert passenger.plan("cpanel", app).startswith("register public_html for alias.example")
    assert uapi.applications == {}
    assert passenger.register("cpanel", app)
    (made,) = uapi.applications.values()
    assert (made["path"], made["domain"], made["base_uri"]) == (app.top, "alias.example", "/")
    assert (made["deployment_mode"], made["enabled"]) == ("production", 1)
    assert passenger.plan("cpanel", app) == ""
    assert not passenger.register("cpanel", app)
    assert changes(uapi) == ["register_application"]


@pytest.mark.parametrize(
    "changed",
    [{"enabled": 0}, {"deployment_mode": "development"}, {"base_uri": "/x"}, {"domain": "old.example"}],
)
def test_what_was_changed_in_cpanel_is_set_right_whatever_the_app_is_called(
    app: App, uapi: Uapi, changed: dict[str, object]
) -> None:
    passenger.register("cpanel", app)
    right = dict(uapi.applications[app.name])
    uapi.applications = {"By hand": {**right, "name": "By hand", **changed}}
    assert next(iter(changed)) in passenger.plan("cpanel", app)
    assert passenger.register("cpanel", app)
    assert uapi.applications == {"By hand": {**right, "name": "By hand"}}


def test_cpanel_forgets_the_app_and_no_other(app: App, uapi: Uapi) -> None:
    other = App(os.path.join(app.account, "other"), app.account, app.domain, app.python)
    os.mkdir(other.top)
    uapi.applications["other"] = {"name": "other", "path": other.top}
    passenger.register("cpanel", app)
    assert passenger.unregister("cpanel", app)
    assert list(uapi.applications) == ["other"]
    assert not passenger.unregister("cpanel", app)


def test_what_cpanel_refuses_is_said_in_its_words(app: App, uapi: Uapi) -> None:
    uapi.refuse["register_application"] = "The maximum of 4 applications is reached."
    with pytest.raises(PosternError, match="maximum of 4") as caught:
        passenger.register("cpanel", app)
    assert "Application Manager" in caught.value.remedy


@pytest.mark.parametrize("domain", ["a.example", "x" * 63 + ".alias.example", "xn--bcher-kva.example"])
def test_a_name_in_cpanel_is_short_and_plain(domain: str) -> None:
    name = App("", "", domain, "").name
    assert len(name) <= 50
    assert name.startswith("postern-") and name.replace("-", "").isalnum()


@pytest.mark.parametrize("kind", ["cpanel", "cloudlinux"])
def test_a_program_outside_of_the_account_cannot_be_an_app(
    kind: str, app: App, uapi: Uapi, selector: Selector
) -> None:
    outside = App("/srv/postern", app.account, app.domain, app.python)
    with pytest.raises(StepFailed, match="does not lie in"):
        passenger.register(kind, outside)
    assert (changes(uapi), selector.changes) == ([], [])


# CloudLinux.


def test_cloudlinux_is_told_once_with_our_version(app: App, selector: Selector) -> None:
    assert f"with Python {OURS}" in passenger.plan("cloudlinux", app)
    assert selector.apps == {}
    assert passenger.register("cloudlinux", app)
    assert selector.apps == {
        "public_html": {
            "app_status": "started",
            "env_vars": {},
            "domain": "alias.example",
            "app_uri": "",
            "version": OURS,
            "startup_file": "passenger_wsgi.py",
            "entry_point": "application",
        }
    }
    assert passenger.plan("cloudlinux", app) == ""
    assert not passenger.register("cloudlinux", app)
    assert selector.changes == ["create"]


@pytest.mark.parametrize(
    ("changed", "commands"),
    [
        ({"app_status": "stopped"}, ["start"]),
        ({"domain": "old.example"}, ["set"]),
        ({"app_uri": "mail"}, ["set"]),
        ({"version": "3.6"}, ["set"]),
        ({"startup_file": "app.py", "app_status": "stopped"}, ["set", "start"]),
    ],
)
def test_what_was_changed_in_cloudlinux_is_set_right(
    app: App, selector: Selector, changed: dict[str, str], commands: list[str]
) -> None:
    passenger.register("cloudlinux", app)
    right = selector.apps["public_html"]
    selector["apps"] = {"public_html": {**right, **changed}}
    assert next(iter(changed)) in passenger.plan("cloudlinux", app)
    assert passenger.register("cloudlinux", app)
    assert selector.apps == {"public_html": right}
    assert selector.changes == ["create", *commands]


@pytest.mark.parametrize(("offered", "taken"), [(["3.6", "3.99"], "3.99"), (["3.6"], "3.6")])
def test_another_version_is_taken_where_ours_is_not_offered_and_stays(
    app: App, selector: Selector, offered: list[str], taken: str
) -> None:
    selector["offered"] = offered
    assert passenger.register("cloudlinux", app)
    assert selector.apps["public_html"]["version"] == taken
    selector["offered"] = ["3.6", "3.99"]
    assert not passenger.register("cloudlinux", app)


def test_no_version_at_all_is_said_with_the_remedy(app: App, selector: Selector) -> None:
    selector["offered"] = []
    with pytest.raises(StepFailed, match="no version of Python") as caught:
        passenger.register("cloudlinux", app)
    assert "Ask the host" in caught.value.remedy


def test_the_startup_file_stays_ours(app: App, selector: Selector) -> None:
    selector["sample"] = True
    passenger.register("cloudlinux", app)
    assert pathlib.Path(app.top, "passenger_wsgi.py").read_text() == "ours\n"


@pytest.mark.parametrize("raw", ["", "Usage: cloudlinux-selector", "[]", '{"result": "You are not allowed"}'])
def test_an_answer_that_is_no_success_leads_to_the_panel(app: App, selector: Selector, raw: str) -> None:
    selector["raw"] = raw or "\n"
    with pytest.raises(StepFailed) as caught:
        passenger.register("cloudlinux", app)
    assert "Setup Python App" in caught.value.remedy
    assert ("not allowed" in caught.value.reason) == ("not allowed" in raw)


def test_a_refusal_shows_nothing_of_other_apps(app: App, selector: Selector) -> None:
    selector["apps"] = {"other": {"env_vars": {"PASSWORD": "a secret"}, "version": OURS}}
    selector["refuse"] = {"create": "The limit of 1 application is reached."}
    with pytest.raises(StepFailed) as caught:
        passenger.register("cloudlinux", app)
    assert (
        caught.value.reason == "`cloudlinux-selector create` failed: The limit of 1 application is reached."
    )
    assert "a secret" not in str(caught.value)


def test_an_app_made_in_the_panel_is_enough_where_the_account_has_no_program(app: App) -> None:
    pathlib.Path(app.top, ".htaccess").write_text(BLOCK)
    assert not passenger.register("cloudlinux", app)


def test_cloudlinux_forgets_the_app(app: App, selector: Selector) -> None:
    passenger.register("cloudlinux", app)
    assert passenger.unregister("cloudlinux", app)
    assert selector.apps == {}
    assert not passenger.unregister("cloudlinux", app)


# All.


@pytest.mark.parametrize("kind", ["stock", ""])
def test_without_a_panel_there_is_nobody_to_tell(app: App, kind: str) -> None:
    assert passenger.plan(kind, app) == ""
    assert not passenger.register(kind, app)
    assert not passenger.unregister(kind, app)


def test_each_restart_is_a_second_later_than_the_one_before(app: App) -> None:
    path = pathlib.Path(app.top, "tmp", "restart.txt")
    times = []
    for _ in range(3):
        passenger.restart(app.top)
        times.append(int(path.stat().st_mtime))
    assert times == sorted(set(times))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755


def test_a_restart_that_cannot_be_asked_for_is_said(app: App) -> None:
    pathlib.Path(app.top, "tmp").write_text("")
    with pytest.raises(StepFailed, match="goes on with the old program"):
        passenger.restart(app.top)


def test_the_manual_shows_the_virtual_host_as_it_is_printed() -> None:
    shown = (tiers.TOP / "docs" / "passenger.md").read_text().split("```apache\n")[1].split("```")[0]
    app = App("/home/alice/public_html", "/home/alice", "alias.example", "/usr/bin/python3.11")
    assert shown == passenger.vhost(app, "alice")


def test_no_page_has_the_name_of_a_folder() -> None:
    """Under Passenger what is on the disk never reaches the app."""
    folders = {path.name for path in tiers.TOP.iterdir() if path.is_dir()} | {"tmp"}
    assert {path.split("/")[1] for _, path in ROUTES} & folders == set()


def test_the_door_can_be_read_by_the_oldest_python_that_may_meet_it() -> None:
    source = (tiers.TOP / "passenger_wsgi.py").read_text()
    ast.parse(source, feature_version=(3, 6))
    assert "__future__" not in source
