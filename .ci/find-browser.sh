#!/bin/sh
# Print the path of a Chromium or Chrome for the browser tests; install one where there is none.
set -eu

installed() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        # Ubuntu's chromium-browser is a stub that only names the snap: a browser says its version
        if path=$(command -v "$name") && "$path" --version >/dev/null 2>&1; then
            printf '%s\n' "$path"
            return 0
        fi
    done
    mac="/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    if [ -x "$mac" ]; then
        printf '%s\n' "$mac"
        return 0
    fi
    return 1
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

if installed; then
    exit 0
fi
if command -v apt-get >/dev/null && as_root true 2>/dev/null; then
    echo "Installing chromium with apt-get for the browser tests ..." >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 </dev/null || true
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >&2 </dev/null || true
    if installed; then
        exit 0
    fi
fi
echo "Installing Playwright's chromium for the browser tests ..." >&2
python=$(dirname "$0")/../.venv/bin/python
if "$python" -m playwright install chromium >&2; then
    "$python" -c 'import playwright.sync_api as p
with p.sync_playwright() as tool: print(tool.chromium.executable_path)'
    exit 0
fi
echo "No browser could be installed for the browser tests: install chromium or google-chrome and run make test again." >&2
exit 2
