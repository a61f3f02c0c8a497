# Sourced by run-lab and run-tests: a Python environment of the project's own, in .venv.
# Sets $python. Expects the repository's root as the current folder.

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

find_python() {
    local candidate
    for candidate in python3.13 python3.12 python3.11 python3; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2])' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    die "Python 3.11 or newer is needed: apt-get install python3 python3-venv"
}

make_venv() {
    local base
    base=$(find_python)
    say "Python environment: making .venv with $("$base" --version)"
    rm -rf .venv
    if ! "$base" -m venv .venv >/dev/null 2>&1; then
        [ "$(id -u)" = 0 ] || die "this Python can't make environments: apt-get install python3-venv"
        say "Python environment: installing Debian's python3-venv"
        { apt-get -qq update && apt-get -qq install -y python3-venv; } >/dev/null 2>&1 ||
            die "python3-venv could not be installed: is the network up?"
        rm -rf .venv
        "$base" -m venv .venv || die "this Python can't make environments"
    fi
}

wanted=$(cksum <pyproject.toml)
python=$PWD/.venv/bin/python
if [ ! -x "$python" ] || [ "$(cat .venv/installed 2>/dev/null)" != "$wanted" ]; then
    [ -x "$python" ] && "$python" -c 'import pip' 2>/dev/null || make_venv
    say "Python environment: installing Hushtape and its development tools"
    "$python" -m pip install --quiet --disable-pip-version-check --editable '.[dev]' >.venv/pip.log 2>&1 ||
        { tail -n 20 .venv/pip.log >&2; die "pip could not install what pyproject.toml asks for"; }
    printf '%s' "$wanted" >.venv/installed
fi
