"""Copies off this host, on real servers: Apache's WebDAV, OpenSSH's sftp and rsync, and an S3 that checks each signature."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator

import pytest

from postern.base.errors import ConfigError, SealBroken
from postern.base.settings import Config
from postern.base.stop import Stop
from postern.ops.backups import backup, daily
from postern.ops.offsite import copies, http, place
from postern.ops.offsite.place import Unreachable, parse
from postern.ops.offsite.s3 import S3
from support import offsite
from support.instance import Instance
from support.postgres import Database as Place

KINDS = [
    pytest.param("webdav", marks=pytest.mark.tier("apache")),
    "s3",
    pytest.param("sftp", marks=pytest.mark.tier("ssh")),
    pytest.param("rsync", marks=pytest.mark.tier("ssh")),
]
OLD = "postern-20200101T000000Z-1.backup"


@pytest.fixture
def machine() -> Iterator[pathlib.Path]:
    """The other machine's disk. Not among pytest's folders: those are for their owner, and each run of pytest sees to it again,
    while these servers run as somebody else."""
    with tempfile.TemporaryDirectory(prefix="postern-away-") as name:
        os.chmod(name, 0o711)
        yield pathlib.Path(name)


@pytest.fixture
def folder(machine: pathlib.Path) -> pathlib.Path:
    """Where the copies are, as the other machine sees it."""
    made = machine / "there"
    made.mkdir()
    return made


@pytest.fixture(params=KINDS)
def away(
    request: pytest.FixtureRequest, machine: pathlib.Path, tmp_path: pathlib.Path, folder: pathlib.Path
) -> Iterator[dict[str, str]]:
    """The settings that lead to a place of each kind."""
    root = machine / "server"
    root.mkdir()
    with contextlib.ExitStack() as stack:
        if request.param in ("sftp", "rsync"):
            yield stack.enter_context(offsite.sshd(root, folder, tmp_path / "home", request.param))
        elif request.param == "s3":
            yield stack.enter_context(offsite.s3(root, folder))
        else:
            yield stack.enter_context(offsite.webdav(root, folder))


@pytest.fixture
def instance(tmp_path: pathlib.Path, ready_database: Place, away: dict[str, str]) -> Iterator[Instance]:
    settings = {name: f'"{value}"' for name, value in away.items()}
    made = Instance(tmp_path / "home", {**ready_database.env, "POSTERN_RELAY_HOST": "127.0.0.1", **settings})
    with contextlib.closing(made):
        made.migrate()
        made.people()
        yield made


def test_each_backup_is_copied_kept_by_the_rule_and_comes_back_whole(
    instance: Instance, folder: pathlib.Path
):
    """And a place that refuses makes the job fail, with the backup in the home all the same."""
    instance.write_env(POSTERN_BACKUP_WEEKLY="0", POSTERN_BACKUP_MONTHLY="0", POSTERN_BACKUP_DAILY="1")
    (folder / OLD).write_bytes(b"old")
    (folder / "other.txt").write_text("not ours")
    os.chmod(folder / OLD, 0o666)
    context = instance.context()
    daily.back_up(context, Stop())
    here = pathlib.Path(backup.default_folder(context.config))
    (path,) = here.glob("*.backup")
    assert sorted(os.listdir(folder)) == ["other.txt", path.name]
    assert (folder / path.name).read_bytes() == path.read_bytes()
    assert copies.send_newest(context, copies.configured(context)) == path.name
    assert copies.configured(context).names() == [path.name]

    content = path.read_bytes()
    path.unlink()
    brought = copies.fetch(context, copies.configured(context), path.name)
    assert pathlib.Path(brought).read_bytes() == content and os.stat(brought).st_mode & 0o777 == 0o600
    path.unlink()
    (folder / path.name).chmod(0o666)
    (folder / path.name).write_bytes(content[:-1])
    with pytest.raises(SealBroken):
        copies.fetch(context, copies.configured(context), path.name)
    assert list(here.glob("postern*")) == []

    url = context.config.offsite_url
    wrong = url.replace("/bucket/my", "/nosuch/my") if "s3" in url else url.rstrip("/") + "/no/such/folder"
    instance.write_env(POSTERN_OFFSITE_URL=wrong)
    with pytest.raises(Unreachable) as caught:
        daily.back_up(instance.context(), Stop())
    assert offsite.PASSWORD not in str(caught.value) + instance.log()
    assert len(list(here.glob("*.backup"))) == 1


@pytest.mark.parametrize("away", [KINDS[0], "s3"], indirect=True)
def test_a_wrong_password_is_said_without_it(instance: Instance):
    instance.write_env(POSTERN_OFFSITE_PASSWORD="quite-another-one")
    said = instance.cli("offsite", "list", code=69)
    assert "POSTERN_OFFSITE_USER" in said and "quite-another-one" not in said + instance.log()


@pytest.mark.parametrize("away", ["s3"], indirect=True)
def test_the_commands(instance: Instance, folder: pathlib.Path):
    assert "There are no copies." in instance.cli("offsite", "list")
    assert "postern backup" in instance.cli("offsite", "send", code=66)
    instance.cli("backup")
    name = instance.cli("offsite", "send").split()[-1]
    assert name in instance.cli("offsite", "list") and os.listdir(folder) == [name]
    assert "is here already" in instance.cli("offsite", "fetch", name, code=73)
    assert "no name of a backup" in instance.cli("offsite", "fetch", "../.env", code=66)


# Amazon's own examples: "Signature Calculations for the Authorization Header", Amazon S3 API Reference.

EXAMPLES = {
    "GET object": (
        ("GET", "/test.txt", "", {"range": "bytes=0-9"}),
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "GET bucket": (
        ("GET", "/", "max-keys=2&prefix=J", {}),
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
    "GET lifecycle": (
        ("GET", "/", "lifecycle=", {}),
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_signatures_are_those_of_amazons_examples(example: str):
    (method, path, query, more), expected = EXAMPLES[example]
    bucket = S3(
        parse("s3://examplebucket.s3.amazonaws.com/x"),
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "us-east-1",
    )
    headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-amz-date": "20130524T000000Z",
        **more,
    }
    assert bucket._authorization(method, path, query, headers).endswith("Signature=" + expected)


WRONG = {
    "no scheme": "backup.example/folder",
    "ftp": "ftp://backup.example/x",
    "in clear": "http://backup.example/x",
    "s3 in clear": "s3+http://backup.example/bucket",
    "no path": "https://backup.example",
    "an option for a user": "sftp://-oF@backup.example/x",
    "an option for a host": "sftp://-F/x",
    "up": "https://backup.example/x/../y",
    "a quote": 'sftp://a@backup.example/x"y',
}


@pytest.mark.parametrize("what", WRONG)
def test_an_address_that_is_none_is_refused(what: str):
    with pytest.raises(ConfigError):
        place.remote(Config(offsite_url=WRONG[what]))


def test_nothing_is_configured_by_default():
    assert place.remote(Config()) is None


def test_a_listing_is_searched_for_names_only():
    names = http.names_in(
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><D:href>/b/postern-20260131T120000Z-4.backup</D:href>"
        b"<Key>my/postern-20260131T120000Z-5.backup</Key><Key>postern-20260131T120000Z-6.backup.part</Key>\xff"
    )
    assert names == ["postern-20260131T120000Z-4.backup", "postern-20260131T120000Z-5.backup"]
