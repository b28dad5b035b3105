"""CloudLinux for tests: the program `cloudlinux-selector` for PATH, with its state in a file beside it.

    selector = Selector(folder, home, versions=("3.9", "3.11"))
    monkeypatch.setenv("PATH", f"{selector.folder}:/usr/bin:/bin")
    selector.apps, selector.calls

Its answers have the form of CloudLinux's documentation. Like the real one it writes a block into the .htaccess of the app's
folder; with `sample` it also puts a sample app where the startup file is.
"""

from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

PROGRAM = """#!{python} -IS
import json, pathlib, sys

place = pathlib.Path({state!r})
state = json.loads(place.read_text())
words = sys.argv[1:]
state["calls"].append(words)
command, options = words[0], dict(zip(words[4::2], words[5::2]))
assert words[1:4] == ["--json", "--interpreter", "python"], words
root, apps, said = options.get("--app-root"), state["apps"], "success"


def change(prefix=""):
    app = apps[root]
    given = {{"domain": prefix + "domain", "app_uri": prefix + "app-uri", "version": prefix + "version",
             "startup_file": "startup-file", "entry_point": "entry-point"}}
    for name, option in given.items():
        app[name] = options.get("--" + option, app.get(name))
    app["app_uri"] = app["app_uri"].strip("/")
    top = pathlib.Path(state["home"], root)
    if app["version"] not in state["versions"]:
        raise ValueError("No such version: " + str(app["version"]))
    if state["sample"]:
        (top / app["startup_file"]).write_text("def application(environ, start_response): pass\\n")
    block = {block!r}.format(top=top)
    text = (top / ".htaccess").read_text() if (top / ".htaccess").exists() else ""
    if block not in text:
        (top / ".htaccess").write_text(text + block)


try:
    if command in state["refuse"]:
        raise ValueError(state["refuse"][command])
    if not state["enabled"] and command != "get":
        raise ValueError("Python selector is disabled")
    if command == "create":
        if root in apps:
            raise ValueError("Directory " + root + " already exists as an application")
        apps[root] = {{"app_status": "started", "env_vars": {{}}}}
        change()
    elif command == "set":
        change("new-")
    elif command in ("start", "stop"):
        apps[root]["app_status"] = {{"start": "started", "stop": "stopped"}}[command]
    elif command == "destroy":
        del apps[root]
    elif command != "get":
        raise ValueError("unknown command")
except (ValueError, KeyError) as error:
    if command == "create":
        apps.pop(root, None)
    said = str(error)
place.write_text(json.dumps(state))
answer = {{"result": said, "timestamp": 1508666792.863358}}
if said != "success":
    answer.update(details="Traceback: the app's settings: " + json.dumps(apps), context={{}})
elif command == "get":
    tree = {{}}
    for version in state["versions"]:
        users = {{}}
        for name, app in apps.items():
            if app["version"] == version:
                found = users.setdefault("alice", {{"homedir": state["home"], "applications": {{}}}})
                found["applications"][name] = {{k: v for k, v in app.items() if k != "version"}}
        status = "enabled" if version in state["offered"] else "disabled"
        tree[version] = {{"status": status, "base_dir": "/opt/alt/python", "users": users}}
    answer.update(selector_enabled=state["enabled"], available_versions=tree, default_version="3.9")
print(state["raw"] or json.dumps(answer))
"""

BLOCK = """\
# DO NOT REMOVE. CLOUDLINUX PASSENGER CONFIGURATION BEGIN
PassengerAppRoot "{top}"
PassengerBaseURI "/"
# DO NOT REMOVE. CLOUDLINUX PASSENGER CONFIGURATION END
"""


class Selector:
    """The account's Python Selector. `offered`: the versions that the host has enabled.

    Set selector["refuse"] to {command: words} for a refusal, selector["raw"] for what is said instead of JSON.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        home: pathlib.Path,
        *,
        versions: Sequence[str] = ("3.6", "3.9", "3.11", "3.14"),
        offered: Sequence[str] | None = None,
        enabled: bool = True,
        sample: bool = False,
    ) -> None:
        self.folder, self._state = folder, folder / "selector.json"
        folder.mkdir(parents=True, exist_ok=True)
        state = {"home": str(home), "versions": list(versions), "enabled": enabled, "sample": sample}
        state.update(
            offered=list(versions if offered is None else offered), apps={}, calls=[], refuse={}, raw=""
        )
        self._state.write_text(json.dumps(state))
        program = folder / "cloudlinux-selector"
        program.write_text(PROGRAM.format(python=sys.executable, state=str(self._state), block=BLOCK))
        program.chmod(0o755)

    def __getitem__(self, name: str) -> Any:
        return json.loads(self._state.read_text())[name]

    def __setitem__(self, name: str, value: object) -> None:
        self._state.write_text(json.dumps({**json.loads(self._state.read_text()), name: value}))

    @property
    def apps(self) -> dict[str, dict[str, Any]]:
        """By folder."""
        return dict(self["apps"])

    @property
    def changes(self) -> list[str]:
        """The commands that were given, but for the looks."""
        return [words[0] for words in self["calls"] if words[0] != "get"]
