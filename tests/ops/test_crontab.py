"""Our lines in a crontab: how they are written, and that a shell with cron's environment understands them.

The program `crontab` itself is in tests/host/test_crontab.py; here are stand-ins for those that behave badly.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import tiers
from postern.base.errors import BadInput, Busy
from postern.flow.job_table import DAY, JOBS
from postern.ops.install import crontab
from postern.ops.install.crontab import CrontabRefused
from support.instance import Instance

FOREIGN = "MAILTO=jane@example.org\n# backups\n0 3 * * * /home/alice/backup.sh\n"
HOME = "/home/alice/.postern"
BODY = "* * * * * true"


def cron(line: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run one line as cron does: its environment, its shell, and % as crontab(5) has it."""
    wait, command = re.fullmatch(r"(sleep \d\d?;)?(.*)", line.split(" ", 5)[5], re.DOTALL).groups()
    assert wait, "only the wait that keeps tenants apart is left out here"
    assert not re.search(r"(?<!\\)%", command)
    env = [f"HOME={home}", "LOGNAME=alice", "PATH=/usr/bin:/bin", "SHELL=/bin/sh"]
    return subprocess.run(
        ["/usr/bin/env", "-i", *env, "/bin/sh", "-c", command.replace("\\%", "%")],
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def deliver(text: str) -> str:
    """The first of the lines."""
    return text.split("\n", maxsplit=1)[0]


def test_the_lines_of_a_plain_account():
    lines = crontab.lines("/home/alice/public_html", HOME, "/usr/bin/python3.11").split("\n")
    (purge,) = (line for line in lines if "purge.py" in line)
    assert re.sub(r"^\d+ \d+ ", "M H ", purge) == (
        "M H * * * /usr/bin/python3.11 -IS /home/alice/public_html/cron/purge.py"
        " >/home/alice/.postern/logs/cron-purge.txt 2>&1"
    )
    assert re.sub(r"\d+;", "N;", lines[0]) == (
        "* * * * * sleep N;/usr/bin/python3.11 -IS /home/alice/public_html/cron/deliver.py"
        " >/home/alice/.postern/logs/cron-deliver.txt 2>&1"
    )


def test_every_job_has_its_script_and_every_script_its_job():
    scripts = {path.relative_to(tiers.TOP).as_posix() for path in (tiers.TOP / "cron").glob("*.py")}
    assert scripts - {job.script for job in JOBS} == {"cron/pipe.py"}, "which the mail server starts"
    for job in JOBS:
        assert f'run_job("{job.name}")' in (tiers.TOP / job.script).read_text()


FIELD = re.compile(r"(?:\*|(\d+)-59)(?:/(\d+))?|(\d+)")


def starts(field: str, most: int) -> list[int]:
    """When a field of a crontab says, as crontab(5) reads it."""
    found = FIELD.fullmatch(field)
    assert found, field
    if found[3]:
        return [int(found[3])]
    return list(range(int(found[1] or 0), most, int(found[2] or 1)))


@pytest.mark.parametrize("every", [1, 2, 5, 15, 30, 60])
def test_no_job_starts_more_often_than_the_host_allows_nor_less_often_than_it_must(every: int):
    for number in range(200):
        lines = crontab.lines("/t", f"/home/{number}/.postern", "/p", every).split("\n")
        for job, line in zip(JOBS, lines):
            minute, hour, *rest = crontab.when(line).split()
            assert rest == ["*", "*", "*"]
            times = [60 * h + m for h in starts(hour, 24) for m in starts(minute, 60)]
            assert len(times) == DAY // max(job.minutes, every), (job.name, line)
            if job.minutes == DAY:
                assert job.hour * 60 <= times[0] < job.hour * 60 + 180


def test_the_tenants_of_a_host_do_not_start_together_and_each_always_at_its_own_time():
    homes = [f"/home/user{number}/.postern" for number in range(600)]
    for position in range(len(JOBS)):
        whens: dict[str, int] = {}
        for home in homes:
            line = crontab.lines("/t", home, "/p").split("\n")[position]
            assert line == crontab.lines("/t", home, "/p").split("\n")[position]
            at = crontab.when(line) + "".join(re.findall(r"sleep \d+", line))
            whens[at] = whens.get(at, 0) + 1
        assert len(whens) >= 5, position
        assert max(whens.values()) < 3 * len(homes) / len(whens)


@pytest.mark.parametrize("every", [0, -1, 61])
def test_minutes_that_no_line_can_say_are_refused(every: int):
    with pytest.raises(BadInput, match="every"):
        crontab.lines("/t", "/h", "/p", every)


@pytest.mark.parametrize("path", ["/home/a\nb", "/home/a\rb", "/home/\0", "/home/\x1b"])
def test_a_path_that_a_line_cannot_hold_is_refused(path: str):
    with pytest.raises(BadInput, match="control character"):
        crontab.lines(path, "/h", "/p")


@pytest.mark.parametrize(
    "name",
    [
        "plain",
        "with blank",
        "it's",
        '"quoted"',
        "100%",
        "%d%%",
        "$HOME",
        "`id`",
        "a;b&c|d",
        "#x",
        "müll",
        "~",
    ],
)
def test_cron_starts_the_script_wherever_it_lies(tmp_path: Path, name: str):
    top, home = tmp_path / f"top {name}", tmp_path / f"home {name}"
    (top / "cron").mkdir(parents=True)
    (home / "logs").mkdir(parents=True)
    python = tmp_path / f"python {name}"
    python.symlink_to(sys.executable)
    (top / "cron" / "deliver.py").write_text("import sys; print(sys.flags.isolated, sys.argv); sys.exit(7)")
    done = cron(deliver(crontab.lines(str(top), str(home), str(python))), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")
    assert (home / "logs" / "cron-deliver.txt").read_text() == f"1 [{str(top / 'cron/deliver.py')!r}]\n"


def test_the_job_itself_runs_in_crons_environment(instance: Instance, tmp_path: Path):
    """An upload of its own: the file .postern-home in it leads to the home."""
    top = tmp_path / "public html"
    top.mkdir()
    for name in ("lib", "schema", "cron"):
        (top / name).symlink_to(tiers.TOP / name)
    (top / ".postern-home").write_text(f"{instance.home}\n")
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = Path(instance.home, "venv", "lib", version)
    packages.mkdir(parents=True)
    (packages / "site-packages").symlink_to(Path(sys.prefix, "lib", version, "site-packages"))
    line = deliver(crontab.lines(str(top), instance.home, sys.executable))
    done = cron(line, tmp_path)
    said = Path(instance.home, "logs", "cron-deliver.txt")
    assert (done.returncode, done.stdout, done.stderr, said.read_text()) == (0, "", "", "")
    # Broken, it says so there, and the file does not grow with each run.
    Path(instance.home, ".env").write_text("POSTERN_URL=nonsense\n")
    assert cron(line, tmp_path).returncode == 78
    first = said.read_text()
    assert "POSTERN_DB_NAME is missing" in first
    cron(line, tmp_path)
    assert said.read_text() == first


# The block.


@pytest.mark.parametrize("table", ["", FOREIGN, "\n", "# only a comment\n", FOREIGN.replace("\n", "\r\n")])
def test_put_goes_behind_what_is_there_and_comes_out_again(table: str):
    once = crontab.put(table, HOME, BODY)
    assert once.startswith(table)
    assert f"\n{BODY}\n" in once
    assert crontab.put(once, HOME, BODY) == once
    assert crontab.take_out(once, HOME) == table
    assert crontab.take_out(table, HOME) == table


def test_an_unfinished_last_line_is_finished_before_ours():
    assert crontab.put("1 2 3 4 5 x", HOME, BODY).startswith("1 2 3 4 5 x\n# BEGIN Postern")


def test_a_changed_line_takes_the_place_of_the_old_one():
    table = crontab.put(FOREIGN, HOME, BODY) + "5 5 * * * /behind\n"
    changed = crontab.put(table, HOME, "*/5 * * * * true")
    assert changed == table.replace(BODY, "*/5 * * * * true")


def test_two_instances_of_an_account_do_not_meet():
    first = crontab.put(FOREIGN, "/home/alice/.postern", BODY)
    both = crontab.put(first, "/home/alice/.postern-two", "*/2 * * * * true")
    assert both.startswith(first)
    assert crontab.take_out(both, "/home/alice/.postern-two") == first
    assert "*/2" in crontab.take_out(both, "/home/alice/.postern")


# Programs that behave badly.


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder / "crontab"


def script(program: Path, text: str) -> None:
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


def test_no_program_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert crontab.read() is None
    with pytest.raises(CrontabRefused, match="No such file"):
        crontab.write(FOREIGN)
    with pytest.raises(CrontabRefused, match="no use of"):
        crontab.change(lambda table: table + "x")


def test_a_program_that_hangs_is_none(program: Path, monkeypatch: pytest.MonkeyPatch):
    script(program, "exec sleep 60")
    monkeypatch.setattr(crontab, "PROGRAM_SECONDS", 0.2)
    assert crontab.read() is None


def test_a_panel_that_drops_lines_without_a_word_is_found_out(program: Path):
    script(program, 'case $1 in -l) echo "# yours";; *) cat >/dev/null;; esac')
    with pytest.raises(CrontabRefused, match="not as it was given"):
        crontab.write(crontab.put("# yours\n", HOME, BODY))


def test_a_panel_that_keeps_what_was_taken_out_is_found_out(program: Path, tmp_path: Path):
    (tmp_path / "table").write_text(crontab.put(FOREIGN, HOME, BODY))
    script(program, f"case $1 in -l) cat {tmp_path}/table;; *) cat >/dev/null;; esac")
    with pytest.raises(CrontabRefused, match="not as it was given"):
        crontab.change(lambda table: crontab.take_out(table, HOME))


def test_a_panel_may_add_a_line_of_its_own(program: Path, tmp_path: Path):
    script(
        program, f"case $1 in -l) cat {tmp_path}/t;; *) {{ echo SHELL=/bin/jail; cat; }} >{tmp_path}/t;; esac"
    )
    crontab.write(crontab.put(FOREIGN, HOME, BODY))
    assert crontab.read() == "SHELL=/bin/jail\n" + crontab.put(FOREIGN, HOME, BODY)


def test_carriage_returns_come_through_where_the_program_shows_them(program: Path, tmp_path: Path):
    table = FOREIGN.replace("\n", "\r\n")
    (tmp_path / "t").write_bytes(table.encode())
    script(
        program,
        f"case $1 in -l) cat {tmp_path}/t;; *) cat >{tmp_path}/n; mv {tmp_path}/n {tmp_path}/t;; esac",
    )
    assert crontab.change(lambda text: crontab.put(text, HOME, BODY))
    assert crontab.change(lambda text: crontab.take_out(text, HOME))
    assert (tmp_path / "t").read_bytes() == table.encode()


def test_bytes_that_are_no_text_come_through(program: Path, tmp_path: Path):
    table = b"# caf\xe9 \xff\x00\n"
    (tmp_path / "t").write_bytes(table)
    script(
        program,
        f"case $1 in -l) cat {tmp_path}/t;; *) cat >{tmp_path}/n; mv {tmp_path}/n {tmp_path}/t;; esac",
    )
    assert crontab.change(lambda text: crontab.put(text, HOME, BODY))
    assert (tmp_path / "t").read_bytes().startswith(table)


def test_somebody_who_never_stops_changing_the_table_is_said_so(program: Path, tmp_path: Path):
    script(program, f"echo x >>{tmp_path}/t; cat {tmp_path}/t")
    with pytest.raises(Busy, match="keeps changing"):
        crontab.change(lambda text: crontab.put(text, HOME, BODY))
