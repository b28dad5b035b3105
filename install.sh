#!/bin/sh
# Postern's installer: finds a Python, and hands over to it (lib/postern/ops/install/).
set -eu

# Some panels start a cron job with these closed, or with no PATH, or with one of their own.
(exec 3>&2) || exec 2>/dev/null
(exec 3<&0) 2>/dev/null || exec </dev/null
(exec 3>&1) 2>/dev/null || exec >/dev/null
command -v dirname >/dev/null || PATH=${PATH:+$PATH:}/usr/bin:/bin
# By a link from another folder, it is the program's own folder that counts.
self=$0
while [ -L "$self" ]; do
    target=$(readlink "$self")
    case $target in
        /*) self=$target ;;
        *) self=$(dirname -- "$self")/$target ;;
    esac
done
top=$(CDPATH='' cd -- "$(dirname -- "$self")" && pwd -P)
case $top in
    *:*)
        echo "The path $top has a colon in it, at which Python would cut it in two." >&2
        echo "  Rename the folder." >&2
        exit 78
        ;;
esac
# An upgrade that was killed between two renames, where the file system cannot exchange two names at once.
if [ ! -d "$top/lib" ]; then
    home=${POSTERN_HOME:-${HOME:-}/.postern}
    echo "lib/ is missing: an upgrade was interrupted, or the upload." >&2
    echo "  Upload the program anew. After an upgrade: cd $home/releases/VERSION-TIME (the newest) and run" >&2
    echo "  POSTERN_HOME=$home PYTHONPATH=\$PWD/lib python3 -m postern rollback --mend" >&2
    exit 66
fi
# shellcheck source=lib/postern/ops/venv.sh
. "$top/lib/postern/ops/venv.sh"

usage() {
    cat <<'TEXT'
Usage: ./install.sh [--offline DIR] [--yes]       set everything up on this host, or mend it; run it as often as you like
       ./install.sh --check                       say what it would do, and change nothing
       ./install.sh --uninstall [--delete-data]   take back what it did; mail, keys and the database stay unless told otherwise
       ./install.sh --pack [FOLDER]               make the release archive
       ./install.sh demo [--once]                 show Postern at work on this machine, in .demo/
       ./install.sh help

Without a terminal (a one-time cron job) nothing is asked: answers come from ~/.postern/.env or from the environment.
docs/install.md lists them; the least is POSTERN_URL, POSTERN_RELAY_HOST, and a database where the panel cannot make one.

--offline DIR         take the packages from wheels in DIR, not from the package index
POSTERN_PYTHON=...    the Python to use (3.9 to 3.14)      POSTERN_HOME=...    the private folder, else ~/.postern
demo [--once]         needs no root and no PostgreSQL; stays up until Ctrl-C, or ends with an exit code (--once)
POSTERN_PG_BIN=...    the folder of PostgreSQL's initdb for the demo
TEXT
}

# The program, run by the Python that was found.
postern() { exec env PYTHONPATH="$top/lib" "$python" -B -m postern "$@"; }

# Byte code that a full disk cut off would stop the program before it can say anything.
sweep() {
    code=0
    "$python" -IB "$top/lib/postern/ops/byte_code.py" "$top/lib" || code=$?
    [ $code -le 1 ] || exit 73
}

# PostgreSQL's programs: the machine's own, else npm's package where npm is there, else a wheel that bundles them.
demo() {
    find_python
    find_work .demo
    cd "$top"
    found=0
    programs=$(PYTHONPATH=$top/lib "$python" -c 'import sys
from postern.base.errors import PosternError
from postern.ops.local import binaries, npm
try:
    place = binaries.installed()
    if place is None:
        try:
            place = npm.postgres(sys.argv[1])
        except npm.NotFetched as error:
            print(error, file=sys.stderr)
    print(place or "")
    sys.exit(0 if place else 3)
except PosternError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)' "$work/postgres") || found=$?
    case $found in
        0)
            make_venv "$top/requirements.txt"
            export POSTERN_PG_BIN="$programs"
            ;;
        3) make_venv "$top/requirements.txt" "$top/lib/postern/ops/local/embedded-requirements.txt" ;;
        *) exit "$found" ;;
    esac
    exec env PYTHONPATH="$top/lib" "$venv/bin/python" -m postern demo "$@"
}

case ${1:-} in
    "" | --check | --uninstall | --delete-data | --offline | --offline=* | --yes)
        find_python
        sweep
        postern install "$@"
        ;;
    --packages)
        # Called by the program: install.sh --packages HOME [DIR]
        shift
        find_python
        install_packages "$@"
        ;;
    --pack)
        shift
        find_python
        postern pack "$@"
        ;;
    demo)
        shift
        demo "$@"
        ;;
    help | -h | --help) usage ;;
    *)
        say "install.sh does not know '$1'."
        usage >&2
        exit 64
        ;;
esac
