#!/bin/sh
# Make the virtual environment .venv and put uv into it, unless that has been done already.
#   .ci/make-venv.sh [PYTHON]
# Made anew where the checkout has moved, uv's lock has changed, or PYTHON names another Python version.
set -eu
cd "$(dirname "$0")/.."
wanted=${1-}
stamp=.venv/.setup/venv

say() { printf '%s\n' "$*" >&2; }
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
version() { "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null; }
made_from() { printf '%s %s' "$(cksum <requirements-uv.txt)" "$PWD"; }

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(made_from)" ] && new_enough .venv/bin/python; then
    if [ -z "$wanted" ] || [ "$(version "$wanted")" = "$(version .venv/bin/python)" ]; then
        exit 0
    fi
fi

python=
if [ -n "$wanted" ]; then
    found=$(version "$wanted") || found=
    if [ -z "$found" ]; then
        say "PYTHON=$wanted does not run; name a Python of version 3.11 or newer, for example: make run PYTHON=python3.12"
        exit 2
    fi
    if ! new_enough "$wanted"; then
        say "PYTHON=$wanted is version $found, but Klette needs 3.11 or newer; name a newer one or leave PYTHON out."
        exit 2
    fi
    python=$wanted
else
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if new_enough "$candidate"; then
            python=$candidate
            break
        fi
    done
fi
if [ -z "$python" ]; then
    found=$(version python3) || found=
    say "Klette needs Python 3.11 or newer, and this machine offers ${found:-none}." \
        "Install one (Debian, Ubuntu: apt-get install python3.12 python3.12-venv; macOS: brew install python@3.12)" \
        "or name one: make run PYTHON=/path/to/python3.12"
    exit 2
fi
if ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
    minor=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    say "$python (version $(version "$python")) lacks the modules venv and ensurepip, which make .venv;" \
        "install them (Debian, Ubuntu: apt-get install python$minor-venv) and run make again."
    exit 2
fi

say "Making .venv with Python $(version "$python") ..."
rm -rf .venv
"$python" -m venv .venv
.venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-uv.txt
mkdir -p .venv/.setup
made_from >"$stamp"
