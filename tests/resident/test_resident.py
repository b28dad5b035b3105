"""The resident behind the real door: it takes over warm requests, and whatever becomes of it, no request is lost."""

from __future__ import annotations

import contextlib
import os
import posix
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from postern.resident import ask, knock, wire
from postern.resident.listen import THREADS
from support.door import PYTHON, Door, door_of, read
from support.instance import Instance
from support.mail import message
from support.patience import until

LARGE = 25 * 1024 * 1024 - 4096


@pytest.fixture
def door(instance: Instance) -> Iterator[Door]:
    with door_of(instance) as made:
        yield made


@pytest.fixture
def resident(door: Door) -> int:
    """Its process id; a first request has left it behind."""
    assert door.ask().status == 200
    return door.wait_for_resident()


def deliver(door: Door, mime: bytes) -> int:
    """The status that a posted message gets."""
    return door.ask("POST", "/hooks/inbound", mime, **door.signed(mime)).status


def test_the_first_request_leaves_a_resident_that_answers_the_next(door: Door):
    assert door.status() == {}
    first = door.ask()
    assert first.status == 200
    pid = door.wait_for_resident()
    assert door.status()["requests"] == 0
    second = door.ask()
    assert (second.status, second.body) == (200, first.body)
    assert (door.status()["requests"], door.status()["pid"]) == (1, pid)


def test_mail_is_taken_in_through_it_and_a_large_one_streams(door: Door, resident: int):
    assert deliver(door, message()) == 202
    before = door.status()["memory_bytes"]
    assert deliver(door, message(body=b"x" * 76 + b"\r\n") + (b"y" * 76 + b"\r\n") * (LARGE // 78)) == 202
    assert door.status()["requests"] == 2
    assert door.status()["memory_bytes"] - before < 8 << 20
    door.instance.finish()
    assert door.instance.states() == {"sent": 2}


def test_it_takes_mail_where_a_process_may_have_256_mb_of_address_space(door: Door):
    mime = message(body=b"x" * 1_000_000)
    little = ("/bin/sh", "-c", 'ulimit -v 262144; exec "$@"', "sh", *PYTHON)
    assert read(door.open(path="/health/ready", python=little)).status == 200
    pid = door.wait_for_resident()
    assert door.ask("POST", "/hooks/inbound", mime, **door.signed(mime)).status == 202
    assert (door.status()["pid"], door.status()["requests"]) == (pid, 1)


def test_what_the_door_would_answer_the_resident_answers(door: Door, resident: int):
    for method, path, status in (
        ("HEAD", "/", 200),
        ("GET", "/nowhere", 404),
        ("PUT", "/", 405),
        ("GET", "/%ff", 400),
        ("POST", "/hooks/inbound", 411),
    ):
        answer = door.ask(method, path)
        assert answer.status == status, path
        assert (answer.body == b"") is (method == "HEAD")
    assert door.status()["requests"] == 5


def test_with_the_setting_off_none_stays(door: Door):
    door.instance.write_env(POSTERN_RESIDENT="off")
    assert door.ask().status == 200
    assert door.residents() == []


def test_one_that_is_frozen_is_passed_by_and_wakes_to_nothing(door: Door, resident: int):
    os.kill(resident, signal.SIGSTOP)
    assert deliver(door, message()) == 202
    os.kill(resident, signal.SIGCONT)
    until(door.status)
    door.instance.finish()
    assert door.instance.states() == {"sent": 1}
    assert door.status()["requests"] == 0


def test_one_that_was_killed_is_replaced(door: Door, resident: int):
    os.kill(resident, signal.SIGKILL)
    until(lambda: not door.residents())
    assert door.ask().status == 200
    assert door.wait_for_resident() != resident


def test_a_reader_gets_the_page_when_it_dies_at_work(door: Door, resident: int):
    """A resident that owns the request and is killed before its first byte: the door answers."""
    with dying_resident(door, wire.OWNED):
        assert door.ask().status == 200


def test_a_sender_is_asked_to_come_again_when_it_dies_at_work(door: Door, resident: int):
    with dying_resident(door, wire.OWNED):
        mime = message()
        answer = door.ask("POST", "/hooks/inbound", mime, **door.signed(mime))
        assert (answer.status, answer.headers["retry-after"]) == (503, "60")
    assert deliver(door, message()) == 202


def test_new_settings_and_a_stop_end_it(door: Door, resident: int):
    door.instance.write_env(POSTERN_LOG_LEVEL="debug")
    assert door.ask().status == 200
    until(lambda: resident not in door.residents())
    assert door.ask().status == 200
    second = door.wait_for_resident()
    assert second != resident
    assert str(second) in door.instance.cli("resident", "status")
    assert door.instance.cli("resident", "stop") == "The resident leaves.\n"
    until(lambda: not door.residents())
    assert door.instance.cli("resident", "stop") == "There is no resident.\n"


def test_many_at_once_are_all_answered(door: Door, resident: int):
    """More than it has threads; what it does not take, the doors answer by themselves."""
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: deliver(door, message()), range(24)))
    assert set(answers) <= {202, 503}
    door.instance.finish()
    assert door.instance.states() == {"sent": answers.count(202)}


def test_a_slow_sender_holds_up_nobody(door: Door, resident: int):
    mime = message()
    slow = [door.open("POST", "/hooks/inbound", len(mime), **door.signed(mime)) for _ in range(THREADS)]
    until(lambda: door_is_full(door))
    assert door.ask().status == 200
    for process in slow:
        assert read(process, mime).status == 202


def door_is_full(door: Door) -> bool:
    """Whether all its threads are at work: then it does not even say how it is."""
    return ask.status(door.instance.home) is None


def test_first_requests_at_once_leave_one(door: Door):
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: door.ask().status, range(6)))
    assert set(answers) == {200}
    pid = door.wait_for_resident()
    until(lambda: door.residents() == [pid])


def test_somebody_elses_socket_is_not_talked_to(door: Door, monkeypatch: pytest.MonkeyPatch):
    """Nor are strangers heard; the folder keeps them out before that."""
    with dying_resident(door, wire.DONE):
        monkeypatch.setattr(posix, "getuid", lambda: 4711)
        assert not knock.answered(door.instance.home)
    assert os.stat(os.path.join(door.instance.home, "run")).st_mode & 0o077 == 0


class dying_resident:  # noqa: N801
    """In the resident's place: takes each request's token, says this, and hangs up."""

    def __init__(self, door: Door, says: bytes) -> None:
        self._path = os.path.join(door.instance.home, wire.SOCKET)
        self._door = door
        self._says = says

    def __enter__(self) -> None:
        for pid in self._door.residents():
            os.kill(pid, signal.SIGKILL)
        until(lambda: not self._door.residents())
        if os.path.exists(self._path):
            os.unlink(self._path)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self._path)
        self._listener.listen(1)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        line, _ = self._listener.accept()
        with line, contextlib.suppress(ConnectionError):
            line.sendall(wire.READY)
            _, files, _, _ = socket.recv_fds(line, 65536, wire.FILES)
            if files:
                os.read(files[-1], 1)
                line.sendall(self._says)
                for file in files:
                    os.close(file)

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listener.close()
        os.unlink(self._path)
