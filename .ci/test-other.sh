#!/bin/sh
# Run the statistics' tests on the other side of Python 3.12 too, where such an interpreter is found: PyMC 5 with
# ArviZ 0.23 below it, PyMC 6 with ArviZ 1.x from there on. The lock file serves both. Arguments go on to pytest.
set -eu
cd "$(dirname "$0")/.."
other=.venv/other

say() { printf '%s\n' "$*" >&2; }
side() { "$1" -c 'import sys; print("new" if sys.version_info >= (3, 12) else "old" if sys.version_info >= (3, 11) else "")' 2>/dev/null; }

candidates() {
    printf '%s\n' python3.12 python3.13 python3.14 python3.11 python3
    for version in 3.12 3.13 3.14 3.11; do
        ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/$version*/bin/python3 2>/dev/null || true
    done
}

ours=$(side .venv/bin/python)
found=
for candidate in $(candidates); do
    theirs=$(side "$candidate") || continue
    if [ -n "$theirs" ] && [ "$theirs" != "$ours" ] && "$candidate" -c 'import venv, ensurepip' >/dev/null 2>&1; then
        found=$candidate
        break
    fi
done
if [ -z "$found" ]; then
    say "No Python on the other side of 3.12 was found, so the statistics were tested on one version of PyMC alone."
    exit 0
fi

made_from="$(cksum <requirements-test.txt) $("$found" --version)"
if [ ! -f "$other/.made" ] || [ "$(cat "$other/.made")" != "$made_from" ]; then
    say "Making a second environment with $("$found" --version) ..."
    rm -rf "$other"
    .venv/bin/uv venv --quiet --python "$found" "$other"
    .venv/bin/uv pip sync --quiet --python "$other/bin/python" --require-hashes requirements-test.txt
    printf '%s' "$made_from" >"$other/.made"
fi
say "The statistics' tests on $("$other/bin/python" --version) with $("$other/bin/python" -c 'from importlib.metadata import version as v; print("PyMC", v("pymc"), "and ArviZ", v("arviz"))'):"
# The slow ones are long simulations of the same code: once is enough.
exec "$other/bin/python" -m pytest tests/analysis -q -m "not slow" -p no:cacheprovider "$@"
