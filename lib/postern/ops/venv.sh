# shellcheck shell=sh
# Make a private environment of pinned packages: for install.sh and tests/run, which source this file.
#
# Needs:  top     the folder of the clone
# Gives:  python  an interpreter, 3.9 to 3.14; POSTERN_PYTHON names one   (find_python of ops/python.sh)
#         work    a folder that we may write to, and venvs in it         (find_work NAME)
#         venv    an environment with the packages, in the folder $venvs (make_venv FILE...)
#         HOME/venv, a link to an environment in HOME/venvs              (install_packages HOME [WHEELS])
# An environment is keyed by Python's version, the platform and the pinned files, built beside its place and renamed
# into it: a second run finds it ready, and two first runs at once do not meet.

: "${top:?}"

# shellcheck source=lib/postern/ops/python.sh
. "$top/lib/postern/ops/python.sh"

# Nothing of the caller's Python or pip habits may decide where packages go.
unset PYTHONHOME PYTHONPATH PYTHONSTARTUP PIP_TARGET PIP_PREFIX PIP_ROOT PIP_REQUIREMENT PIP_CONSTRAINT PIP_BREAK_SYSTEM_PACKAGES
offline=""
export PIP_USER=0 PIP_USE_PEP517=1 PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore

# find_work NAME: a folder in the clone, or in the user's cache where the clone is read-only.
find_work() {
    for work in "$top/$1" "${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/postern/${1#.}"; do
        venvs=$work/venv
        if mkdir -p "$venvs" 2>/dev/null && [ -w "$venvs" ]; then return; fi
    done
    die "Neither $top nor $work can be written to." "Set XDG_CACHE_HOME to a folder of yours." 73
}

# install_packages HOME [WHEELS]: what requirements.txt pins, in HOME/venvs, and HOME/venv leads there. From the folder WHEELS
# alone where it is given. The path of the environment is said on stdout.
install_packages() {
    offline=${2:-}
    [ -z "$offline" ] || [ -d "$offline" ] || die "There is no folder $offline." "Name the folder with the wheels." 66
    venvs=$1/venvs
    (umask 077 && mkdir -p "$venvs") || die "$venvs cannot be made." "$room" 73
    # A copy of each wheel in ~/.cache would count against the account's quota.
    export PIP_NO_CACHE_DIR=1
    make_venv "$top/requirements.txt"
    said=$("$venv/bin/python" -I -c 'import pg8000.native, cryptography.hazmat.primitives.ciphers.aead' 2>&1) ||
        die "The packages in $venv cannot be loaded: $(printf '%s\n' "$said" | sed -n '$p')" \
            "Remove $venv and run this again. If that does not help, the home may forbid programs (noexec): ask the host." 69
    link_venv "$1" || die "$1/venv cannot be made." "$room" 73
    printf '%s\n' "$venv"
}

room="Is there room (df -h, quota -s: it takes 50 MB), and does the folder belong to this account? Then run this again."

# link_venv HOME: a folder in the link's place (older installs had one) is moved aside; a process may be running from it.
link_venv() {
    "$python" -I -c 'import os, sys
home, key = sys.argv[1:]
link, target = os.path.join(home, "venv"), os.path.join("venvs", key)
if os.path.islink(link) and os.readlink(link) == target:
    sys.exit()
beside = os.path.join(home, "venvs", ".new-link-%d" % os.getpid())
os.symlink(target, beside)
if os.path.isdir(link) and not os.path.islink(link):
    os.rename(link, os.path.join(home, "venvs", "aside-%d" % os.getpid()))
os.replace(beside, link)' "$1" "$key"
}

