# shellcheck shell=sh
# Find a Python that Postern can run on, or say how to get one on this kind of host. Sourced by ops/venv.sh.
#
# Gives:  python  an interpreter, 3.9 to 3.14    (find_python [PATTERN...])
#         say, die

say() { printf '%s\n' "$*" >&2; }

# die REASON REMEDY [EXIT CODE]
die() {
    say "$1"
    say "  $2"
    exit "${3:-1}"
}

# What we need of a Python; it ends with the reason why it does not do.
probe='import os, sys
if sys.implementation.name != "cpython":
    sys.exit("it is no CPython")
if not (3, 9, 2) <= sys.version_info < (3, 15):
    sys.exit("too old" if sys.version_info < (3, 9, 2) else "too new")
if not os.access(getattr(sys, "_base_executable", "") or sys.executable, os.X_OK):
    sys.exit("the Python that this virtual environment was made from cannot be run")
for name in ("ssl", "hashlib", "zlib", "venv"):
    try:
        __import__(name)
    except ImportError:
        sys.exit("it lacks the module " + name)
if sys.argv[1:] and sys.version_info < (3, int(sys.argv[1])):
    sys.exit(1)'

# suits PYTHON [LEAST]: silent, and true when we can use it, and it is Python 3.LEAST or newer.
suits() { "$1" -I -c "$probe" ${2:+"$2"} </dev/null >/dev/null 2>&1; }

# find_python [PATTERN...]: the newest Python in the folders of PATH, where that is 3.10 or newer; else the newest of those and
# of the folders that the patterns match (none given: where hosts and people keep newer ones). POSTERN_PYTHON names another.
find_python() {
    python=${POSTERN_PYTHON:-}
    if [ -n "$python" ]; then
        suits "$python" || die "POSTERN_PYTHON=$python is no working Python 3.9 to 3.14: $(why_not "$python")." \
            "Name another, or unset it." 78
        return
    fi
    account=${HOME:-/nonexistent}
    # CloudLinux, cPanel's EasyApache, Red Hat's collections; an unpacked portable build, uv's, pyenv's; last the environments
    # that CloudLinux's "Setup Python App" made, for an app may be deleted there.
    [ $# -gt 0 ] || set -- /usr/local/bin '/opt/alt/python3*/bin' '/opt/cpanel/ea-python3*/root/usr/bin' \
        '/opt/python*/bin' '/opt/python/*/bin' '/opt/rh/*/root/usr/bin' "$account/.local/bin" "$account/python*/bin" \
        "$account/.local/share/uv/python/*/bin" "$account/.pyenv/versions/*/bin" \
        "$account/virtualenv/*/*/bin" "$account/virtualenv/*/*/*/bin"
    everywhere=$(folders "$@")
    for least in 10 9; do
        for places in "$(folders)" "$everywhere"; do
            python=$(interpreters | first_that_suits "$least")
            if [ -n "$python" ]; then return; fi
        done
    done
    say "No Python 3.9 to 3.14 that Postern can use was found. Looked at:"
    interpreters | while IFS= read -r one; do say "  $one: $(why_not "$one")"; done
    die "What helps on this host, any of these:" "$(python_advice)" 69
}

# first_that_suits LEAST: of the Pythons on stdin. It reads to the end: a broken pipe would be complained about.
first_that_suits() {
    found=""
    while IFS= read -r one; do
        if [ -z "$found" ] && suits "$one" "$1"; then found=$one; fi
    done
    printf '%s\n' "$found"
}

# folders PATTERN...: those of PATH, then those that the patterns match, a line each.
folders() (
    set -f
    IFS=:
    for folder in $PATH; do case $folder in /*) printf '%s\n' "$folder" ;; esac; done
    set +f
    IFS=''
    for pattern in "$@"; do
        for folder in $pattern; do if [ -d "$folder" ]; then printf '%s\n' "$folder"; fi; done
    done
)

# The Pythons in $places, a line each, newest first; those of unknown version behind.
interpreters() {
    for name in python3.14 python3.13 python3.12 python3.11 python3.10 python3 python \
        python3.9 python3.8 python3.7 python3.6; do
        printf '%s\n' "$places" | while IFS= read -r folder; do
            if [ -f "$folder/$name" ] && [ -x "$folder/$name" ]; then printf '%s\n' "$folder/$name"; fi
        done
    done
}

# why_not PYTHON: its version, and why we cannot use it.
why_not() {
    version=$("$1" -V 2>&1 </dev/null | sed -n 1p)
    case $version in
        "Python 2."* | "Python 3."[0-3].*) echo "$version, too old" ;; # these know no -I
        "Python "*) echo "$version, $("$1" -I -c "$probe" 2>&1 </dev/null | sed -n '$p')" ;;
        *) echo "does not run ($version)" ;;
    esac
}

# How to get one, on this kind of host.
python_advice() {
    if [ -d /opt/alt ] || command -v cloudlinux-selector >/dev/null; then
        echo "- CloudLinux: in the panel open \"Setup Python App\", press \"Create Application\", choose the newest Python and"
        echo "    any folder but the web site's. That makes ~/virtualenv/..., which is found here."
    fi
    if [ -d /usr/local/cpanel ] || command -v uapi >/dev/null; then
        echo "- cPanel: ask the host for the package ea-python311 (EasyApache 4), or alt-python311 (CloudLinux)."
    fi
    cat <<TEXT
- No root and no compiler: a portable Python. On your computer, get the newest
    cpython-3.13.*-$(uname -m)-unknown-linux-gnu-install_only.tar.gz from
    https://github.com/astral-sh/python-build-standalone/releases and upload it to your home folder; then, there:
    tar -xzf cpython-3.13.*.tar.gz    (makes ~/python, which is found here). Where uv runs: uv python install 3.13
- Your own machine: $(advice python3)
- A Python elsewhere: POSTERN_PYTHON=/path/to/python3 sh install.sh
  docs/python.md says more.
TEXT
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
