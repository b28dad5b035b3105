# shellcheck shell=sh
# Find a Python and make a private environment of pinned packages: for install.sh and tests/run, which source this file.
#
# Needs:  top     the folder of the clone
# Gives:  python  an interpreter, 3.9 to 3.14          (find_python)
#         work    a folder that we may write to         (find_work NAME)
#         venv    an environment with the packages      (make_venv FILE...)
# An environment is keyed by Python's version, the platform and the pinned files, built beside its place and renamed
# into it: a second run finds it ready, and two first runs at once do not meet.

: "${top:?}"

say() { printf '%s\n' "$*" >&2; }

# die REASON REMEDY [EXIT CODE]
die() {
    say "$1"
    say "  $2"
    exit "${3:-1}"
}

# Nothing of the caller's Python or pip habits may decide where packages go.
unset PYTHONHOME PYTHONPATH PYTHONSTARTUP PIP_TARGET PIP_PREFIX PIP_ROOT PIP_REQUIREMENT PIP_CONSTRAINT PIP_BREAK_SYSTEM_PACKAGES
export PIP_USER=0 PIP_USE_PEP517=1 PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore

# Silent and true when "$1" is a CPython that we support. A pyenv shim without its Python fails here, too.
suits() {
    "$1" -I -c 'import sys, ssl, venv
sys.exit(sys.implementation.name != "cpython" or not (3, 9, 2) <= sys.version_info < (3, 15))' >/dev/null 2>&1
}

# The newest Python on PATH; POSTERN_PYTHON names another.
find_python() {
    python=${POSTERN_PYTHON:-}
    if [ -n "$python" ]; then
        suits "$python" || die "POSTERN_PYTHON=$python is no working Python 3.9 to 3.14." "Name another, or unset it." 78
        return
    fi
    for name in python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 python3 python; do
        old_ifs=$IFS
        IFS=:
        for folder in $PATH; do
            IFS=$old_ifs
            python=$folder/$name
            if [ -f "$python" ] && [ -x "$python" ] && suits "$python"; then return; fi
        done
        IFS=$old_ifs
    done
    die "No Python 3.9 to 3.14 is on PATH." "$(advice python3)" 69
}

# find_work NAME: a folder in the clone, or in the user's cache where the clone is read-only.
find_work() {
    for work in "$top/$1" "${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/postern/${1#.}"; do
        if mkdir -p "$work/venv" 2>/dev/null && [ -w "$work/venv" ]; then return; fi
    done
    die "Neither $top nor $work can be written to." "Set XDG_CACHE_HOME to a folder of yours." 73
}

# make_venv FILE...: every FILE is complete, with a hash for every package.
make_venv() {
    key=$("$python" -I -c 'import hashlib, sys, sysconfig
pins = hashlib.sha256(b"\0".join(open(name, "rb").read() for name in sys.argv[1:])).hexdigest()
print("%d.%d-%s-%s" % (*sys.version_info[:2], sysconfig.get_platform(), pins[:16]))' "$@")
    venv=$work/venv/$key
    if [ -x "$venv/bin/python" ] && "$venv/bin/python" -I -c '' 2>/dev/null; then return; fi
    say "Installing the pinned packages into $venv (once)"
    # What a killed run left behind.
    find "$work/venv" -maxdepth 1 -name '.new-*' -mmin +60 -exec rm -rf {} +
    new=$(mktemp -d "$work/venv/.new-XXXXXX")
    trap 'rm -rf "$new" "$new.apt" "$new.log"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    empty_venv || die "No way to install packages for $python was found." "$(advice python3-venv)" 69
    for name in "$@"; do
        shift
        set -- "$@" -r "$name"
    done
    # --no-deps: the files name all that is needed, so nothing is left to resolve.
    run_pip install --quiet --no-deps --require-hashes --only-binary :all: --ignore-installed "$@" ||
        die "The packages could not be installed." "Is a package index reachable? pip's own settings (pip.conf) apply." 69
    put_in_place
    rm -rf "$new" "$new.apt" "$new.log"
    trap - EXIT INT TERM HUP
}

# Rename; another run may have been quicker, then its result serves us as well.
put_in_place() {
    if [ -d "$venv" ] && ! "$venv/bin/python" -I -c '' 2>/dev/null; then rm -rf "$venv"; fi
    "$python" -I -c 'import os, sys; os.rename(sys.argv[1], sys.argv[2])' "$new" "$venv" 2>/dev/null ||
        [ -x "$venv/bin/python" ] || die "$venv could not be made." "Is the disk full? Remove $work and try again." 73
}

# Make $new, and choose how run_pip reaches it. The wheel of pip that comes with Python is used as it lies there: to install
# it would take longer than all the rest. Debian and Ubuntu keep it out of Python, hence the other ways.
empty_venv() {
    "$python" -m venv --without-pip "$new" >/dev/null || return
    pip_way=wheel
    for place in "$(bundled)" /usr/share/python-wheels; do
        wheels=$(join_wheels "$place")
        if run_pip --version >/dev/null 2>&1; then return; fi
    done
    pip_way=host
    if run_pip --version >/dev/null 2>&1; then return; fi
    pip_way=wheel
    fetch_pip >"$new.log" 2>&1
    wheels=$(join_wheels "$new.apt")
    if run_pip --version >>"$new.log" 2>&1; then return; fi
    tail -n 5 "$new.log" >&2
    return 1
}

run_pip() {
    case $pip_way in
        wheel) [ -n "$wheels" ] && PYTHONPATH=$wheels "$new/bin/python" -m pip "$@" ;;
        host) "$python" -m pip --python "$new/bin/python" "$@" ;;
    esac
}

