"""cPanel's UAPI through the account's own program `uapi`; and a database with its user, made by it.

    uapi --output=json Module function name=value …
    {"apiversion":3,"module":…,"func":…,"result":{"status":1,"data":…,"errors":null,…}}

`result.status` counts, not the exit code. Command lines are seen by other accounts of a host (ps), so the password that
goes this way is a throw-away: the real one is set over a connection to PostgreSQL, as a verifier, and whoever came in with
the throw-away meanwhile is thrown out.

cPanel gives a database to a role of the same name, which cannot log in, and makes its users members of it. So no user can
have a database's name.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import secrets
import shutil
import string
import subprocess
from dataclasses import dataclass, field
from urllib.parse import quote

from postern.base.connect import connect
from postern.base.database import SYSTEM
from postern.base.errors import ConfigError, DatabaseUnavailable, PosternError
from postern.base.settings import Config
from postern.store import roles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from postern.base.database import Database

PROGRAM = "uapi"
CALL_SECONDS = 120
"""cPanel starts a Perl of its own for every call, and a database takes its time."""

PLACES = ("/var/run/postgresql", "/tmp", "127.0.0.1")  # noqa: S108 (where PostgreSQL puts its socket)
"""Where cPanel's PostgreSQL may answer: folders of its socket, then its own machine. Tried in this order."""

PORT = 5432
USER_ENDING = "_app"
PASSWORD_LETTERS = string.ascii_letters + string.digits
"""uapi percent-decodes what it is given, and .env has quotes: these mean the same everywhere."""

REMEDIES = {
    "Postgresql": "Open “PostgreSQL Databases” in cPanel: make a database and a user there, give the user all "
    "privileges on it, and run install.sh again with them. Where cPanel has no such page, ask the host to switch "
    "PostgreSQL on for the account, or use a managed PostgreSQL.",
    "PassengerApps": "Open “Application Manager” in cPanel and register the application there. Where cPanel has no such "
    "page, ask the host to switch it on for the account, or use CGI.",
}


class CpanelRefused(PosternError):
    """cPanel did not do what was asked of it, or there is no cPanel."""


@dataclass(frozen=True)
class Credentials:
    """What leads to a database."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)


def available() -> bool:
    """Whether this account can ask cPanel for anything."""
    return shutil.which(PROGRAM) is not None


def call(module: str, function: str, **arguments: str) -> Any:
    """What cPanel answers: the `data` of its result. CpanelRefused when it does not do it."""
    asked = f"{module} {function}"
    values = [f"{name}={quote(value, safe='/:@,')}" for name, value in arguments.items()]
    said, wrong = "", ""
    try:
        done = subprocess.run(
            [PROGRAM, "--output=json", module, function, *values],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=CALL_SECONDS,
            check=False,
        )
        said, wrong = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        result = json.loads(said)["result"]
        if result["status"] == 1:
            return result["data"]
        errors = " ".join(str(error) for error in result["errors"] or ())
        reason = f"cPanel refused “{asked}”: {errors or 'it gave no reason.'}"
    # Of none of these the text is shown: a command line has the throw-away password in it.
    except subprocess.TimeoutExpired:
        reason = f"cPanel did not answer “{asked}” within {CALL_SECONDS} seconds."
    except OSError as error:
        reason = f"cPanel's program {PROGRAM} cannot be run ({error.strerror})."
    except (ValueError, KeyError, TypeError):
        words = (said.strip() or wrong.strip() or "nothing")[:200]
        reason = f"cPanel's answer to “{asked}” makes no sense: {words}"
    raise CpanelRefused(reason, REMEDIES.get(module, "Do it in cPanel by hand.")) from None


def make_database(name: str = "postern", places: Sequence[str] = PLACES, port: int = PORT) -> Credentials:
    """A database and its user. What is there stays, save the user's password, which is new every time.

    `places` and `port`: where PostgreSQL may answer; a folder of sockets tells its ports itself.

    Killed anywhere, another run ends well: nothing here depends on a password that an earlier run knew.
    """
    database, user = _full_names(name)
    if database not in [one["database"] for one in call("Postgresql", "list_databases")]:
        call("Postgresql", "create_database", name=database)
    throw_away = _new_password()
    if user in call("Postgresql", "list_users"):
        call("Postgresql", "set_password", user=user, password=throw_away)
    else:
        call("Postgresql", "create_user", name=user, password=throw_away)
    call("Postgresql", "grant_all_privileges", user=user, database=database)
    return _lock(database, user, throw_away, places, port)


def _full_names(name: str) -> tuple[str, str]:
    """As cPanel will call them: database and user."""
    rules = call("Postgresql", "get_restrictions")
    prefix = rules.get("prefix") or ""
    database, user = f"{prefix}{name}", f"{prefix}{name}{USER_ENDING}"
    for full, most in (
        (database, rules.get("max_database_name_length")),
        (user, rules.get("max_username_length")),
    ):
        if most and len(full) > int(most):
            raise CpanelRefused(
                f"cPanel allows names of {most} characters here, and {full} has {len(full)}.",
                REMEDIES["Postgresql"],
            )
    return database, user


def _lock(database: str, user: str, throw_away: str, places: Sequence[str], port: int) -> Credentials:
    """Exchange the throw-away for a password that only we and PostgreSQL's verifier know."""
    host, port = _find(places, port, database, user, throw_away)
    made = Credentials(host, port, database, user, _new_password())
    with contextlib.closing(_open(made, throw_away)) as db:
        with db.transaction(SYSTEM):
            roles.set_own_password(db, made.password)
        with db.transaction(SYSTEM):
            roles.end_other_sessions(db)
    _open(made, made.password).close()
    return made


def _find(places: Sequence[str], port: int, database: str, user: str, password: str) -> tuple[str, int]:
    """The first place that lets us in. Else the error that says most: a refusal rather than silence."""
    trouble: PosternError = DatabaseUnavailable(
        f"cPanel made the database {database}, and no PostgreSQL answers at {', '.join(places)}.",
        "Ask the host where its PostgreSQL listens, set POSTERN_DB_HOST to that, and run install.sh again.",
    )
    for host, number in _candidates(places, port):
        try:
            _open(Credentials(host, number, database, user, password), password).close()
        except ConfigError as error:
            trouble = error
        except PosternError:
            pass
        else:
            return host, number
    raise trouble


def _candidates(places: Sequence[str], port: int) -> Iterator[tuple[str, int]]:
    for place in places:
        if not place.startswith("/"):
            yield place, port
        for path in sorted(glob.glob(os.path.join(glob.escape(place), ".s.PGSQL.*"))):
            if path.rpartition(".")[2].isdigit():
                yield place, int(path.rpartition(".")[2])


def _open(place: Credentials, password: str) -> Database:
    return connect(
        Config(
            db_host=place.host,
            db_port=place.port,
            db_name=place.name,
            db_user=place.user,
            db_password=password,
        )
    )


def _new_password() -> str:
    """190 bits. A digit is in it for cPanel's meter of strength."""
    return "".join(secrets.choice(PASSWORD_LETTERS) for _ in range(31)) + secrets.choice(string.digits)
