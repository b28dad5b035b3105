"""cPanel for tests: the program `uapi` for PATH, and behind it, in this process, one account of cPanel's.

    with Uapi(folder, server) as uapi:
        run(..., env={"PATH": f"{uapi.folder}:/usr/bin:/bin"})
        uapi.calls, uapi.applications

The program only carries its arguments here and the answer back (cPanel's own asks a daemon too), with the standard library
alone, so any user and any Python can run it. What it asks of PostgreSQL really happens, by the server's superuser.
Answers have the form of cPanel's API documentation (UAPI 11.138); values are percent-decoded, as its command line wants them.

`ownership` is who owns a database that was made here, and what its users may do:
    group     a role of the database's name, which cannot log in, owns it; users are members of that role, and no user can
              have the name of a database. So does cPanel.
    user      the user to whom all privileges were given
    granted   postgres; users were only granted ALL
"""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any
from urllib.parse import unquote

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection, identifier, literal

from postern.ops.local.superuser import Superuser
from support.patience import join

CLIENT = """#!{python} -IS
import json, os, signal, socket, sys

with socket.create_connection(("127.0.0.1", {port})) as line:
    line.sendall(json.dumps(sys.argv[1:]).encode())
    line.shutdown(socket.SHUT_WR)
    with line.makefile() as file:
        answer = json.load(file)
if answer["kill"]:
    os.kill(os.getppid(), signal.SIGKILL)
sys.stdout.write(answer["said"])
"""

_numbers = itertools.count(1)


class Refused(Exception):
    """cPanel says no: status 0 and these words."""


