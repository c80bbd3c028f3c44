"""Set-up: the locks fit what they lock, and each thing that a machine may lack is named in a sentence."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.serving import ROOT
from web.vendor import FILES, vendor


def pins(name: str) -> dict[str, list[str]]:
    """Package name -> the pinned requirements (version and marker) of a lock file."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / name).read_text().splitlines():
        if match := re.match(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==(.+?) ?\\?$", line):
            found.setdefault(match[1], []).append(match[2].strip())
    return found


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~; ]", requirement, maxsplit=1)[0].lower() for requirement in requirements}


def test_every_dependency_is_in_the_locks():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    served = names(project["project"]["dependencies"]) | names(groups["setup"])
    assert served <= set(pins("requirements.txt")), "run `make lock`"
    assert served | names(groups["test"]) <= set(pins("requirements-test.txt")), "run `make lock`"


def test_the_tests_run_on_the_versions_that_are_served():
    tested = pins("requirements-test.txt")
    assert {name: tested.get(name) for name in pins("requirements.txt")} == pins("requirements.txt")


def test_the_peers_are_measured_beside_the_versions_that_are_tested():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    measured = pins("requirements-bench.txt")
    assert names(project["dependency-groups"]["bench"]) <= set(measured), "run `make lock`"
    assert {name: measured.get(name) for name in pins("requirements-test.txt")} == pins("requirements-test.txt")


def test_one_lock_serves_pymc_5_on_python_3_11_and_pymc_6_above():
    assert [(pin.split(".")[0], pin.split(";")[1].strip()) for pin in pins("requirements.txt")["pymc"]] == [
        ("5", "python_full_version < '3.12'"),
        ("6", "python_full_version >= '3.12'"),
    ]


def test_the_front_end_lock_fits_its_package_file():
    wanted = json.loads((ROOT / "web" / "package.json").read_text())["dependencies"]
    locked = json.loads((ROOT / "web" / "package-lock.json").read_text())["packages"]
    assert locked[""]["dependencies"] == wanted
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted


# The virtual environment ----------------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The parts of a fresh checkout that make the virtual environment, in a folder with a space in its name."""
    folder = tmp_path / "a checkout"
    folder.mkdir()
    shutil.copytree(ROOT / ".ci", folder / ".ci")
    shutil.copy(ROOT / "requirements-uv.txt", folder)
    return folder


def program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def make_venv(checkout: Path, python: str = "", path: str = "") -> subprocess.CompletedProcess:
    return subprocess.run(
        ["/bin/sh", ".ci/make-venv.sh", python],
        cwd=checkout,
        env={"PATH": path or os.environ["PATH"], "HOME": str(checkout)},
        capture_output=True,
        text=True,
    )


def assert_one_sentence(result: subprocess.CompletedProcess, *words: str) -> None:
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in result.stderr


# Pretends to be Python 3.9: fails the version check, and prints its version when asked.
OLD_PYTHON = 'case "$2" in *exit*) exit 1;; *print*) echo 3.9.2;; esac'
# A Python of this version, without the modules venv and ensurepip.
BARE_PYTHON = f'case "$2" in *ensurepip*) exit 1;; *) exec "{sys.executable}" "$@";; esac'


def test_a_python_that_is_too_old_is_named_with_the_remedy(checkout, tmp_path):
    old = program(tmp_path / "bin", "python3", OLD_PYTHON)
    result = make_venv(checkout, str(old))
    assert_one_sentence(result, "3.9.2", "3.11 or newer")
    assert not (checkout / ".venv").exists()


def test_a_machine_with_old_pythons_only_is_shown_what_to_install(checkout, tmp_path):
    tools = tmp_path / "bin"
    program(tools, "python3", OLD_PYTHON)
    for name in ("sh", "dirname", "cat", "cksum"):
        (tools / name).symlink_to(shutil.which(name) or name)
    assert_one_sentence(make_venv(checkout, path=str(tools)), "offers 3.9.2", "apt-get install", "PYTHON=")


def test_a_python_that_does_not_exist_is_named(checkout):
    assert_one_sentence(make_venv(checkout, "python9.99"), "PYTHON=python9.99 does not run")


def test_a_missing_venv_module_is_named_with_its_package(checkout, tmp_path):
    bare = program(tmp_path / "bin", "python3", BARE_PYTHON)
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert_one_sentence(make_venv(checkout, str(bare)), "ensurepip", f"apt-get install python{minor}-venv")