bundled() { "$python" -I -c 'import ensurepip, os; print(os.path.dirname(ensurepip.__file__))' 2>/dev/null; }

# Wheels can be imported from as they are; an older pip keeps its parts in wheels of their own, and needs distutils.
join_wheels() {
    find "$1" \( -name '*.whl' -o -name distutils -path '*/python3*' \) 2>/dev/null |
        sed 's|/distutils$||' | tr '\n' ':' | sed 's|:$||'
}

# Fetch and unpack Debian's package of the pip wheel. No root needed: nothing is installed.
fetch_pip() {
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return
    mkdir -p "$new.apt/lists/partial" "$new.apt/cache/archives/partial"
    # Images often come with empty package lists; then lists of our own are fetched.
    download_pip || { private_apt -qq update && download_pip; } || return
    "$python" -I -c 'import sys
if sys.version_info < (3, 12): import distutils.util' 2>/dev/null || download python3-distutils
    for name in "$new.apt"/*.deb; do dpkg-deb -x "$name" "$new.apt"; done
    # Debian splits distutils: the part that is here completes the part that was fetched.
    for name in "$new.apt"/usr/lib/python3*/distutils; do
        [ ! -d "$name" ] || cp "$("$python" -I -W ignore -c 'import distutils; print(distutils.__path__[0])')"/*.py "$name"
    done
}

# The name differs between releases.
download_pip() { download python3-pip-whl || download python-pip-whl; }

download() { (cd "$new.apt" && { apt-get -qq download "$1" || private_apt -qq download "$1"; }); }

private_apt() {
    apt-get -o Dir::State::lists="$new.apt/lists" -o Dir::Cache="$new.apt/cache" -o APT::Sandbox::User=root "$@"
}

# advice PACKAGE: how this distribution installs Debian's package PACKAGE.
advice() {
    family=$(sed -n 's/^ID\(_LIKE\)\{0,1\}=//p' /etc/os-release 2>/dev/null | tr '\n"' '  ')
    case " $family " in
        *" debian "* | *" ubuntu "*) echo "Run (as root): apt-get install $1" ;;
        *" fedora "* | *" rhel "* | *" centos "*) echo "Run (as root): dnf install python3 python3-pip" ;;
        *" alpine "*) echo "Run (as root): apk add python3 py3-pip" ;;
        *" arch "*) echo "Run (as root): pacman -S python python-pip" ;;
        *" suse "* | *" opensuse "*) echo "Run (as root): zypper install python3 python3-pip" ;;
        *) echo "Install Python 3.9 to 3.14 with its venv and pip modules." ;;
    esac
}