class Uapi:
    """The account, and its program in `folder`, run by `python`. `prefix` is what its databases and users begin with."""

    def __init__(
        self,
        folder: pathlib.Path,
        server: Superuser | None = None,
        *,
        ownership: str = "group",
        prefix: str | None = None,
        home: str = "/home/alice",
        domain: str = "alias.example",
        python: str = sys.executable,
    ) -> None:
        self.folder, self.home, self.domain = folder, home, domain
        self.server, self.ownership = server, ownership
        self.prefix = f"alice{os.getpid()}x{next(_numbers)}_" if prefix is None else prefix
        self.features = {"postgres", "passengerapplicationmanager"}
        self.applications: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str, dict[str, str]]] = []
        self.refuse: dict[str, str] = {}
        """Function -> the words that it refuses with."""
        self.raw: str | None = None
        """What is said to everything, instead of JSON."""
        self.kill_before = self.kill_after = 0
        """The nth call from here on kills whoever made it, before or after it was done. 0: none."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        folder.mkdir(parents=True, exist_ok=True)
        program = folder / "uapi"
        program.write_text(CLIENT.format(python=python, port=self._listener.getsockname()[1]))
        program.chmod(0o755)
        self._thread = threading.Thread(target=self._serve, daemon=True, name="uapi")
        self._thread.start()

    def __enter__(self) -> Uapi:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """The program answers no more, and what was made in PostgreSQL is gone."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        join(self._thread)
        if self.server:
            for name in self.databases():
                self.server.drop_database(name)
            with self._session() as session:
                for name in self._names(session, "SELECT rolname FROM pg_roles"):
                    session.run(f"DROP ROLE {identifier(name)}")

    def databases(self) -> list[str]:
        """The account's."""
        with self._session() as session:
            return self._names(session, "SELECT datname FROM pg_database")

    def users(self) -> list[str]:
        """The account's."""
        with self._session() as session:
            return self._names(session, "SELECT rolname FROM pg_roles WHERE rolcanlogin")

    def _names(self, session: Connection, sql: str) -> list[str]:
        return sorted(name for (name,) in session.run(sql) if name.startswith(self.prefix or "alice"))

    @contextmanager
    def _session(self) -> Iterator[Connection]:
        if self.server is None:
            raise Refused("The PostgreSQL server is currently offline.")
        with closing(self.server.connect()) as session:
            yield session

    # The line.

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with line, line.makefile("rwb") as file:
                file.write(json.dumps(self._answer(json.load(file))).encode())

    def _answer(self, argv: list[str]) -> dict[str, Any]:
        words = [word for word in argv if not word.startswith("--")]
        if argv[:1] != ["--output=json"] or len(words) < 2:
            return {"kill": False, "said": "---\napiversion: 3\n"}  # YAML is its other voice
        module, function = words[:2]
        given = {name: unquote(value) for name, _, value in (word.partition("=") for word in words[2:])}
        self.calls.append((module, function, given))
        self.kill_before -= 1
        self.kill_after -= 1
        result: dict[str, Any] = {"data": None, "errors": None, "messages": None, "metadata": {}, "status": 1}
        if self.kill_before != 0:
            try:
                result["data"] = self._call(module, function, given)
            except Refused as error:
                result.update(status=0, errors=[str(error)])
            except DatabaseError as error:
                result.update(status=0, errors=[f"The PostgreSQL command failed: {error.args[0]['M']}"])
        result["warnings"] = None
        said = json.dumps({"apiversion": 3, "func": function, "module": module, "result": result})
        return {
            "kill": 0 in (self.kill_before, self.kill_after),
            "said": (said if self.raw is None else self.raw) + "\n",
        }

    def _call(self, module: str, function: str, given: dict[str, str]) -> Any:
        if function in self.refuse:
            raise Refused(self.refuse[function])
        if (module, function) not in FUNCTIONS:
            raise Refused(f"Failed to load module “{module}”, or it has no function “{function}”.")
        feature, needed, work = FUNCTIONS[module, function]
        if feature and feature not in self.features:
            raise Refused(f"You do not have the feature “{feature}”.")
        for name in needed:
            if not given.get(name):
                raise Refused(f"Provide the “{name}” argument.")
        return work(self, given)

    # Postgresql.

    def _get_restrictions(self) -> Any:
        lengths = {"max_database_name_length": 63, "max_username_length": 63}
        return {"prefix": self.prefix or None, **lengths}

    def _list_databases(self) -> Any:
        return [{"database": name, "disk_usage": 0, "users": []} for name in self.databases()]

    def _list_users(self) -> Any:
        return self.users()

    def _create_database(self, given: dict[str, str]) -> None:
        name = self._full(given["name"])
        with self._session() as session:
            if name in self.databases() or name in self._names(session, "SELECT rolname FROM pg_roles"):
                raise Refused(f"The database “{name}” or a user with the same name already exists.")
            owner = "postgres"
            if self.ownership == "group":
                owner = name
                session.run(f"CREATE ROLE {identifier(name)} NOLOGIN")
            session.run(f"CREATE DATABASE {identifier(name)} OWNER {identifier(owner)}")

    def _create_user(self, given: dict[str, str]) -> None:
        name = self._full(given["name"])
        if name in self.users():
            raise Refused(f"The user “{name}” already exists.")
        if self.ownership == "group" and name in self.databases():
            raise Refused(f"The database “{name}” already exists, and a user cannot have the same name.")
        self._check_strength(given["password"])
        with self._session() as session:
            session.run(f"CREATE ROLE {identifier(name)} LOGIN PASSWORD {literal(given['password'])}")

    def _set_password(self, given: dict[str, str]) -> None:
        if given["user"] not in self.users():
            raise Refused(f"The user “{given['user']}” does not exist.")
        self._check_strength(given["password"])
        with self._session() as session:
            session.run(f"ALTER ROLE {identifier(given['user'])} PASSWORD {literal(given['password'])}")

    def _grant_all_privileges(self, given: dict[str, str]) -> None:
        if given["user"] not in self.users() or given["database"] not in self.databases():
            raise Refused("The user or the database does not exist.")
        user, database = identifier(given["user"]), identifier(given["database"])
        sql = {
            "group": f"GRANT {database} TO {user}",
            "user": f"ALTER DATABASE {database} OWNER TO {user}",
            "granted": f"GRANT ALL PRIVILEGES ON DATABASE {database} TO {user}",
        }[self.ownership]
        with self._session() as session:
            session.run(sql)

    def _full(self, name: str) -> str:
        return name if name.startswith(self.prefix) else self.prefix + name

    def _check_strength(self, password: str) -> None:
        if len(password) < 12 or password.isalpha() or password.isdigit():
            raise Refused("Sorry, the password you selected cannot be used because it is too weak.")

    # PassengerApps and DomainInfo.

    def _list_applications(self) -> Any:
        return self.applications

    def _register_application(self, given: dict[str, str]) -> Any:
        if given["name"] in self.applications:
            raise Refused(f"The application “{given['name']}” already exists.")
        if given["domain"] != self.domain:
            raise Refused(f"You do not own the domain “{given['domain']}”.")
        self.applications[given["name"]] = {
            "base_uri": given.get("base_uri", "/"),
            "deployment_mode": given.get("deployment_mode", "production"),
            "deps": {"gem": "0", "npm": "0", "pip": "0"},
            "domain": given["domain"],
            "enabled": int(given.get("enabled", "1")),
            "envvars": _variables(given),
            "name": given["name"],
            "path": os.path.join(self.home, given["path"].lstrip("/")),
        }
        return self.applications[given["name"]]

    def _edit_application(self, given: dict[str, str]) -> Any:
        made = self._application(given)
        made.update(
            {name: given[name] for name in ("base_uri", "deployment_mode", "domain") if name in given}
        )
        made["enabled"] = int(given.get("enabled", "1"))
        if "path" in given:
            made["path"] = os.path.join(self.home, given["path"].lstrip("/"))
        if _variables(given) or given.get("clear_envvars") == "1":
            made["envvars"] = _variables(given)
        if "new_name" in given:
            made["name"] = given["new_name"]
            self.applications[given["new_name"]] = self.applications.pop(given["name"])
        return made

    def _enable_application(self, given: dict[str, str]) -> None:
        self._application(given)["enabled"] = 1

    def _disable_application(self, given: dict[str, str]) -> None:
        self._application(given)["enabled"] = 0

    def _unregister_application(self, given: dict[str, str]) -> None:
        del self.applications[self._application(given)["name"]]

    def _application(self, given: dict[str, str]) -> dict[str, Any]:
        if given["name"] not in self.applications:
            raise Refused(f"The application “{given['name']}” does not exist.")
        return self.applications[given["name"]]

    def _list_domains(self) -> Any:
        others = {"addon_domains": [], "parked_domains": [], "sub_domains": []}
        return {"main_domain": self.domain, **others}