def test_an_environment_that_is_right_is_left_alone(checkout):
    setup = checkout / ".venv" / ".setup"
    program(checkout / ".venv", "unused", "")
    (checkout / ".venv" / "bin").mkdir()
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    setup.mkdir()
    sums = subprocess.run(["cksum"], stdin=(checkout / "requirements-uv.txt").open(), capture_output=True, text=True)
    (setup / "venv").write_text(f"{sums.stdout.strip()} {checkout}")
    before = (setup / "venv").stat().st_mtime_ns
    result = make_venv(checkout)
    assert (result.returncode, result.stderr) == (0, "")
    assert (setup / "venv").stat().st_mtime_ns == before


# The rest -------------------------------------------------------------------------------------------------------


def test_make_help_lists_the_targets():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    for target in ("run", "test", "check", "format", "proof", "bench", "map", "messages", "lock", "clean"):
        assert f"make {target} " in listed


def test_the_build_server_runs_make_test_without_being_asked_anything(tmp_path):
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & stat.S_IXUSR
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "Makefile").write_text("test:\n\t@echo ran make test; exit 3\n")
    result = subprocess.run([tmp_path / ".ci" / "run"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert "ran make test" in result.stdout
    assert result.returncode != 0, "a failing test must fail the build"


def test_the_browser_is_one_that_runs():
    found = subprocess.run(["sh", ROOT / ".ci" / "find-browser.sh"], capture_output=True, text=True, timeout=250)
    assert found.returncode == 0, found.stderr
    version = subprocess.run([found.stdout.strip(), "--version"], capture_output=True, text=True).stdout
    assert re.search(r"Chrom(e|ium)", version)


def test_vendoring_leaves_the_listed_files_alone_in_their_folder(tmp_path):
    for source, name in FILES:
        file = tmp_path / "node_modules" / source
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"/* {name} */")
    target = tmp_path / "vendor"
    target.mkdir()
    (target / "of-an-older-version.js").write_text("")
    vendor(tmp_path / "node_modules", target)
    assert {file.name: file.read_text() for file in target.iterdir()} == {name: f"/* {name} */" for _, name in FILES}


def test_vendoring_names_a_file_that_a_package_does_not_hold(tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape(FILES[0][0])):
        vendor(tmp_path, tmp_path / "vendor")
    assert not (tmp_path / "vendor").exists()


def test_where_no_other_python_is_found_the_tests_say_so_and_go_on(checkout, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("dirname", "ls", "cat", "cksum"):
        (tools / name).symlink_to(shutil.which(name) or name)
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    result = subprocess.run(
        ["/bin/sh", ".ci/test-other.sh"],
        cwd=checkout,
        env={"PATH": str(tools), "HOME": str(checkout), "PYENV_ROOT": str(checkout)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0
    assert "No Python on the other side of 3.12 was found" in result.stderr


def test_the_other_python_runs_the_statistics_tests_and_fails_with_them(checkout, tmp_path):
    """A stand-in for the other interpreter: it says it is on the other side and fails as pytest would."""
    side = "old" if sys.version_info >= (3, 12) else "new"
    other = f'[ "$1" = -c ] && case "$2" in *new*) echo {side};; esac; [ "$1" = --version ] && echo Python X; exit 0'
    program(tmp_path / "tools", "python3.12", other)
    for name in ("dirname", "ls", "cat", "cksum", "rm", "mkdir"):
        (tmp_path / "tools" / name).symlink_to(shutil.which(name) or name)
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    failing = '[ "$1" = -m ] && echo "tests: $*" && exit 1; exit 0'
    program(tmp_path / "made", "python", failing)
    make = f'[ "$1" = venv ] && mkdir -p .venv/other/bin && cp {tmp_path}/made/python .venv/other/bin/python; exit 0'
    program(checkout / ".venv" / "bin", "uv", make.replace("cp ", f"{shutil.which('cp')} "))
    (checkout / "requirements-test.txt").write_text("")
    result = subprocess.run(
        ["/bin/sh", ".ci/test-other.sh"],
        cwd=checkout,
        env={"PATH": str(tmp_path / "tools"), "HOME": str(checkout), "PYENV_ROOT": str(checkout)},
        capture_output=True,
        text=True,
    )
    assert "tests: -m pytest tests/analysis" in result.stdout, result.stderr
    assert result.returncode == 1