# make_venv FILE...: every FILE is complete, with a hash for every package. $offline: a folder of wheels, instead of the index.
make_venv() {
    key=$("$python" -I -c 'import hashlib, sys, sysconfig
pins = hashlib.sha256(b"\0".join(open(name, "rb").read() for name in sys.argv[1:])).hexdigest()
print("%d.%d-%s-%s" % (*sys.version_info[:2], sysconfig.get_platform(), pins[:16]))' "$@")
    venv=$venvs/$key
    # What a killed run left behind.
    find "$venvs" -maxdepth 1 -name '.new-*' -mmin +60 -exec rm -rf {} + || :
    if [ -x "$venv/bin/python" ] && "$venv/bin/python" -I -c '' 2>/dev/null; then return; fi
    say "Installing the pinned packages into $venv (once)"
    new=$(mktemp -d "$venvs/.new-XXXXXX") || die "$venvs cannot be written to." "$room" 73
    trap 'rm -rf "$new" "$new".*' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    empty_venv || make_venv_failed "No way to install packages for $python was found." "$(advice python3-venv)" "$@"
    pip_install "$@" || make_venv_failed "The packages could not be installed." \
        "The lines above are pip's; its settings (pip.conf) apply." "$@"
    said=$("$new/bin/python" -IB "$top/lib/postern/ops/byte_code.py" "$new/lib" 2>&1) ||
        make_venv_failed "The packages could not be installed." "The line above says why." "$@"
    put_in_place
    rm -rf "$new" "$new".*
    trap - EXIT INT TERM HUP
}

# pip_install FILE...: what went wrong is in $said. --no-deps: the files name all that is needed, so nothing is left to resolve.
pip_install() {
    for name in "$@"; do
        shift
        set -- "$@" -r "$name"
    done
    [ -z "$offline" ] || set -- "$@" --no-index --find-links "$offline"
    # Beside the environment: /tmp may be small, or not ours to fill.
    said=$(mkdir "$new.tmp" 2>&1) && said=$(TMPDIR=$new.tmp run_pip install --quiet --no-deps --require-hashes --only-binary :all: \
        --ignore-installed "$@" 2>&1)
}

# make_venv_failed REASON REMEDY FILE...: ends with the reason that $said gives away, else with this one.
make_venv_failed() {
    printf '%s\n' "$said" | tail -n 5 >&2
    case $said in
        *"No space left"* | *"quota exceeded"* | *"limit exceeded"* | *"File too large"*)
            die "There is no room left in $venvs: the disk is full, or the account's quota is used up." "$room" 73
            ;;
        *"DO NOT MATCH THE HASHES"*)
            die "A package is not the one that is pinned: it was cut off on its way, or exchanged." \
                "Fetch it anew. If it happens again, use another index or network, and do not go on." 69
            ;;
        *"Retrying ("* | *"connection broken"* | *"No matching distribution"*)
            shift 2
            offline_advice "$@"
            ;;
    esac
    die "$1" "$2" 69
}

# offline_advice FILE...: ends with how to bring the wheels from another machine. pip takes the conditions in a pinned file
# (markers) by the Python that it runs on, not by the one that it fetches for, so the list for this one is made here.
offline_advice() {
    # All three numbers: a package may leave out the first releases of a version.
    version=$("$python" -I -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
    list=$venvs/wheels-$version.txt
    with_pip -c 'import re, sys
from pip._vendor.packaging.requirements import Requirement
for name in sys.argv[1:]:
    with open(name) as file:
        lines = file.read().replace("\\\n", " ").splitlines()
    for line in lines:
        pin, *hashes = re.split(r"\s+(?=--hash=)", line.partition("#")[0].strip())
        if pin and (Requirement(pin).marker is None or Requirement(pin).marker.evaluate()):
            print(pin.partition(";")[0].strip(), *(part.strip() for part in hashes))' "$@" >"$list" ||
        die "The package index cannot be reached, and $list cannot be written." "$room" 73
    if [ -n "$offline" ]; then
        say "The folder $offline lacks a package for Python $version on this machine."
    else
        say "The package index cannot be reached, or has no package for Python $version on this machine."
    fi
    say "The list of what is needed is $list. Copy it to a computer that reaches the index, and run there:"
    say "  python3 -m pip download --no-deps --only-binary :all: --require-hashes -r wheels-$version.txt --dest wheels \\"
    say "    --platform manylinux2014_$(uname -m) --python-version $version --implementation cp"
    die "Then upload the folder wheels." "Run: sh install.sh --offline wheels" 69
}

# Rename; another run may have been quicker, then its result serves us as well. `activate` and the programs in bin/ hold the
# path that they were made at.
put_in_place() {
    if [ -d "$venv" ] && ! "$venv/bin/python" -I -c '' 2>/dev/null; then rm -rf "$venv"; fi
    "$python" -I -c 'import os, pathlib, sys
new, venv = (pathlib.Path(name) for name in sys.argv[1:])
for path in (new / "bin").iterdir():
    if not path.is_symlink() and new.name.encode() in path.read_bytes():
        path.write_bytes(path.read_bytes().replace(new.name.encode(), venv.name.encode()))
os.rename(new, venv)' "$new" "$venv" 2>/dev/null ||
        [ -x "$venv/bin/python" ] || die "$venv could not be made." "$room" 73
}

# Make $new, and choose how run_pip reaches it. The wheel of pip that comes with Python is used as it lies there: to install
# it would take longer than all the rest. Debian and Ubuntu keep it out of Python, hence the other ways.
empty_venv() {
    said=$("$python" -m venv --without-pip "$new" 2>&1) || return
    pip_way=wheel
    for place in "$(bundled)" /usr/share/python-wheels; do
        wheels=$(join_wheels "$place")
        if run_pip --version >/dev/null 2>&1; then return; fi
    done
    pip_way=host
    if run_pip --version >/dev/null 2>&1; then return; fi
    pip_way=wheel
    said=$(fetch_pip 2>&1) || :
    wheels=$(join_wheels "$new.apt")
    run_pip --version >/dev/null 2>&1
}

run_pip() {
    case $pip_way in
        wheel) [ -n "$wheels" ] && with_pip -m pip "$@" ;;
        host) with_pip -m pip --python "$new/bin/python" "$@" ;;
    esac
}

# with_pip ARGS...: a Python that can import pip.
with_pip() {
    case $pip_way in
        wheel) PYTHONPATH=$wheels "$new/bin/python" "$@" ;;
        host) "$python" "$@" ;;
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
