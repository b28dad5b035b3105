"""A shared host whose Apache has Phusion Passenger, in the shapes that hosts give it.

    cpanel       as cPanel's Application Manager writes it: all inside <Location "/">, nothing from .htaccess
    cloudlinux   its block at the top of .htaccess; the directives themselves stand in the virtual host, for CloudLinux's
                 build alone takes them from .htaccess
    stock        what passenger.vhost() tells the host's administrator to write
    unknown      with the module, and no panel that knows of the app

restart.txt is looked at with every request here, not every ten seconds.
"""

from __future__ import annotations

import re

from postern.ops.install import passenger
from postern.ops.install.htaccess import Site, write
from postern.ops.install.passenger import App
from support.host import HOME, USER, SharedHost
from support.patience import until

KINDS = ("cpanel", "cloudlinux", "stock")
PYTHON = "/usr/bin/python3"
DOCROOT = f"{HOME}/public_html"

MODULE = """
LoadModule passenger_module /usr/lib/apache2/modules/mod_passenger.so
PassengerRoot /usr/lib/ruby/vendor_ruby/phusion_passenger/locations.ini
PassengerDefaultRuby /usr/bin/ruby
PassengerInstanceRegistryDir {folder}/passenger
PassengerDataBufferDir {folder}/passenger-buffers
PassengerLogFile {folder}/server/logs/passenger.log
PassengerDisableSecurityUpdateCheck on
PassengerDisableAnonymousTelemetry on
PassengerStatThrottleRate 0
PassengerEnabled off
"""

CPANEL = """
PassengerUser {user}
PassengerGroup {user}
<Location "/">
    PassengerEnabled on
    PassengerBaseURI /
    PassengerAppRoot {docroot}
    PassengerAppGroupName "{user} - postern"
    PassengerAppEnv production
    PassengerPython {python}
</Location>
"""

CLOUDLINUX = """
PassengerUser {user}
<Directory {docroot}>
    PassengerEnabled on
    PassengerAppRoot {docroot}
    PassengerBaseURI /
    PassengerPython {python}
</Directory>
"""

BLOCK = f"""\
# DO NOT REMOVE. CLOUDLINUX PASSENGER CONFIGURATION BEGIN
#PassengerAppRoot "{DOCROOT}"
#PassengerBaseURI "/"
#PassengerPython "{HOME}/virtualenv/public_html/3.11/bin/python"
# DO NOT REMOVE. CLOUDLINUX PASSENGER CONFIGURATION END
"""
"""Its directives are comments here: this build would refuse them."""

LOADER = "wsgi-loader.py"


class PassengerHost(SharedHost):
    """The host, with the module. Nothing runs the app before become()."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        for name, mode in (("passenger", 0o755), ("passenger-buffers", 0o1777), ("passenger-tmp", 0o1777)):
            (self.folder / name).mkdir()
            (self.folder / name).chmod(mode)

    def become(
        self, kind: str, site: Site, python: str = PYTHON, *, extra: str = "", **changes: object
    ) -> None:
        """Another kind of host, with these rules. `python`: what starts the app; `extra`: lines for the virtual host."""
        app = App(DOCROOT, HOME, "alias.example", python)
        values = {"user": USER, "docroot": DOCROOT, "python": python}
        lines = {
            "cpanel": CPANEL.format(**values),
            "cloudlinux": CLOUDLINUX.format(**values),
            # SITE of vhost.py has a DocumentRoot of its own.
            "stock": re.sub(r"(?m)^DocumentRoot .*\n", "", passenger.vhost(app, USER)),
            "unknown": "",
        }
        self.put_rules(site, BLOCK if kind == "cloudlinux" else "")
        module = MODULE.format(folder=self.folder)
        self.restart(**{"without": (), **changes, "server_extra": module, "vhost_extra": lines[kind] + extra})

    def environ(self) -> dict[str, str]:
        """It lays reports of apps that do not start into TMPDIR."""
        return {**super().environ(), "TMPDIR": str(self.folder / "passenger-tmp")}

    def start(self) -> None:
        """With empty logs."""
        for path in (self.root / "logs").glob("*"):
            path.unlink()
        super().start()

    def stop(self) -> None:
        """Passenger's own processes end after Apache, and hold its port until then."""
        super().stop()
        until(lambda: not any("Passenger" in words for words in self.space.processes(0).values()))

    def put_rules(self, site: Site, others: str = "") -> None:
        """.htaccess as the installer leaves it, with others' lines in it."""
        (self.docroot / ".htaccess").write_text(others)
        write(str(self.docroot), site)
        self.give(self.docroot / ".htaccess")

    def apps(self) -> list[int]:
        """The app's processes."""
        return [pid for pid, words in self.processes().items() if LOADER in words]

    def passenger_log(self) -> str:
        """What Passenger and the app's standard error wrote."""
        return self.log("passenger.log")