def _variables(given: dict[str, str]) -> dict[str, str]:
    """envvar_name, envvar_name-1, … with their values."""
    names = {
        key[len("envvar_name") :]: value for key, value in given.items() if key.startswith("envvar_name")
    }
    return {name: given.get(f"envvar_value{suffix}", "") for suffix, name in names.items()}


PG, APPS = "postgres", "passengerapplicationmanager"

FUNCTIONS: dict[tuple[str, str], tuple[str, tuple[str, ...], Callable[[Uapi, dict[str, str]], Any]]] = {
    ("Postgresql", "get_restrictions"): (PG, (), lambda account, _: account._get_restrictions()),
    ("Postgresql", "list_databases"): (PG, (), lambda account, _: account._list_databases()),
    ("Postgresql", "list_users"): (PG, (), lambda account, _: account._list_users()),
    ("Postgresql", "create_database"): (PG, ("name",), Uapi._create_database),
    ("Postgresql", "create_user"): (PG, ("name", "password"), Uapi._create_user),
    ("Postgresql", "set_password"): (PG, ("user", "password"), Uapi._set_password),
    ("Postgresql", "grant_all_privileges"): (PG, ("user", "database"), Uapi._grant_all_privileges),
    ("PassengerApps", "list_applications"): (APPS, (), lambda account, _: account._list_applications()),
    ("PassengerApps", "register_application"): (APPS, ("name", "path", "domain"), Uapi._register_application),
    ("PassengerApps", "edit_application"): (APPS, ("name",), Uapi._edit_application),
    ("PassengerApps", "enable_application"): (APPS, ("name",), Uapi._enable_application),
    ("PassengerApps", "disable_application"): (APPS, ("name",), Uapi._disable_application),
    ("PassengerApps", "unregister_application"): (APPS, ("name",), Uapi._unregister_application),
    ("DomainInfo", "list_domains"): ("", (), lambda account, _: account._list_domains()),
}
"""(module, function) -> the feature it needs, its required arguments, what it does."""
