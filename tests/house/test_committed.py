"""What is committed: nothing of one machine, nothing of a registry, no third-party file."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.serving import ROOT


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode != 0:
        pytest.skip("this is no git checkout, so nothing is tracked")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


# Written in pieces, so that this file does not hold what it looks for.
REGISTRIES = ("py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "deb.deb" + "ian.org")
MACHINE = re.compile(r"(?<![\w.~])/(work/(main|shared)|ro" + r"ot|opt/(pypi|wheels)|tmp/k)(/|\b)")


def test_no_tracked_file_names_a_registry_or_a_path_of_one_machine(tracked):
    found = []
    for file in tracked:
        text = file.read_bytes().decode("utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            if any(host in line for host in REGISTRIES) or MACHINE.search(line):
                found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert found == []


def test_no_third_party_file_is_tracked(tracked):
    names = [str(file.relative_to(ROOT)) for file in tracked]
    assert [name for name in names if "node_modules/" in name or name.startswith("web/static/vendor/")] == []


def test_the_lock_files_hold_hashes_and_no_address():
    for name in ("requirements.txt", "requirements-test.txt", "requirements-uv.txt"):
        lines = (ROOT / name).read_text().splitlines()
        pins = [line for line in lines if "==" in line]
        assert pins and all(line.endswith("\\") for line in pins), f"{name}: a pin without hashes"
        assert not [line for line in lines if "://" in line or line.startswith("--index")], name
    lock = (ROOT / "web" / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert '"integrity"' in lock
