"""The configuration of a shared host's Apache, as cPanel writes it: what the tenant of support/host.py finds and cannot change.

Taken from cPanel's own templates: AllowOverride All and listings on everywhere, .cgi and .pl run in any folder, ScriptAlias
for cgi-bin, SuexecUserGroup, no canonical names.
"""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

from support.apache import load_modules

MODULES = (
    "access_compat",
    "alias",
    "auth_basic",
    "authn_core",
    "authz_core",
    "authz_host",
    "authz_user",
    "autoindex",
    "deflate",
    "dir",
    "env",
    "expires",
    "filter",
    "headers",
    "mime",
    "negotiation",
    "reqtimeout",
    "rewrite",
    "setenvif",
    "suexec",
)
"""What a shared host has loaded; those of TLS and ModSecurity come with them."""

SERVER = """
ServerRoot {root}
DefaultRuntimeDir run
PidFile run/httpd.pid
Mutex file:run default
Listen 127.0.0.1:{port}
ServerName host.example
{modules}
User www-data
Group www-data
ErrorLog logs/error_log
CustomLog logs/access_log "%m %U %>s %R"
LogLevel warn
Timeout {timeout}
UseCanonicalName Off
<IfModule mod_dir.c>
    DirectoryIndex index.html index.php
</IfModule>
<IfModule mod_mime.c>
    TypesConfig /etc/mime.types
    AddHandler cgi-script .cgi .pl .plx .ppl .perl
</IfModule>
<Directory />
    AllowOverride {allow_override}
    Options ExecCGI FollowSymLinks IncludesNOEXEC Indexes
    Require all granted
</Directory>
<Files ".ht*">
    Require all denied
</Files>
{security_rules}
{server_extra}
<VirtualHost 127.0.0.1:{port}>
{site}
</VirtualHost>
"""

SITE = """
    ServerName alias.example
    DocumentRoot {docroot}
    SuexecUserGroup {user} {user}
    {script_alias}
{vhost_extra}
"""

TLS = """
Listen 127.0.0.1:{port}
SSLSessionCache none
LogLevel ssl:error
<VirtualHost 127.0.0.1:{port}>
{site}
    SSLEngine on
    SSLCertificateFile {cert}
    SSLCertificateKeyFile {key}
</VirtualHost>
"""

SECURITY_RULES = """
Include /etc/modsecurity/modsecurity.conf-recommended
SecRuleEngine On
SecDataDir {root}/run
SecTmpDir {root}/run
SecAuditLog {root}/logs/audit_log
IncludeOptional /usr/share/modsecurity-crs/*.load
"""


@dataclass(frozen=True)
class Setup:
    """What differs from host to host."""

    mpm: str = "prefork"
    """`prefork` has mod_cgi, `event` has mod_cgid."""
    allow_override: str = "All"
    without: tuple[str, ...] = ()
    """Modules that are not loaded."""
    security_rules: bool = False
    """ModSecurity with OWASP's rules, refusing."""
    tls: bool = False
    """A second virtual host on a port with TLS."""
    script_alias: bool = True
    server_extra: str = ""
    """Lines outside of the virtual host: modules and what they need."""
    vhost_extra: str = ""
    timeout: int = 60


@dataclass(frozen=True)
class Places:
    """Where one host's server is, and whom it serves."""

    root: pathlib.Path
    port: int
    tls_port: int
    cert: str
    key: str
    user: str
    docroot: str


def text(setup: Setup, places: Places) -> str:
    """The whole httpd.conf."""
    extra = (["ssl"] if setup.tls else []) + (["unique_id", "security2"] if setup.security_rules else [])
    names = [name for name in (*MODULES, *extra) if name not in setup.without]
    alias = setup.script_alias and "alias" not in setup.without
    site = SITE.format(
        user=places.user,
        docroot=places.docroot,
        script_alias=f"ScriptAlias /cgi-bin/ {places.docroot}/cgi-bin/" if alias else "",
        vhost_extra=setup.vhost_extra,
    )
    server = SERVER.format(
        root=places.root,
        port=places.port,
        modules=load_modules(setup.mpm, names),
        timeout=setup.timeout,
        allow_override=setup.allow_override,
        security_rules=SECURITY_RULES.format(root=places.root) if setup.security_rules else "",
        server_extra=setup.server_extra,
        site=site,
    )
    if not setup.tls:
        return server
    return server + TLS.format(port=places.tls_port, site=site, cert=places.cert, key=places.key)
