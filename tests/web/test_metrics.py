"""/metrics for who has the token, and /health/ready."""

from __future__ import annotations

import re

import pytest

from postern.base.stop import Stop
from postern.flow import job_run, job_table
from support.instance import Instance
from support.mail import message
from support.queue import put
from support.serving import serving
from support.wsgi import ask

TOKEN = "a-token-of-the-tests"
LINE = re.compile(r'(postern_[a-z_]+)(?:\{([a-z]+="[^"\\\n]*"(?:,[a-z]+="[^"\\\n]*")*)\})? -?\d+(?:\.\d+)?')


@pytest.fixture
def metered(instance: Instance) -> Instance:
    instance.write_env(POSTERN_METRICS_TOKEN=TOKEN)
    put(instance, instance.context(), message())
    instance.query("UPDATE deliveries SET due_at = now() + interval '1 hour'")
    instance.drain()
    job_run.run(instance.context(), job_table.get("monitor"), Stop())
    return instance


def test_the_figures_are_openmetrics_text(metered: Instance, monkeypatch: pytest.MonkeyPatch):
    """OpenMetrics 1.0: TYPE before HELP before samples, a family in one piece, `# EOF` at the end."""
    with serving(metered, monkeypatch) as app:
        answer = ask(app, uri="/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("\n# EOF\n")
    families = re.split(r"(?m)^# TYPE ", answer.text)[1:]
    assert len({family.split()[0] for family in families}) == len(families) >= 9
    for family in families:
        head, about, *samples = family.rstrip("\n").removesuffix("# EOF").rstrip("\n").split("\n")
        name, kind = head.split()
        assert kind == "gauge"
        assert about.startswith(f"# HELP {name} ")
        for sample in samples:
            found = LINE.fullmatch(sample)
            assert found, sample
            assert found[1] == name, sample
    assert "\npostern_queue_waiting 1\n" in answer.text
    assert 'postern_check_ok{check="queue",home=""} 1' in answer.text
    assert "@" not in answer.text


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer ü"]
)
def test_nobody_sees_them_without_the_token(metered: Instance, monkeypatch: pytest.MonkeyPatch, given: str):
    with serving(metered, monkeypatch) as app:
        answer = ask(app, uri="/metrics", headers={"Authorization": given} if given else {})
    assert (answer.status, answer.text) == (401, "")


def test_without_a_token_in_the_settings_there_is_no_such_page(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
):
    with serving(instance, monkeypatch) as app:
        for given in ("Bearer ", "Bearer", "Bearer x"):
            assert ask(app, uri="/metrics", headers={"Authorization": given}).status == 404


def test_ready_is_who_can_use_the_database(instance: Instance, monkeypatch: pytest.MonkeyPatch):
    with serving(instance, monkeypatch) as app:
        assert ask(app, uri="/health/ready").json == {"status": "ok"}
    instance.write_env(POSTERN_DB_SCHEMA="empty")
    with serving(instance, monkeypatch) as app:
        answer = ask(app, uri="/health/ready")
    assert (answer.status, answer.json) == (503, {"status": "fail"})
